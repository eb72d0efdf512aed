"""A recording through the same line again: the same decisions, or another model's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from onlooker.core.decision import Decision, render_decision
from onlooker.core.errors import (
    BadRecording,
    BadSettings,
    ModelUnavailable,
    OnlookerError,
    PerceptionFailed,
)
from onlooker.core.event import (
    Closed,
    Decided,
    Event,
    Failed,
    Observed,
    Opened,
    Perceived,
    Skipped,
    Speaking,
    TaskAnswered,
    TaskAsked,
    TaskProgress,
)
from onlooker.core.moment import Observation, Tick
from onlooker.core.percept import Percept
from onlooker.core.ports import Model, ModelSession, ModelTraits, Outcome, Say, Sink
from onlooker.core.prompt import Prompt
from onlooker.core.wire import type_of
from onlooker.live.context import Context
from onlooker.live.loop import Line
from onlooker.live.outbox import Outboxes
from onlooker.live.settings import LiveSettings

MAX_DIFFERENCES = 1000  # kept in a report; all are counted

_MADE_BY_THE_LINE = (Observed, Perceived, Speaking, Decided, TaskAsked, Closed)


@dataclass(frozen=True, slots=True)
class Difference:
    """A tick that came out differently, each side as its model would write it, or its failure."""

    tick: int
    recorded: str
    replayed: str
    is_same_prompt: bool


@dataclass(frozen=True, slots=True)
class Replayed:
    """How a replay compares with its recording. Failed ticks count; skipped ones do not."""

    num_ticks: int
    num_same_prompt: int  # the model read what it had read then; failures read nothing
    num_same_decision: int  # or the same failure
    differences: tuple[Difference, ...]  # the first `MAX_DIFFERENCES`
    is_complete: bool  # the recorded session had come to its end

    @property
    def is_identical(self) -> bool:
        return self.num_ticks == self.num_same_prompt == self.num_same_decision


async def replay(
    events: Iterable[Event],
    model: Model | None = None,
    sinks: Mapping[str, Sink] | None = None,
) -> Replayed:
    """Run a recording's events through the line, and say what came out differently.

    What reached the session comes back as it was: words, percepts, gaps, failures of perception.
    Decisions are made anew by `model`, whose own earlier decisions are what it reads as its past;
    answers of the brain reach it only for tasks that it asked as well. Without a `model`, what was
    decided is decided again, and equal digests prove that every prompt was rebuilt exactly.
    A recording that was cut off is replayed up to its last whole tick. Closes model and sinks.

    Raises:
        BadRecording: it cannot be read, or holds no session.
        BadSettings: the model reads nothing that was recorded.
    """
    tape = _Tape(iter(events))
    async with AsyncExitStack() as stack:
        outboxes = Outboxes(sinks or {}, is_lossless=True)
        for sink in (sinks or {}).values():
            stack.push_async_callback(sink.close)
        if model is not None:
            stack.push_async_callback(model.close)
        opened = tape.read_opened()
        settings = _settings_of(opened)
        playing = _Player(tape, model, outboxes)
        session: ModelSession = _RecordedSession(tape)
        if model is not None:
            opened = replace(opened, model=model.traits.name)
            session = await model.open()
            stack.push_async_callback(session.close)
        async with outboxes.delivering():
            await outboxes.put(opened)
            line = Line(playing.perceive, Context(settings), session, playing.emit)
            trouble: OnlookerError | None = None
            try:
                await line.run(playing.observations())
            except OnlookerError as error:
                trouble = error
            await outboxes.put(playing.closed(trouble))
        if trouble is not None:
            raise trouble
    return playing.report()


@dataclass
class _Taped:
    """What was recorded of one tick: what reached it, and what it came to."""

    observed: Observed
    perceived: Perceived | None = None
    pieces: list[str] = field(default_factory=list)  # of speech
    outcome: Decided | Failed | None = None


class _Tape:
    """Reads a recording tick by tick; `now` is the tick that the line is at."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events
        self.now: _Taped | None = None
        self.closed: Closed | None = None
        self.time_s = 0.0  # of the last event

    def read_opened(self) -> Opened:
        for event in self._events:
            if isinstance(event, Opened):
                return event
        raise BadRecording("the recording ends before its session was opened: nothing to replay")

    def read(self) -> Iterator[_Taped | Event]:
        """Yield whole ticks, and between them what happened beside the line."""
        taped: _Taped | None = None
        for event in self._events:
            self.time_s = max(self.time_s, event.time_s)
            match event:
                case Observed():
                    taped = _Taped(event)
                case Perceived() | Speaking() if taped and event.tick == taped.observed.tick:
                    _note(taped, event)
                case Decided() | Failed() if _is_outcome(event):
                    if taped is None or event.tick != taped.observed.tick:
                        # The recorder was too slow for what led to it: live, that is dropped.
                        yield _Taped(_unobserved(event), outcome=event)
                    else:
                        taped.outcome = event
                        yield taped
                    taped = None
                case Closed():
                    self.closed = event
                case _ if not isinstance(event, _MADE_BY_THE_LINE):
                    yield event


class _RecordedSession:
    """Decides what was decided then, or fails as it failed then."""

    def __init__(self, tape: _Tape) -> None:
        self._tape = tape

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        taped = self._tape.now
        if taped is None or taped.outcome is None:
            raise ModelUnavailable(f"nothing was recorded of tick {prompt.now.tick.index}")
        for piece in taped.pieces:
            await say(piece)
        match taped.outcome:
            case Decided(decision=decision, speak_probability=probability, usage=usage):
                return Outcome(decision, probability, usage)
            case Failed(error=error):
                raise ModelUnavailable(error)

    async def close(self) -> None:
        pass


