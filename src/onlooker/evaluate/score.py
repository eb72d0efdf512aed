"""Decisions against truth: pure counts of one stream, from which every number is made.

Counts of several streams add up, so a metric over many is the metric of their sum. What the
numbers mean stands in docs/evaluation.md; `metrics` in metrics.py makes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields

from onlooker.evaluate.alignment import Alignment, Telling, align, duplicates
from onlooker.evaluate.content import (
    ANYTHING,
    Judge,
    JudgeFailed,
    ask_judge,
    is_right,
    likeness,
)
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.problems import Problem
from onlooker.evaluate.truth import Truth

BEYOND_S = 10.0  # after a stream's end a slow model may still speak about its last second


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """What counts as on time. The first tolerance is the main one: all else is judged at it."""

    tolerances_s: tuple[float, ...] = (1.0, 2.0, 3.0)  # after an event's `until_s`
    early_s: float = 0.0  # before its onset nothing can be known: no credit
    duplicate_s: float = 30.0  # the same words again within so long are a duplicate
    horizon_s: float = 10.0  # speech so long after an event is late, and not about nothing

    def __post_init__(self) -> None:
        others = (self.early_s, self.duplicate_s, self.horizon_s)
        if not self.tolerances_s or min(*self.tolerances_s, *others) < 0:
            raise ValueError(f"{self}: give at least one tolerance, and no time below 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What adds up from stream to stream, at the main tolerance. `due_x_y`: y was done for x."""

    num_items: int = 1
    duration_s: float = 0.0
    quiet_s: float = 0.0
    num_emitted: int = 0
    num_repeats: int = 0  # of an event told already
    num_allowed: int = 0  # in optional spans
    num_false_alarms: int = 0  # at no event, or forbidden
    num_forbidden: int = 0
    num_quiet_false_alarms: int = 0
    num_duplicates: int = 0
    due_speak_spoke: int = 0
    due_speak_delegated: int = 0
    due_speak_missed: int = 0
    due_delegate_spoke: int = 0
    due_delegate_delegated: int = 0
    due_delegate_missed: int = 0
    due_nothing_spoke: int = 0
    due_nothing_delegated: int = 0
    num_right: int = 0  # events told in time with right action and content
    num_contents: int = 0  # told events for which it matters what was said
    num_contents_right: int = 0
    likeness: float = 0.0  # summed over those
    num_judged: int = 0
    judgement: float = 0.0  # summed over the judged
    num_judge_failures: int = 0
    coupled: float = 0.0  # min(trigger, silence), summed over items
    num_decided: int = 0
    num_skipped: int = 0
    num_failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Counts) -> Counts:
        both = zip(fields(self), astuple(self), astuple(other), strict=True)
        return Counts(**{field.name: left + right for field, left, right in both})

    @property
    def num_told(self) -> int:
        return (
            self.due_speak_spoke
            + self.due_speak_delegated
            + self.due_delegate_spoke
            + self.due_delegate_delegated
        )

    @property
    def num_expected(self) -> int:
        return self.num_told + self.due_speak_missed + self.due_delegate_missed

    @property
    def num_counted(self) -> int:
        """Emissions that count for precision."""
        return self.num_emitted - self.num_allowed


