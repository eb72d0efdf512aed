"""Two metrics that were published without a script: StreamPro-F1 and SW-F1.

There is nothing to be equal to, so these follow the papers' words; docs/evaluation.md says what
the words leave open. Both run on any `Truth`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from onlooker.evaluate.content import Content, is_right, likeness
from onlooker.evaluate.prediction import Emission
from onlooker.evaluate.truth import Expected, Truth

Accuracy = Callable[[Content, str], float]
"""(what should be said, what was said) -> how right it is, in [0, 1]: a judge, or lexical."""


@dataclass(frozen=True, slots=True)
class Window:
    """How far from the best time a reply may be, and how fast its credit falls."""

    before_s: float
    after_s: float
    decay_s: float
    early_decay_s: float | None = None  # where early replies lose faster


# Source: StreamPro, arXiv 2605.16381, appendix A.2.2 and table 8.
STREAMPRO_WINDOWS = {
    "event_understanding": Window(0.0, 3.0, 4.0),
    "object_understanding": Window(3.0, 3.0, 4.0),
    "anomaly_alert": Window(0.0, 5.0, 6.0),
    "temporal_perception": Window(0.0, 3.0, 4.0),
    "temporal_grounding": Window(3.0, 3.0, 4.0),
    "goal_planning": Window(3.0, 0.0, 4.0),
    "risk_forecasting": Window(1.0, 3.0, 4.0, early_decay_s=2.0),
}


@dataclass(frozen=True, slots=True)
class WeightedF1:
    """Precision, recall and F1 of summed credit_of."""

    credit: float
    num_said: int
    num_gold: int

    @property
    def precision(self) -> float:
        return self.credit / self.num_said if self.num_said else 0.0

    @property
    def recall(self) -> float:
        return self.credit / self.num_gold if self.num_gold else 0.0

    @property
    def f1(self) -> float:
        whole = self.precision + self.recall
        return 2 * self.precision * self.recall / whole if whole else 0.0


def streampro_f1(
    truth: Truth, said: Iterable[Emission], task: str, accuracy: Accuracy = likeness
) -> WeightedF1:
    """Score one stream by StreamPro-F1: credit is timeliness times accuracy.

    Each reply goes to the first event whose window it falls into and to no other; of several
    replies to an event the best one counts. From an event's onset to its `until_s` the time is
    right; give both the same value for events of one moment.

    Raises:
        KeyError: no such task; see `STREAMPRO_WINDOWS`.
    """
    window = STREAMPRO_WINDOWS[task]
    replies = sorted(said, key=lambda one: one.time_s)
    credit_of: dict[str, float] = {}
    for one in replies:
        event = next((event for event in truth.events if _falls_into(window, event, one)), None)
        if event is not None:
            credit = _timeliness(window, event, one) * accuracy(event.content, one.text)
            credit_of[event.id] = max(credit_of.get(event.id, 0.0), credit)
    return WeightedF1(sum(credit_of.values()), len(replies), len(truth.events))


def sw_f1(
    pairs: Iterable[tuple[Truth, Iterable[Emission]]],
    right: Callable[[Content, str], bool] = is_right,
) -> float:
    """Compute SW-F1 over streams: 2 TP / (2 TP + 0.2 FP + 2 FN), 1 if there was and came nothing.

    TP: an event with a right reply in its window; FN: one without; FP: a reply outside of all
    windows. Chatter costs a tenth of a miss, so read it beside false alarms an hour.

    Source: Harnessing Streaming Video in the Wild, arXiv 2606.08615, equation 3.
    """
    hits = false_alarms = misses = 0
    for truth, said in pairs:
        replies = list(said)
        told = [
            any(
                event.onset_s <= one.time_s <= event.until_s and right(event.content, one.text)
                for one in replies
            )
            for event in truth.events
        ]
        hits += sum(told)
        misses += len(told) - sum(told)
        false_alarms += sum(
            not any(event.onset_s <= one.time_s <= event.until_s for event in truth.events)
            for one in replies
        )
    whole = 2 * hits + 0.2 * false_alarms + 2 * misses
    return 2 * hits / whole if whole else 1.0


def _falls_into(window: Window, event: Expected, one: Emission) -> bool:
    return event.onset_s - window.before_s <= one.time_s <= event.until_s + window.after_s


def _timeliness(window: Window, event: Expected, one: Emission) -> float:
    late_s = event.late_s(one.time_s)
    decay_s = window.decay_s
    if late_s < 0 and window.early_decay_s is not None:
        decay_s = window.early_decay_s
    return max(0.0, 1 - abs(late_s) / decay_s)
