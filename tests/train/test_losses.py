import math

import pytest
import torch

from onlooker.model.render import Worth
from onlooker.train.losses import PRESETS, UnknownPreset, preset, weighted_loss

WORTHS = torch.tensor([
    Worth.CONTEXT, Worth.FIRST_SILENCE, Worth.REPEATED_SILENCE, Worth.REPEATED_SILENCE,
    Worth.RESPONSE, Worth.TEXT, Worth.END,
])  # fmt: skip
LOG_PROBS = torch.tensor([-9.0, -1.0, -2.0, -2.0, -3.0, -0.5, -0.25])


@pytest.mark.parametrize(
    ("name", "summed"),
    [
        ("ce", 1 + 2 + 2 + 3 + 0.5 + 0.25),
        ("joyai", 1 + 0.4 * 4 + 1.5 * 3 + 0.5 + 0.25),
        ("harness", 1 + 0.8 * 4 + 1.5 * 3 + 0.5 + 0.25),
        ("transition", 5 * 1 + 4 + 5 * 3 + 0.5 + 0.25),
        ("silent_1_over_n", 1 + 0.5 * 4 + 3 + 0.5 + 0.25),
    ],
)
def test_a_loss_is_the_weighted_sum_over_the_tokens_that_are_learned(
    name: str, summed: float
) -> None:
    loss = weighted_loss(LOG_PROBS, WORTHS, preset(name))
    assert float(loss) == pytest.approx(summed / 6)


def test_what_is_only_read_does_not_count_whatever_the_preset() -> None:
    for name in PRESETS:
        torch.manual_seed(0)
        loss = weighted_loss(LOG_PROBS, WORTHS, preset(name))
        torch.manual_seed(0)
        changed = LOG_PROBS.clone()
        changed[0] = -1e6
        assert float(weighted_loss(changed, WORTHS, preset(name))) == float(loss), name


def test_the_first_silence_after_speech_keeps_its_weight() -> None:
    for name in PRESETS:
        weights = preset(name)(WORTHS[1:], LOG_PROBS[1:])
        assert float(weights[0]) >= 1.0, name


def test_repeated_silences_are_mostly_dropped_by_keep10() -> None:
    torch.manual_seed(1)
    many = torch.full((5000,), int(Worth.REPEATED_SILENCE))
    kept = preset("keep10")(many, torch.zeros(5000)).mean()
    assert 0.07 < float(kept) < 0.13


def test_the_focal_weight_is_that_of_the_formula() -> None:
    weights = preset("focal_inverse")(WORTHS[4:5], torch.tensor([math.log(0.5)]))
    assert float(weights[0]) == pytest.approx(0.25)


def test_classes_are_balanced_and_weigh_as_much_as_before() -> None:
    worths = torch.tensor([Worth.REPEATED_SILENCE] * 90 + [Worth.RESPONSE] * 10)
    weights = preset("class_balanced")(worths, torch.zeros(100))
    assert float(weights.sum()) == pytest.approx(100)
    assert float(weights[-1] / weights[0]) == pytest.approx(9, rel=0.01)


def test_an_unknown_preset_is_refused_with_all_that_are_known() -> None:
    with pytest.raises(UnknownPreset, match="'cee' is not known; there are ce, joyai"):
        preset("cee")
