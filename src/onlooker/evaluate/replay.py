"""A stream through the line of `live/`, with time ideal or simulated.

Ideal: every tick is decided on, as if the model took no time. Simulated: each decision costs what
it is said to take, or what it is measured to take; a slow model then misses ticks, as in life,
and sees the newest picture and all the words when it comes back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Literal

from onlooker.core.clock import MediaClock
from onlooker.core.errors import BadSettings, PerceptionFailed
from onlooker.core.event import Decided, Event, Failed, Observed, Perceived, Skipped, TaskAsked
from onlooker.core.moment import Answer, Observation, Tick
from onlooker.core.percept import Percept, Scene, View
from onlooker.core.ports import Model
from onlooker.core.prompt import Turn
from onlooker.core.wire import type_of
from onlooker.evaluate.prediction import Prediction, prediction_of
from onlooker.live.context import Context
from onlooker.live.loop import Line
from onlooker.live.settings import LiveSettings, fitted
from onlooker.live.ticker import ticks

Latency = float | Callable[[int], float] | Literal["measured"]
"""Seconds that a decision takes: always the same, by tick, or as long as it takes here."""

Brain = Callable[[TaskAsked], Answer | None]
"""Answers a task; `Answer.time_s` says when. None: no answer ever comes."""

Note = Callable[[Sequence[Turn]], tuple[str, ...]]
"""Tells turns that leave the window in a few paragraphs."""


def forget(_: Sequence[Turn]) -> tuple[str, ...]:
    """Keep nothing of turns that leave the window."""
    return ()


@dataclass(frozen=True, slots=True)
class Past:
    """What the model is given to remember."""

    paragraphs: tuple[str, ...] = ()  # of the time before the first turn
    note: Note = forget


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a stream."""

    events: tuple[Event, ...]
    is_simulated: bool

    def prediction(self, item: str) -> Prediction:
        """Collect what was said; under simulated time, when it was decided on."""
        return prediction_of(item, self.events, is_heard_late=self.is_simulated)


class SimulatedClock(MediaClock):
    """Media time that also passes while somebody thinks."""

    def pass_by(self, seconds: float) -> None:
        """Let some time go by.

        Raises:
            ValueError: it is below 0, or no number.
        """
        if not seconds >= 0:
            raise ValueError(f"a decision took {seconds} s: time does not go back")
        self._now_s += seconds
        self._wake()


async def play(
    turns: Sequence[Turn],
    model: Model,
    *,
    latency_s: Latency | None = None,
    brain: Brain | None = None,
    settings: LiveSettings | None = None,
    past: Past | None = None,
) -> Played:
    """Run a stream through the line, once a tick, and keep all that happens.

    The same turns and model give the same events; only latencies that are measured differ. Every
    tick that comes in time is decided on: the gate of `settings` looks at frames, and these are
    gone.

    Args:
        turns: what was seen and heard in each tick, in order; decisions in them are not read.
        model: decides anew, with its own past. It is left open for the next stream.
        latency_s: what a decision takes; None for ideal time.
        brain: answers what is delegated; without one, answers in `turns` come to tasks asked.
        settings: how the session lives.
        past: what the prompt's memory holds; nothing if left out.

    Raises:
        BadSettings: the model reads nothing that the turns hold, or they have another period.
    """
    settings = fitted(settings or LiveSettings(), model.traits)
    _check_fit(turns, model, settings.period_s)
    context = Context(settings)
    player = _Player(turns, settings.period_s, latency_s, brain, _Remembering(context, past))
    async with AsyncExitStack() as stack:
        session = await model.open()
        stack.push_async_callback(session.close)
        line = Line(player.perceive, context, session, player.emit)
        await line.run(player.observations())
    return Played(tuple(player.events), is_simulated=latency_s is not None)


def turns_of(events: Iterable[Event]) -> tuple[Turn, ...]:
    """Take the turns out of a recording: what reached each tick that was decided on."""
    turns: list[Turn] = []
    for event in events:
        match event:
            case Observed(tick=int(index)):
                tick = Tick(index, event.start_s, event.end_s)
                words = (event.heard, event.instructed, event.answers)
                turns.append(Turn(tick, (), *words))
            case Perceived() if turns and event.tick == turns[-1].tick.index:
                turns[-1] = replace(turns[-1], percepts=event.percepts)
    return tuple(turns)


@dataclass(slots=True)
class _Remembering:
    """Grows the memory of a prompt by what leaves its window."""

    context: Context
    past: Past | None
    paragraphs: tuple[str, ...] = field(default=(), init=False)
    is_begun: bool = field(default=False, init=False)

    def news(self) -> tuple[str, ...] | None:
        """Give the memory for the next turn where it is to be read anew."""
        if self.past is None:
            return None
        if not self.is_begun:
            self.is_begun, self.paragraphs = True, self.past.paragraphs
            return self.paragraphs
        if not self.context.is_full:
            return None
        self.paragraphs = (*self.paragraphs, *self.past.note(self.context.take_leaving()))
        return self.paragraphs


