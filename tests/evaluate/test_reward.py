from __future__ import annotations

import pytest

from onlooker.evaluate.content import Content
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.reward import RewardWeights, reward
from onlooker.evaluate.score import ScoreSettings, score
from onlooker.evaluate.truth import Expected, Truth

TWO = Truth(
    "a",
    120.0,
    (
        Expected("count", 10.0, 10.0, "speak", Content("number", number=1.0)),
        Expected("hard", 60.0, 60.0, "delegate"),
    ),
)


def test_credit_falls_in_a_straight_line_and_annealing_tightens_it() -> None:
    said = (Emission(12.0, "1"), Emission(62.0, "One moment.", "delegate"))
    assert reward(TWO, said, tolerance_s=8.0).timing == pytest.approx(0.75)
    assert reward(TWO, said, tolerance_s=4.0).timing == pytest.approx(0.5)
    assert reward(TWO, said, tolerance_s=1.0).timing == 0.0


def test_early_speech_gets_nothing() -> None:
    assert reward(TWO, (Emission(9.0, "1"),), tolerance_s=8.0).timing == 0.0


def test_the_timing_part_is_the_scores_f1_where_all_tellings_are_prompt() -> None:
    said = (Emission(10.0, "1"), Emission(90.0))
    scored = score(TWO, Prediction("a", said), ScoreSettings((3.0,)))
    assert reward(TWO, said, tolerance_s=3.0).timing == pytest.approx(scored.timings[0].f1)


def test_delegating_everything_is_worth_less_than_doing_each_the_right_way() -> None:
    right = reward(TWO, (Emission(10.0, "1"), Emission(60.0, "", "delegate")), 3.0)
    all_delegated = reward(
        TWO, (Emission(10.0, "1", "delegate"), Emission(60.0, "", "delegate")), 3.0
    )
    assert right.delegation == 1.0
    # One of two done right, and one delegation more than was due.
    assert all_delegated.delegation == 0.0
    assert all_delegated.total < right.total


def test_repeating_an_event_costs() -> None:
    once = reward(TWO, (Emission(10.0, "1"),), 3.0)
    twice = reward(TWO, (Emission(10.0, "1"), Emission(11.0, "1")), 3.0)
    assert twice.repeats == 0.5
    assert twice.total < once.total


def test_weights_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="weigh 1"):
        RewardWeights(timing=0.9)