@dataclass(frozen=True, slots=True)
class Timing:
    """How many events were told, and by how many counted emissions, at one tolerance."""

    tolerance_s: float
    num_told: int
    num_counted: int
    num_expected: int

    def __add__(self, other: Timing) -> Timing:
        if self.tolerance_s != other.tolerance_s:
            raise ValueError(f"{self} and {other} differ in tolerance: score both with the same")
        return Timing(
            self.tolerance_s,
            self.num_told + other.num_told,
            self.num_counted + other.num_counted,
            self.num_expected + other.num_expected,
        )

    @property
    def precision(self) -> float:
        """Share of the speech that told an event; of no speech at all, whether that was right."""
        return ratio(self.num_told, self.num_counted, float(self.num_expected == 0))

    @property
    def recall(self) -> float:
        """Share of the events that were told; 1 if there were none."""
        return ratio(self.num_told, self.num_expected, 1.0)

    @property
    def f1(self) -> float:
        """Harmonic mean of both: 2 told / (counted + expected), 1 if there was and came nothing."""
        return ratio(2 * self.num_told, self.num_counted + self.num_expected, 1.0)


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one stream."""

    item: str
    family: str
    counts: Counts
    timings: tuple[Timing, ...]  # one a tolerance, the main one first
    lags_s: tuple[float, ...]  # from onset to speech; negative: it spoke too early
    latencies_ms: tuple[float, ...]
    told_by_instruction: tuple[tuple[str, int, int], ...]  # id, events told, events
    problems: tuple[Problem, ...] = ()


def score(
    truth: Truth,
    prediction: Prediction,
    settings: ScoreSettings | None = None,
    judge: Judge | None = None,
) -> Score:
    """Score what was said on one stream. Pure, but for what the judge does.

    Emissions outside the stream are left out and listed under `problems`.
    """
    settings = settings or ScoreSettings()
    within, problems = _within(truth, prediction)
    alignments = [
        align(truth, within, tolerance_s, settings.early_s) for tolerance_s in settings.tolerances_s
    ]
    main = alignments[0]
    counts, judge_problems = _counts(main, prediction, settings, judge)
    # Speech is paired with the nearest event on either side, whether it came in time or not.
    wide = align(truth, within, settings.horizon_s, settings.horizon_s)
    return Score(
        item=truth.item,
        family=truth.family,
        counts=counts,
        timings=tuple(
            Timing(tolerance_s, len(one.tellings), one.num_counted, len(truth.events))
            for tolerance_s, one in zip(settings.tolerances_s, alignments, strict=True)
        ),
        lags_s=tuple(one.emission.time_s - one.event.onset_s for one in wide.tellings),
        latencies_ms=prediction.latencies_ms,
        told_by_instruction=_by_instruction(main),
        problems=(*problems, *judge_problems),
    )


def score_all(
    truths: Iterable[Truth],
    predictions: Iterable[Prediction],
    settings: ScoreSettings | None = None,
    judge: Judge | None = None,
) -> tuple[tuple[Score, ...], tuple[Problem, ...]]:
    """Score every item that has both truth and prediction; list all that is left out."""
    by_item = {truth.item: truth for truth in truths}
    scores: dict[str, Score] = {}
    problems: list[Problem] = []
    for prediction in predictions:
        if prediction.item not in by_item:
            problems.append(Problem("unknown_item", prediction.item, "no truth is known of it"))
        elif prediction.item in scores:
            problems.append(Problem("duplicate_item", prediction.item, "the first counts"))
        else:
            one = score(by_item[prediction.item], prediction, settings, judge)
            scores[prediction.item] = one
            problems += one.problems
    for item in by_item.keys() - scores.keys():
        problems.append(Problem("missing_prediction", item, "it is in no score"))
    ordered = tuple(scores[item] for item in by_item if item in scores)
    return ordered, tuple(sorted(problems, key=lambda one: (one.kind, one.item or "", one.detail)))


def ratio(part: float, whole: float, otherwise: float) -> float:
    return part / whole if whole else otherwise


def _within(truth: Truth, prediction: Prediction) -> tuple[tuple[Emission, ...], list[Problem]]:
    within: list[Emission] = []
    problems: list[Problem] = []
    for said in prediction.emissions:
        if 0 <= said.time_s <= truth.duration_s + BEYOND_S:
            within.append(said)
        else:
            detail = f"said at {said.time_s} s of {truth.duration_s} s"
            problems.append(Problem("time_beyond_video", truth.item, detail))
    return tuple(within), problems


def _counts(
    main: Alignment, prediction: Prediction, settings: ScoreSettings, judge: Judge | None
) -> tuple[Counts, list[Problem]]:
    truth = main.truth
    quiet = truth.quiet_spans(settings.horizon_s)
    false_alarms = main.of("forbidden", "false_alarm")
    contents, problems = _contents(main, judge)
    counts = Counts(
        duration_s=truth.duration_s,
        quiet_s=sum(span.duration_s for span in quiet),
        num_emitted=len(main.emissions),
        num_repeats=len(main.of("repeats")),
        num_allowed=len(main.of("allowed")),
        num_false_alarms=len(false_alarms),
        num_forbidden=len(main.of("forbidden")),
        num_quiet_false_alarms=sum(
            any(span.holds(one.time_s) for span in quiet) for one in false_alarms
        ),
        num_duplicates=len(duplicates(main, settings.duplicate_s)),
        num_right=sum(telling.is_right for telling in main.tellings),
        coupled=coupled(main),
        num_decided=len(prediction.latencies_ms),
        num_skipped=prediction.num_skipped,
        num_failed=prediction.num_failed,
        prompt_tokens=prediction.prompt_tokens,
        completion_tokens=prediction.completion_tokens,
        **_actions(main),
    )
    return counts + contents, problems


def coupled(main: Alignment) -> float:
    """Give min(trigger, silence): neither silence nor chatter can buy it.

    Trigger is the recall; silence is 1 - wrong speech / max(1, events), not below 0.

    Source: the coupling is SVI-Bench's, the silence term InteractionBench's.
    """
    num_events = len(main.truth.events)
    trigger = ratio(len(main.tellings), num_events, 1.0)
    num_wrong = len(main.of("repeats", "forbidden", "false_alarm"))
    return min(trigger, max(0.0, 1 - num_wrong / max(1, num_events)))


def _actions(main: Alignment) -> dict[str, int]:
    done = {"speak": "spoke", "delegate": "delegated"}
    named = [f"due_{one.event.action}_{done[one.emission.action]}" for one in main.tellings]
    named += [f"due_{event.action}_missed" for event in main.missed]
    wrong = main.of("repeats", "forbidden", "false_alarm")
    named += [f"due_nothing_{done[one.action]}" for one in wrong]
    return dict(Counter(named))


def _contents(main: Alignment, judge: Judge | None) -> tuple[Counts, list[Problem]]:
    told = [one for one in main.tellings if one.event.content != ANYTHING]
    judged, problems = _judged(main.truth, told, judge) if judge else ([], [])
    return Counts(
        num_items=0,
        num_contents=len(told),
        num_contents_right=sum(is_right(one.event.content, one.emission.text) for one in told),
        likeness=sum(likeness(one.event.content, one.emission.text) for one in told),
        num_judged=len(judged),
        judgement=sum(judged),
        num_judge_failures=len(problems),
    ), problems


def _judged(
    truth: Truth, told: Iterable[Telling], judge: Judge
) -> tuple[list[float], list[Problem]]:
    judged: list[float] = []
    problems: list[Problem] = []
    for event, said in ((one.event, one.emission.text) for one in told):
        try:
            judged.append(ask_judge(judge, event.content, said, truth.instruction_of(event)))
        except JudgeFailed as error:
            problems.append(Problem("judge_failed", truth.item, f"{event.id}: {error}"))
    return judged, problems


def _by_instruction(main: Alignment) -> tuple[tuple[str, int, int], ...]:
    told = {telling.event.id for telling in main.tellings}
    rows = []
    for instruction in main.truth.instructions:
        its = [event for event in main.truth.events if event.instruction == instruction.id]
        rows.append((instruction.id, sum(event.id in told for event in its), len(its)))
    return tuple(rows)
