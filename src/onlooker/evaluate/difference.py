"""Two runs of one suite: which numbers differ by more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from onlooker.evaluate.metrics import LESS_IS_BETTER, metrics
from onlooker.evaluate.score import Score
from onlooker.evaluate.summary import redrawn, summed

NEITHER = frozenset(
    {"emissions_per_minute", "prompt_tokens_per_decision", "completion_tokens_per_decision"}
)


@dataclass(frozen=True, slots=True)
class Change:
    """One number of two runs. The interval is of the difference, other minus one."""

    name: str
    one: float
    other: float
    low: float
    high: float
    p: float  # two-sided: how likely a difference as large is by the choice of items alone

    @property
    def is_significant(self) -> bool:
        return self.low > 0 or self.high < 0

    @property
    def verdict(self) -> str:
        """Better, worse or no difference, of the other run."""
        if not self.is_significant:
            return "no difference shown"
        if self.name in NEITHER:
            return "more" if self.low > 0 else "less"
        return "better" if (self.low > 0) != (self.name in LESS_IS_BETTER) else "worse"


@dataclass(frozen=True, slots=True)
class Compared:
    """Two runs over the items that both have scores of."""

    num_items: int
    only_one: tuple[str, ...]  # items that the other run lacks
    only_other: tuple[str, ...]
    changes: tuple[Change, ...]


def compare(
    one: Sequence[Score], other: Sequence[Score], *, num_redrawn: int = 2000, seed: int = 0
) -> Compared:
    """Compare two runs by the paired bootstrap: items are redrawn, each with both its scores.

    Raises:
        ValueError: fewer than two items are in both.

    Source: Efron and Tibshirani 1993, chapter 16; Koehn 2004 for its use on paired systems.
    """
    ones, others = _by_item(one), _by_item(other)
    items = [item for item in ones if item in others]
    if len(items) < 2:
        raise ValueError(f"the runs have {len(items)} items in common: at least 2 are needed")
    times_RS = np.random.default_rng(seed).multinomial(
        len(items), np.full(len(items), 1 / len(items)), num_redrawn
    )
    drawn_one = redrawn([ones[item] for item in items], times_RS)
    drawn_other = redrawn([others[item] for item in items], times_RS)
    whole_one = metrics(*summed(ones[item] for item in items))
    whole_other = metrics(*summed(others[item] for item in items))
    changes = []
    for name, value in whole_one.items():
        after = whole_other[name]
        pairs = [
            (left, right)
            for left, right in zip(drawn_one[name], drawn_other[name], strict=True)
            if left is not None and right is not None
        ]
        if value is None or after is None or len(pairs) < num_redrawn:
            continue
        steps = np.array([right - left for left, right in pairs])
        low, high = (float(cut) for cut in np.percentile(steps, (2.5, 97.5)))
        changes.append(Change(name, value, after, low, high, _p(steps)))
    return Compared(
        len(items),
        tuple(item for item in ones if item not in others),
        tuple(item for item in others if item not in ones),
        tuple(changes),
    )


def _p(steps_R: npt.NDArray[np.float64]) -> float:
    below, above = float(np.mean(steps_R <= 0)), float(np.mean(steps_R >= 0))
    return min(1.0, 2 * min(below, above))


def _by_item(scores: Sequence[Score]) -> dict[str, Score]:
    return {score.item: score for score in scores}