class _Player:
    """Gives the line what was recorded, and compares what it makes of it."""

    def __init__(self, tape: _Tape, model: Model | None, outboxes: Outboxes) -> None:
        self._tape = tape
        self._traits: ModelTraits | None = model.traits if model else None
        self._outboxes = outboxes
        self._asked: set[str] = set()  # ids of the tasks that the replayed model asked
        self._num_decided = self._num_failed = self._num_skipped = 0
        self._num_same_prompt = self._num_same_decision = 0
        self._differences: list[Difference] = []

    async def observations(self) -> AsyncIterator[Observation]:
        for taped in self._tape.read():
            if isinstance(taped, _Taped):
                self._tape.now = taped
                yield self._observation_of(taped.observed)
                continue
            if isinstance(taped, Skipped):
                self._num_skipped += taped.num_ticks
            if not isinstance(taped, TaskProgress | TaskAnswered) or self._has_asked(taped.task_id):
                await self._outboxes.put(taped)

    async def perceive(self, _: Observation) -> tuple[Percept, ...]:
        taped = self._tape.now
        if taped is None or taped.perceived is None:
            outcome = taped.outcome if taped else None
            lost = "what was perceived is missing from the recording"
            raise PerceptionFailed(outcome.error if isinstance(outcome, Failed) else lost)
        self._check_reads(taped.perceived.percepts)
        return taped.perceived.percepts

    async def emit(self, event: Event) -> None:
        if isinstance(event, TaskAsked):
            self._asked.add(event.task_id)
        if isinstance(event, Decided | Failed):
            event = self._compared(event)
        await self._outboxes.put(event)

    def closed(self, trouble: OnlookerError | None) -> Closed:
        recorded = self._tape.closed
        reason = recorded.reason if recorded else "the recording breaks off here"
        return Closed(
            time_s=recorded.time_s if recorded else self._tape.time_s,
            reason=str(trouble or reason),
            num_decided=self._num_decided,
            num_skipped=self._num_skipped,
            num_failed=self._num_failed,
        )

    def report(self) -> Replayed:
        return Replayed(
            num_ticks=self._num_decided + self._num_failed,
            num_same_prompt=self._num_same_prompt,
            num_same_decision=self._num_same_decision,
            differences=tuple(self._differences),
            is_complete=self._tape.closed is not None,
        )

    def _observation_of(self, observed: Observed) -> Observation:
        answers = tuple(answer for answer in observed.answers if self._has_asked(answer.task_id))
        return Observation(
            Tick(observed.tick or 0, observed.start_s, observed.end_s),
            heard=observed.heard,
            instructed=observed.instructed,
            answers=answers,
            recalled=observed.recalled,
            memory=observed.memory,
            persona=observed.persona,
            # What was heard of another model's words is not what this one said.
            cut_short=observed.cut_short if self._traits is None else (),
        )

    def _has_asked(self, task_id: str) -> bool:
        return self._traits is None or task_id in self._asked

    def _check_reads(self, percepts: tuple[Percept, ...]) -> None:
        recorded = {type_of(type(percept)) for percept in percepts}
        if self._traits and recorded and not recorded & set(self._traits.reads):
            raise BadSettings(
                f"the model {self._traits.name!r} reads {' or '.join(self._traits.reads)}, and the "
                f"recording holds {' and '.join(sorted(recorded))}: choose a model that reads that"
            )

    def _compared(self, event: Decided | Failed) -> Decided | Failed:
        """Count the tick in; a recorded decision keeps its recorded latency."""
        recorded = self._tape.now.outcome if self._tape.now else None
        if recorded is None:
            return event
        is_same_prompt = _digest_of(event) == _digest_of(recorded)
        is_same_decision = _said(event) == _said(recorded)
        self._num_same_prompt += is_same_prompt
        self._num_same_decision += is_same_decision
        # Another model's past is its own, and so is its prompt.
        is_difference = not is_same_decision or (self._traits is None and not is_same_prompt)
        if is_difference and len(self._differences) < MAX_DIFFERENCES:
            index = event.tick or 0
            self._differences.append(
                Difference(index, _said(recorded), _said(event), is_same_prompt)
            )
        if isinstance(event, Failed):
            self._num_failed += 1
            return event
        self._num_decided += 1
        if self._traits is None and isinstance(recorded, Decided):
            return replace(event, latency_ms=recorded.latency_ms)
        return event


def _settings_of(opened: Opened) -> LiveSettings:
    try:
        return LiveSettings(**opened.settings)
    except (TypeError, ValueError) as error:
        raise BadRecording(f"the recorded settings do not fit this version: {error}") from error


def _note(taped: _Taped, event: Perceived | Speaking) -> None:
    if isinstance(event, Perceived):
        taped.perceived = event
    else:
        taped.pieces.append(event.text)


def _is_outcome(event: Event) -> bool:
    """Say whether this is what a tick came to; sinks and sources fail beside the line."""
    is_line = isinstance(event, Decided) or (
        isinstance(event, Failed) and event.part in ("model", "perception")
    )
    return is_line and event.tick is not None


def _unobserved(event: Event) -> Observed:
    return Observed(
        tick=event.tick, time_s=event.time_s, start_s=event.time_s - 1, end_s=event.time_s
    )


def _digest_of(event: Decided | Failed) -> str | None:
    return event.prompt_digest if isinstance(event, Decided) else None


def _said(event: Decided | Failed) -> str:
    if isinstance(event, Failed):
        return f"failed {event.part}: {event.error}"
    decision: Decision = event.decision
    return render_decision(decision)
