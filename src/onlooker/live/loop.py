"""The straight line: once a tick, perceive, read and decide."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TypedDict

from onlooker.core.decision import Delegate
from onlooker.core.errors import (
    MalformedDecision,
    ModelUnavailable,
    OnlookerError,
    PerceptionFailed,
)
from onlooker.core.event import (
    Decided,
    Event,
    Failed,
    Observed,
    Perceived,
    Speaking,
    TaskAsked,
)
from onlooker.core.moment import Observation
from onlooker.core.percept import Percept
from onlooker.core.ports import ModelSession, Outcome
from onlooker.core.prompt import Turn, task_id_of
from onlooker.live.context import Context

Perceive = Callable[[Observation], Awaitable[tuple[Percept, ...]]]
Emit = Callable[[Event], Awaitable[None]]


class _At(TypedDict):
    tick: int
    time_s: float


@dataclass(frozen=True, slots=True)
class Line:
    """The parts of one session's line."""

    perceive: Perceive
    context: Context
    model: ModelSession
    emit: Emit

    async def run(self, observations: AsyncIterator[Observation]) -> None:
        """Decide once per observation, until they end."""
        async for seen in observations:
            began_s = perf_counter()
            at = _At(tick=seen.tick.index, time_s=seen.tick.end_s)
            try:
                outcome = await self._decide(seen, at)
            except (PerceptionFailed, ModelUnavailable, MalformedDecision) as error:
                # One lost tick, not a lost session. Any other exception is a bug and ends it.
                part = "perception" if isinstance(error, PerceptionFailed) else "model"
                await self.emit(Failed(**at, part=part, error=str(error)))
                continue
            latency_ms = round((perf_counter() - began_s) * 1e3, 3)
            await self._settle(outcome, latency_ms, at)

    async def _decide(self, seen: Observation, at: _At) -> Outcome:
        tick, heard, instructed, answers = seen.tick, seen.heard, seen.instructed, seen.answers
        turn = Turn(
            tick, heard=heard, instructed=instructed, answers=answers, recalled=seen.recalled
        )
        await self.emit(
            Observed(
                **at,
                start_s=tick.start_s,
                end_s=tick.end_s,
                heard=heard,
                instructed=instructed,
                answers=answers,
                recalled=seen.recalled,
                memory=seen.memory,
                persona=seen.persona,
                cut_short=seen.cut_short,
            )
        )

        self.context.amend(seen.cut_short)
        self.context.persona = seen.persona or self.context.persona

        async def say(text: str) -> None:
            await self.emit(Speaking(**at, text=text))

        try:
            turn = replace(turn, percepts=await self.perceive(seen))
            await self.emit(Perceived(**at, percepts=turn.percepts))
            return await self.model.decide(self.context.ask(turn, seen.memory), say)
        except OnlookerError:
            self.context.postpone(turn)
            raise

    async def _settle(self, outcome: Outcome, latency_ms: float, at: _At) -> None:
        decision, digest = outcome.decision, self.context.digest()
        self.context.settle(decision)
        await self.emit(
            Decided(
                **at,
                decision=decision,
                latency_ms=latency_ms,
                speak_probability=outcome.speak_probability,
                usage=outcome.usage,
                prompt_digest=digest,
            )
        )
        if isinstance(decision, Delegate):
            task_id = task_id_of(at["tick"])
            await self.emit(
                TaskAsked(**at, task_id=task_id, question=decision.question, note=decision.text)
            )
