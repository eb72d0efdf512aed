"""Another model, or other instructions, on the same ticks: it hears all, and nobody hears it.

It is a sink like any other, with a context and a model of its own, and so keeps out of the line's
way. What it decides goes to a sink of its own, such as a recorder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from onlooker.core.decision import Silent
from onlooker.core.errors import BadSettings, PerceptionFailed
from onlooker.core.event import (
    Closed,
    Decided,
    Event,
    Failed,
    Observed,
    Opened,
    Perceived,
    Skipped,
    TaskAnswered,
    TaskAsked,
    TaskProgress,
)
from onlooker.core.moment import Answer, Instruction, Observation, Tick, Utterance
from onlooker.core.percept import Percept
from onlooker.core.ports import Model, Sink
from onlooker.core.wire import type_of
from onlooker.live.context import Context
from onlooker.live.loop import Line
from onlooker.live.settings import LiveSettings, fitted

MAX_UNHEARD = 64  # words of ticks that it came too late for, of each kind
_OF_THE_LIVE_MODEL = (TaskAsked, TaskProgress, TaskAnswered)


@dataclass(slots=True)
class Agreement:
    """How often two models did the same on the ticks that both decided on."""

    num_ticks: int = 0
    num_both_silent: int = 0
    num_both_spoke: int = 0
    num_only_live: int = 0
    num_only_shadow: int = 0
    num_missed: int = 0  # ticks that the shadow came too late for, or failed on

    def add(self, *, is_live_silent: bool, is_shadow_silent: bool) -> None:
        """Count a tick."""
        self.num_ticks += 1
        self.num_both_silent += is_live_silent and is_shadow_silent
        self.num_both_spoke += not is_live_silent and not is_shadow_silent
        self.num_only_live += not is_live_silent and is_shadow_silent
        self.num_only_shadow += is_live_silent and not is_shadow_silent

    def words(self) -> str:
        """Tell it in a line."""
        return (
            f"{self.num_ticks} ticks decided by both: both silent {self.num_both_silent}, both "
            f"spoke {self.num_both_spoke}, only the live model {self.num_only_live}, only the "
            f"shadow {self.num_only_shadow}; the shadow missed {self.num_missed}"
        )


@dataclass(slots=True)
class _Unheard:
    """What was said in ticks that the shadow did not decide on."""

    heard: tuple[Utterance, ...] = ()
    instructed: tuple[Instruction, ...] = ()
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class ShadowPlan:
    """How a shadow differs from the live model."""

    live: LiveSettings = LiveSettings()
    ask: tuple[str, ...] = ()  # its own instructions; none: those of the session
    speed: float | None = 1.0  # of the session's clock; None: no decision comes too late


@dataclass(slots=True)
class Shadow:
    """A sink that decides on every tick by itself. Closes its model and its own sink."""

    model: Model
    to: Sink
    plan: ShadowPlan = field(default_factory=ShadowPlan)
    agreement: Agreement = field(default_factory=Agreement)
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack, init=False)
    _line: Line | None = field(default=None, init=False)
    _observed: Observed | None = field(default=None, init=False)
    _percepts: tuple[Percept, ...] = field(default=(), init=False)
    _unheard: _Unheard = field(default_factory=_Unheard, init=False)
    _asked: set[str] = field(default_factory=set, init=False)
    _outcome: Decided | Failed | None = field(default=None, init=False)
    _busy_until_s: float = field(default=0.0, init=False)
    _has_asked: bool = field(default=False, init=False)
    _counts: Counter[str] = field(default_factory=Counter, init=False)

    async def accept(self, event: Event) -> None:
        """Take what happened live.

        Raises:
            BadSettings: its model reads nothing that the session perceives.
        """
        match event:
            case Opened():
                await self.to.accept(replace(event, model=self.model.traits.name))
            case Observed():
                self._observed, self._outcome = event, None
                self._hear(event)
            case Perceived() if self._observed and event.tick == self._observed.tick:
                await self._decide(event)
            case Decided():
                await self._compare(event)
            case Closed():
                reason = f"{event.reason}; {self.agreement.words()}"
                await self.to.accept(self._closed(event.time_s, reason))
            case _ if not isinstance(event, _OF_THE_LIVE_MODEL):
                await self.to.accept(event)

    async def close(self) -> None:
        await self._stack.aclose()
        await self.model.close()
        await self.to.close()

    async def _decide(self, perceived: Perceived) -> None:
        observed = self._observed
        if observed is None or observed.tick is None:
            return
        if observed.end_s < self._busy_until_s:
            await self._skip(observed)
            return
        self._check_reads(perceived.percepts)
        self._percepts = perceived.percepts
        line = self._line or await self._open()
        tick = Tick(observed.tick, observed.start_s, observed.end_s)
        unheard, self._unheard = self._unheard, _Unheard()
        observation = Observation(
            tick,
            heard=unheard.heard,
            instructed=self._instructed(unheard, tick),
            answers=unheard.answers,
            recalled=observed.recalled,
            memory=observed.memory,
        )
        await line.run(_single(observation))

    async def _open(self) -> Line:
        session = await self.model.open()
        self._stack.push_async_callback(session.close)
        context = Context(fitted(self.plan.live, self.model.traits))
        self._line = Line(self._perceive, context, session, self._emit)
        return self._line

    async def _perceive(self, _: Observation) -> tuple[Percept, ...]:
        if not self._percepts:
            raise PerceptionFailed("nothing was perceived in this tick")
        return self._percepts

    async def _emit(self, event: Event) -> None:
        if isinstance(event, TaskAsked):
            self._asked.add(event.task_id)
        if isinstance(event, Decided | Failed):
            self._outcome = event
            self._counts["decided" if isinstance(event, Decided) else "failed"] += 1
        if isinstance(event, Decided) and self.plan.speed is not None:
            self._busy_until_s = event.time_s + event.latency_ms / 1e3 * self.plan.speed
        await self.to.accept(event)

    def _hear(self, observed: Observed) -> None:
        """Keep what is said until it decides; a brain's answers only to what it asked as well."""
        before = self._unheard
        answers = tuple(one for one in observed.answers if one.task_id in self._asked)
        changes = () if self.plan.ask else observed.instructed
        self._unheard = _Unheard(
            (*before.heard, *observed.heard)[-MAX_UNHEARD:],
            (*before.instructed, *changes)[-MAX_UNHEARD:],
            (*before.answers, *answers)[-MAX_UNHEARD:],
        )

    def _instructed(self, unheard: _Unheard, tick: Tick) -> tuple[Instruction, ...]:
        if self.plan.ask and not self._has_asked:
            self._has_asked = True
            numbered = enumerate(self.plan.ask, start=1)
            return tuple(Instruction(f"s{at}", text, tick.start_s) for at, text in numbered)
        return unheard.instructed

    async def _compare(self, live: Decided) -> None:
        mine = self._outcome
        if not isinstance(mine, Decided) or mine.tick != live.tick:
            self.agreement.num_missed += 1
            return
        self.agreement.add(
            is_live_silent=isinstance(live.decision, Silent),
            is_shadow_silent=isinstance(mine.decision, Silent),
        )

    def _closed(self, time_s: float, reason: str) -> Closed:
        return Closed(
            time_s=time_s,
            reason=reason,
            num_decided=self._counts["decided"],
            num_skipped=self._counts["skipped"],
            num_failed=self._counts["failed"],
        )

    async def _skip(self, observed: Observed) -> None:
        self._counts["skipped"] += 1
        await self.to.accept(Skipped(tick=observed.tick, time_s=observed.end_s, reason="late"))

    def _check_reads(self, percepts: Sequence[Percept]) -> None:
        made = {type_of(type(percept)) for percept in percepts}
        reads = self.model.traits.reads
        if made and not made & set(reads):
            raise BadSettings(
                f"the shadow {self.model.traits.name!r} reads {' or '.join(reads)}, and the "
                f"session perceives {' and '.join(sorted(made))}: give the session what both read"
            )


async def _single(observation: Observation) -> AsyncIterator[Observation]:
    yield observation
