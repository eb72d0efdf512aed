"""The reward of a rollout: parts read off the same alignment as the score.

Every part lies in [0, 1] and needs no judge. A rollout that keeps silent on a quiet stream gets
the greatest reward there is, and one more false alarm never raises it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from onlooker.evaluate.alignment import Alignment, align
from onlooker.evaluate.content import ANYTHING, likeness
from onlooker.evaluate.prediction import Emission
from onlooker.evaluate.score import ratio
from onlooker.evaluate.truth import Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardWeights:
    """What each part weighs. The first three are earned, the others are taken away."""

    timing: float = 0.6
    content: float = 0.25
    delegation: float = 0.15
    false_alarms: float = 0.3
    repeats: float = 0.15
    budget_per_minute: float = 2.0  # false alarms in a quiet minute that cost the whole weight

    def __post_init__(self) -> None:
        earned = self.timing + self.content + self.delegation
        if abs(earned - 1) > 1e-9 or self.budget_per_minute <= 0:
            raise ValueError(
                f"timing, content and delegation weigh {earned} together and the budget is "
                f"{self.budget_per_minute}: let them weigh 1, and the budget more than 0"
            )


@dataclass(frozen=True, slots=True)
class Reward:
    """The parts of one rollout's reward, for the log; `total` is what is learned from."""

    timing: float
    content: float
    delegation: float
    false_alarms: float
    repeats: float
    total: float


def reward(
    truth: Truth,
    said: Iterable[Emission],
    tolerance_s: float,
    weights: RewardWeights | None = None,
) -> Reward:
    """Reward a rollout.

    Args:
        truth: of the rollout's stream.
        said: what the rollout said.
        tolerance_s: how late some credit is still given, falling to 0 there in a straight line;
            annealed from some 8 s to the scorer's own as training goes on. Early gives none.
        weights: how the parts are put together.
    """
    weights = weights or RewardWeights()
    told = align(truth, said, tolerance_s)
    timing, content = _timing(told, tolerance_s), _content(told)
    delegation = _delegation(told)
    false_alarms = _false_alarms(told, tolerance_s, weights.budget_per_minute)
    repeats = min(1.0, len(told.of("repeats")) / max(1, len(truth.events)))
    total = (
        weights.timing * timing
        + weights.content * content
        + weights.delegation * delegation
        - weights.false_alarms * false_alarms
        - weights.repeats * repeats
    )
    return Reward(timing, content, delegation, false_alarms, repeats, total)


def _timing(told: Alignment, tolerance_s: float) -> float:
    """F1 with a credit that falls with lateness: the F1 of the score, made smooth."""
    credit = sum(
        1 - one.event.late_s(one.emission.time_s) / tolerance_s if tolerance_s else 1.0
        for one in told.tellings
    )
    return ratio(2 * max(0.0, credit), told.num_counted + len(told.truth.events), 1.0)


def _content(told: Alignment) -> float:
    """Of the events for which it matters, how much was said right; missed ones count 0."""
    due = [event for event in told.truth.events if event.content != ANYTHING]
    said = [
        likeness(one.event.content, one.emission.text)
        for one in told.tellings
        if one.event.content != ANYTHING
    ]
    return ratio(sum(said), len(due), 1.0)


def _delegation(told: Alignment) -> float:
    """Share of events done the right way, less what was delegated beyond what was due.

    The second part is what keeps a policy from delegating everything, which plain group-relative
    rewards collapse to (R3-Streaming, arXiv 2605.17921).
    """
    events = told.truth.events
    right = ratio(sum(one.is_right_action for one in told.tellings), len(events), 1.0)
    num_due = sum(event.action == "delegate" for event in events)
    num_delegated = sum(
        one.action == "delegate" for one in told.of("tells", "repeats", "forbidden", "false_alarm")
    )
    return max(0.0, right - max(0, num_delegated - num_due) / max(1, len(events)))


def _false_alarms(told: Alignment, tolerance_s: float, budget_per_minute: float) -> float:
    quiet_s = sum(span.duration_s for span in told.truth.quiet_spans(tolerance_s))
    num_wrong = len(told.of("forbidden", "false_alarm"))
    return min(1.0, num_wrong / max(quiet_s / 60, 1.0) / budget_per_minute)