class _Player:
    """Gives the line its observations, and lets time pass as it decides."""

    def __init__(
        self,
        turns: Sequence[Turn],
        period_s: float,
        latency_s: Latency | None,
        brain: Brain | None,
        remembering: _Remembering,
    ) -> None:
        self.events: list[Event] = []
        self._turns = {turn.tick.index: turn for turn in turns}
        self._num_ticks = max(self._turns, default=-1) + 1
        self._period_s = period_s
        self._remembering = remembering
        self._latency_s = latency_s
        self._brain = brain
        self._clock = SimulatedClock()
        self._asked: set[str] = set()
        self._coming: list[Answer] = []  # from the brain
        self._unheard: list[Turn] = []  # whose words did not reach the model yet
        self._percepts: tuple[Percept, ...] = ()
        self._seen: dict[str, View] = {}  # the last view of each stream that was looked at
        self._began_s = 0.0

    async def observations(self) -> AsyncIterator[Observation]:
        """Yield the ticks that are decided on; account for those that it came too late for."""
        expected = 0
        async for tick in ticks(self._clock, self._period_s):
            if num_late := min(tick.index, self._num_ticks) - expected:
                self._skip(tick, num_late)
            reached = range(expected, min(tick.index + 1, self._num_ticks))
            self._unheard += [self._turns[at] for at in reached if at in self._turns]
            if tick.index >= self._num_ticks:
                return
            if turn := self._turns.get(tick.index):
                self._percepts = self._look(turn.percepts, is_after_gap=num_late > 0)
                yield self._observation(tick)
            expected = tick.index + 1

    async def perceive(self, observation: Observation) -> tuple[Percept, ...]:
        if not self._percepts:
            raise PerceptionFailed(f"nothing was perceived in tick {observation.tick.index}")
        return self._percepts

    async def emit(self, event: Event) -> None:
        if isinstance(event, Observed):
            self._began_s = perf_counter()
        if isinstance(event, Decided | Failed):
            event = self._take_time(event)
        if isinstance(event, TaskAsked):
            self._asked.add(event.task_id)
            if self._brain and (answer := self._brain(event)):
                self._coming.append(answer)
        self.events.append(event)

    def _take_time(self, event: Decided | Failed) -> Decided | Failed:
        match self._latency_s:
            case None:
                return event
            case "measured":
                took_s = perf_counter() - self._began_s
            case float() | int() as took_s:
                pass
            case by_tick:
                took_s = by_tick(event.tick or 0)
        self._clock.pass_by(took_s)
        if isinstance(event, Decided):
            return replace(event, latency_ms=round(took_s * 1e3, 3))
        return event

    def _skip(self, tick: Tick, num_late: int) -> None:
        last = min(tick.index, self._num_ticks) - 1
        time_s = (last + 1) * self._period_s
        self.events.append(Skipped(tick=last, time_s=time_s, reason="late", num_ticks=num_late))

    def _observation(self, tick: Tick) -> Observation:
        """Hand over all words since the last one, and the brain's answers that have come."""
        turns, self._unheard = self._unheard, []
        come = [answer for answer in self._coming if answer.time_s < tick.end_s]
        self._coming = [answer for answer in self._coming if answer not in come]
        come += [one for turn in turns for one in turn.answers if one.task_id in self._asked]
        return Observation(
            tick,
            heard=tuple(words for turn in turns for words in turn.heard),
            instructed=tuple(change for turn in turns for change in turn.instructed),
            answers=tuple(sorted(come, key=lambda answer: answer.time_s)),
            memory=self._remembering.news(),
        )

    def _look(self, percepts: tuple[Percept, ...], *, is_after_gap: bool) -> tuple[Percept, ...]:
        """Perceive a tick: after a gap, what entered and left did so since the last look."""
        looked = tuple(
            Scene(tuple(map(self._since_last_look, percept.views)))
            if is_after_gap and isinstance(percept, Scene)
            else percept
            for percept in percepts
        )
        scenes = (percept for percept in looked if isinstance(percept, Scene))
        self._seen |= {view.stream: view for scene in scenes for view in scene.views}
        return looked

    def _since_last_look(self, view: View) -> View:
        before = self._seen[view.stream].objects if view.stream in self._seen else ()
        were, are = ({one.track_id for one in objects} for objects in (before, view.objects))
        return replace(
            view,
            entered=tuple(one for one in view.objects if one.track_id not in were),
            left=tuple(one for one in before if one.track_id not in are),
        )


def _check_fit(turns: Iterable[Turn], model: Model, period_s: float) -> None:
    for tick in (turn.tick for turn in turns):
        if abs(tick.end_s - (tick.index + 1) * period_s) > 1e-6:
            raise BadSettings(
                f"tick {tick.index} ends at {tick.end_s} s, which period_s={period_s} does not "
                f"give: play the turns with the period that they were made with"
            )
    held = {type_of(type(percept)) for turn in turns for percept in turn.percepts}
    if held and not held & set(model.traits.reads):
        raise BadSettings(
            f"the model {model.traits.name!r} reads {' or '.join(model.traits.reads)}, and the "
            f"turns hold {' and '.join(sorted(held))}: choose a model that reads that"
        )
