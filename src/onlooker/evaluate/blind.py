"""Players that never look. Every number stands beside what they get.

Permanent silence, speech at every second, and a clock: every so many seconds, or once after so
many, from the moment of the first instruction. Which clock is chosen on other streams only: for
each stream the one that does best on the rest of its family (leave-one-out).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor

import numpy as np
import numpy.typing as npt

from onlooker.evaluate.alignment import align
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.score import Score, ScoreSettings, score
from onlooker.evaluate.truth import Truth


@dataclass(frozen=True, slots=True)
class Clock:
    """Speaks after `after_s`, and then again each `after_s` unless it does so once."""

    after_s: float
    is_once: bool = False

    def __post_init__(self) -> None:
        if self.after_s <= 0 and not self.is_once:
            raise ValueError(f"a clock that speaks every {self.after_s} s never stops: above 0")

    def play(self, truth: Truth) -> Prediction:
        """Speak on one stream, knowing its length and when it was first asked something."""
        num_times = 1
        if not self.is_once:
            num_times = max(0, floor((truth.duration_s - truth.asked_s) / self.after_s + 1e-9))
        times_s = (truth.asked_s + number * self.after_s for number in range(1, num_times + 1))
        said = tuple(Emission(time_s) for time_s in times_s if time_s <= truth.duration_s)
        return Prediction(truth.item, said)


_STEPS_S = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50, 60)
CLOCKS = tuple(Clock(float(after_s)) for after_s in _STEPS_S) + tuple(
    Clock(float(after_s), is_once=True) for after_s in (0, *_STEPS_S)
)
ALWAYS = Clock(1.0)


def silence(truth: Truth) -> Prediction:
    """Say nothing."""
    return Prediction(truth.item)


def blind_scores(
    truths: Sequence[Truth], settings: ScoreSettings | None = None
) -> dict[str, tuple[Score, ...]]:
    """Score every blind player on every stream.

    Returns:
        player -> its scores, in the order of `truths`. There is no "clock" for a single stream:
        nothing is left to tune it on.
    """
    settings = settings or ScoreSettings()
    scores = {
        "silence": tuple(score(truth, silence(truth), settings) for truth in truths),
        "always": tuple(score(truth, ALWAYS.play(truth), settings) for truth in truths),
    }
    if clocks := tuned_clocks(truths, settings):
        scores["clock"] = tuple(
            score(truth, clocks[truth.item].play(truth), settings) for truth in truths
        )
    return scores


def tuned_clocks(
    truths: Sequence[Truth],
    settings: ScoreSettings | None = None,
    clocks: Sequence[Clock] = CLOCKS,
) -> dict[str, Clock]:
    """Choose each stream's clock on other streams, by their timing F1 at the main tolerance.

    Those of its family if there are any, otherwise all others. Of equals the first wins.
    """
    settings = settings or ScoreSettings()
    if len(truths) < 2:
        return {}
    # T = truths, C = clocks, N = told, counted, expected.
    counts_TCN = np.array(
        [[_counts(truth, clock, settings) for clock in clocks] for truth in truths]
    )
    families = np.array([truth.family for truth in truths])
    chosen: dict[str, Clock] = {}
    for number, truth in enumerate(truths):
        is_other_T = families == truth.family
        if is_other_T.sum() < 2:
            is_other_T = np.ones(len(truths), bool)
        others_CN = counts_TCN[is_other_T].sum(0) - counts_TCN[number]
        chosen[truth.item] = clocks[_best(others_CN)]
    return chosen


def lift(scores: Mapping[str, float | None], blind: Mapping[str, float | None]) -> dict[str, float]:
    """Give what is left of each number after what a blind player gets."""
    return {
        name: value - other
        for name, value in scores.items()
        if value is not None and (other := blind.get(name)) is not None
    }


def _counts(truth: Truth, clock: Clock, settings: ScoreSettings) -> tuple[int, int, int]:
    tolerance_s = settings.tolerances_s[0]
    told = align(truth, clock.play(truth).emissions, tolerance_s, settings.early_s)
    return len(told.tellings), told.num_counted, len(truth.events)


def _best(counts_CN: npt.NDArray[np.int64]) -> int:
    told_C, counted_C, expected_C = counts_CN.T
    whole_C = counted_C + expected_C
    return int(np.argmax(np.where(whole_C, 2 * told_C / np.maximum(whole_C, 1), 1.0)))
