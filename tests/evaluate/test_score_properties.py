from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import add
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.evaluate.content import ANYTHING, Content
from onlooker.evaluate.metrics import LESS_IS_BETTER, Metrics, metrics
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.reward import reward
from onlooker.evaluate.score import Score, score
from onlooker.evaluate.summary import by_family, summarize
from onlooker.evaluate.truth import Expected, Truth
from tests.evaluate.random_streams import emissions, truths

said_in_all = st.lists(emissions, max_size=10)


def numbers(one: Score) -> Metrics:
    return metrics(one.counts, one.timings)


def words_for(content: Content) -> str:
    match content.kind:
        case "number":
            return f"{content.number:g}"
        case "keywords":
            return " ".join(content.texts)
    return content.texts[0] if content.texts else ""


def told_perfectly(truth: Truth) -> tuple[Emission, ...]:
    return tuple(
        Emission(event.onset_s, words_for(event.content), event.action) for event in truth.events
    )


@given(truths(), said_in_all)
def test_scores_stay_in_their_range(truth: Truth, said: list[Emission]) -> None:
    for name, value in numbers(score(truth, Prediction("a clip", tuple(said)))).items():
        assert value is None or value >= 0, name
        if not name.endswith(("_hour", "_minute", "_decision")):
            assert value is None or value <= 1, name


@given(truths(), said_in_all, st.integers(0, 9))
def test_the_order_of_speech_changes_no_number(
    truth: Truth, said: list[Emission], seed: int
) -> None:
    mixed = said.copy()
    Random(seed).shuffle(mixed)  # noqa: S311
    one, other = (
        numbers(score(truth, Prediction("a clip", tuple(some)))) for some in (said, mixed)
    )
    # Of two texts at one moment either may be the duplicate; nothing else may differ.
    assert one == pytest.approx(other, nan_ok=True)


@given(truths(has_spans=False), said_in_all, emissions, st.sampled_from((1.0, 3.0, 8.0)))
def test_one_more_false_alarm_raises_no_score(
    truth: Truth, said: list[Emission], more: Emission, tolerance_s: float
) -> None:
    if any(event.onset_s <= more.time_s <= event.until_s + 8.0 for event in truth.events):
        return
    before, after = (
        numbers(score(truth, Prediction("a clip", tuple(some)))) for some in (said, [*said, more])
    )
    names = {"timing_precision", "answer_f1", "coupled"}
    names |= {name for name in before if name.startswith("timing_f1")}
    for name in names:
        assert (after[name] or 0.0) <= (before[name] or 0.0), name
    assert after["timing_recall"] == before["timing_recall"]
    name = "false_alarms_per_quiet_hour"
    assert name in LESS_IS_BETTER
    assert (after[name] or 0.0) >= (before[name] or 0.0)
    with_more = reward(truth, [*said, more], tolerance_s).total
    assert with_more <= reward(truth, said, tolerance_s).total + 1e-12


@given(truths(has_spans=False))
def test_a_perfect_player_gets_the_maximum(truth: Truth) -> None:
    one = numbers(score(truth, Prediction("a clip", told_perfectly(truth))))
    assert one["timing_f1"] == one["coupled"] == one["timing_f1@3s"] == 1.0
    assert one["missed_share"] in (0.0, None)
    assert one["false_alarms_per_quiet_hour"] in (0.0, None)


@given(truths(has_spans=False), said_in_all, st.sampled_from((1.0, 3.0, 8.0)))
def test_no_rollout_is_rewarded_more_than_the_perfect_one(
    truth: Truth, said: list[Emission], tolerance_s: float
) -> None:
    # Events of one moment could be told in each other's words, so one of each moment is kept.
    apart = {event.onset_s // 20: event for event in truth.events}
    truth = replace(truth, events=tuple(apart.values()))
    best = reward(truth, told_perfectly(truth), tolerance_s)
    assert best.total == pytest.approx(1.0)
    assert reward(truth, said, tolerance_s).total <= best.total + 1e-12


@given(said_in_all, st.sampled_from((1.0, 8.0)))
def test_on_a_quiet_stream_silence_gets_the_maximum(
    said: list[Emission], tolerance_s: float
) -> None:
    quiet = Truth("a clip", 60.0)
    assert reward(quiet, (), tolerance_s).total == 1.0
    if said:
        assert reward(quiet, said, tolerance_s).total < 1.0


@given(st.lists(st.tuples(truths(), said_in_all), min_size=1, max_size=4))
def test_numbers_over_many_streams_are_those_of_their_summed_counts(
    pairs: list[tuple[Truth, list[Emission]]],
) -> None:
    scores = [score(truth, Prediction("a clip", tuple(said))) for truth, said in pairs]
    summed = summarize(scores, num_redrawn=5)
    assert summed.counts == reduce(add, (one.counts for one in scores))
    assert summed.metrics["timing_recall"] == pytest.approx(
        1.0
        if not summed.counts.num_expected
        else summed.counts.num_told / summed.counts.num_expected
    )
    assert sum(part.num_items for part in by_family(scores, num_redrawn=2).values()) == len(scores)


def test_the_interval_is_the_same_on_every_run_and_holds_the_number() -> None:
    truth = Truth("a", 60.0, (Expected("e", 10.0, 10.0, content=ANYTHING),))
    scores = [
        score(truth, Prediction("a", (Emission(10.0 if told else 30.0),)))
        for told in [True] * 30 + [False] * 10
    ]
    one, other = summarize(scores, seed=3), summarize(scores, seed=3)
    assert one.intervals == other.intervals
    interval = one.intervals["timing_f1"]
    assert one.metrics["timing_f1"] == 0.75
    # Three quarters of forty: the standard error is sqrt(.75 x .25 / 40) = 0.068.
    assert interval.low == pytest.approx(0.75 - 1.96 * 0.068, abs=0.03)
    assert interval.high == pytest.approx(0.75 + 1.96 * 0.068, abs=0.03)


def test_scores_of_other_tolerances_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="nothing to sum up"):
        summarize([])
