"""One conversation and all it holds open."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from uuid import uuid4

from onlooker.core.clock import Clock, SessionClock
from onlooker.core.event import (
    Closed,
    Decided,
    Event,
    Failed,
    Opened,
    Skipped,
    SkipReason,
)
from onlooker.core.moment import (
    Delivery,
    Instruction,
    InstructionState,
    Observation,
    Tick,
    Utterance,
)
from onlooker.core.percept import Percept
from onlooker.core.ports import (
    Brain,
    Codec,
    Memory,
    MemorySession,
    Model,
    ModelSession,
    Perception,
    Sink,
    Source,
    Summariser,
    Tunable,
)
from onlooker.core.prompt import Persona
from onlooker.live.brain import BrainParts, Tasks, TaskState
from onlooker.live.budget import Budget
from onlooker.live.context import Context
from onlooker.live.fit import check_fit, check_pace
from onlooker.live.gate import Gate
from onlooker.live.instructions import Instructions
from onlooker.live.intake import Intake
from onlooker.live.loop import Line, Perceive
from onlooker.live.memory import Past
from onlooker.live.outbox import Outboxes
from onlooker.live.settings import LiveSettings, TaskSettings, fitted
from onlooker.live.speech import Speech, SpeechParts
from onlooker.live.streams import Streams
from onlooker.live.ticker import ticks

Ticker = Callable[[Clock, float], AsyncIterator[Tick]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a session is made of. It closes them all when it ends."""

    sources: Mapping[str, Source]  # by stream
    model: Model
    codec: Codec | None = None
    perception: Perception | None = None
    brain: Brain | None = None
    tasks: TaskSettings = TaskSettings()  # what the brain may be asked
    budget: Budget | None = None  # shared with other sessions; none: this one's alone
    memory: Memory | None = None
    summariser: Summariser | None = None  # none: memory takes its summaries from the record
    speech: SpeechParts = SpeechParts()
    sinks: Mapping[str, Sink] = field(default_factory=dict)


class Session:
    """Watches until its sources end, `max_ticks` have passed or `stop` is called.

    One that begins without sources waits for streams to be added, and ends when it is stopped.

    Tasks live in groups and parts are closed by the stack, so no way out, crash and
    cancellation included, leaves anything running.
    """

    def __init__(
        self,
        parts: Parts,
        settings: LiveSettings,
        clock: SessionClock,
        *,
        max_ticks: int | None = None,
        session_id: str | None = None,
        ticker: Ticker = ticks,
    ) -> None:
        check_fit(parts, clock)
        self.id = session_id or uuid4().hex[:12]
        self._ticker = ticker
        self._parts = parts
        self._settings = settings = fitted(settings, parts.model.traits)
        self._clock = clock
        self._max_ticks = max_ticks
        self._intake = Intake(tuple(parts.sources), settings.frames_per_tick)
        self._instructions = Instructions(settings.max_instructions, self._intake.put_words)
        self._context = Context(settings)
        self._past: Past | None = None
        self._gate = Gate(settings)
        self._outboxes = Outboxes(parts.sinks, is_lossless=clock.speed is None)
        self._streams = Streams(parts.sources, self._intake, clock, settings, self._emit)
        asked = BrainParts(parts.brain, parts.tasks, parts.budget)
        self._tasks = Tasks(asked, clock, self._emit, self._intake.put_words)
        self.speech = Speech(
            parts.speech, parts.sinks.values(), clock, self._emit, self._intake.put_words
        )
        self._streams.overhear = self.speech.overhear
        self._counts: Counter[type[Event]] = Counter()
        self._line: asyncio.Task[None] | None = None
        self._reason = "the sources ended"
        self._is_stopped = False
        self._persona_change: Persona | None = None
        self._talkativeness: float | None = None  # a choice of somebody's
        self._model: ModelSession | None = None
        self._is_paused = False
        self._resumed = asyncio.Event()

    # What people do to a session, before and while it runs.

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """All that stand or are paused."""
        return self._instructions.known

    def instruct(self, text: str, instruction_id: str | None = None) -> Instruction:
        """Add a standing instruction, or replace the one with this id."""
        return self._instructions.put(text, self._clock.now_s(), instruction_id)

    def set_instruction(self, instruction_id: str, state: InstructionState) -> Instruction:
        """Pause an instruction, let it stand again, or remove it."""
        return self._instructions.set_state(instruction_id, state)

    def hear(self, text: str) -> None:
        """Take a side question or a remark; standing instructions stay as they are."""
        self._intake.put_words(Utterance(text, self._clock.now_s()))

    def set_persona(self, persona: Persona) -> None:
        """Choose how much it says unasked, from the next tick on."""
        self._persona_change = self._gate.persona = persona

    @property
    def talkativeness(self) -> float | None:
        """How readily it speaks, in [0, 1]; None where the model has no such setting."""
        return self._model.talkativeness if isinstance(self._model, Tunable) else None

    def set_talkativeness(self, talkativeness: float) -> None:
        """Choose how readily it speaks, from the next tick on; in vain where nothing can."""
        self._talkativeness = talkativeness
        if isinstance(self._model, Tunable):
            self._model.talkativeness = talkativeness

    def add_stream(self, stream: str, source: Source) -> None:
        """Watch another source as well.

        Raises:
            BadSettings: the name is taken, or the source does not fit the clock.
        """
        check_pace({stream: source}, self._clock)
        self._streams.add(stream, source)

    async def remove_stream(self, stream: str) -> None:
        """Watch a source no longer, and close it."""
        await self._streams.remove(stream)

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of all that is watched."""
        return self._streams.names

    @property
    def now_s(self) -> float:
        """Session time."""
        return self._clock.now_s()

    @property
    def is_paused(self) -> bool:
        return self._is_paused

    def pause(self) -> None:
        """Decide on nothing until `resume`; what comes meanwhile is skipped."""
        self._is_paused = True
        self._resumed.clear()

    def resume(self) -> None:
        """Go on deciding."""
        self._is_paused = False
        self._resumed.set()

    @property
    def memory(self) -> MemorySession | None:
        """What is remembered, to search, to look at and to forget; while it runs, if it is on."""
        return self._past.memory if self._past else None

    @property
    def tasks(self) -> tuple[TaskState, ...]:
        """What the brain was asked and has not answered yet."""
        return self._tasks.pending

    def cancel_task(self, task_id: str) -> None:
        """Withdraw a question from the brain; the model hears of it."""
        self._tasks.cancel(task_id)

    def deliver_task(self, task_id: str, delivery: Delivery) -> None:
        """Choose how the answer to a pending question is to be told."""
        self._tasks.deliver(task_id, delivery)

    def stop(self, reason: str) -> None:
        """End the session in good order."""
        self._reason, self._is_stopped = reason, True
        if self._line is not None:
            self._line.cancel()

    # The running of it.

    async def run(self) -> Closed:
        """Watch until the end; every part is closed afterwards."""
        async with AsyncExitStack() as stack:
            parts = self._parts
            stack.push_async_callback(self._streams.close)
            for sink in parts.sinks.values():
                stack.push_async_callback(sink.close)
            stack.push_async_callback(parts.model.close)
            if parts.brain:
                stack.push_async_callback(parts.brain.close)
            self.speech.open(stack)
            await self._open_memory(stack)
            perceive = await self._open_eyes(stack)
            model = self._model = await parts.model.open()
            stack.push_async_callback(model.close)
            if self._talkativeness is not None:
                self.set_talkativeness(self._talkativeness)
            async with self._outboxes.delivering():
                await self._emit(self._opened())
                try:
                    await self._watch(Line(perceive, self._context, model, self._emit))
                except BaseException:
                    self._reason = "it broke"
                    raise
                finally:
                    await self._tasks.end()
                    if self._past:
                        left = self._context.take_leaving(is_last=True)
                        await self._past.finish(left, self._instructions.standing)
                    closed = self._closed()
                    await self._emit(closed)
        return closed

    async def _open_memory(self, stack: AsyncExitStack) -> None:
        parts = self._parts
        if parts.summariser:
            stack.push_async_callback(parts.summariser.close)
        if parts.memory is None:
            return
        stack.push_async_callback(parts.memory.close)
        memory = await parts.memory.open(self._clock.now_s())
        stack.push_async_callback(memory.close)
        past = Past(memory, parts.summariser, self._settings, self._clock, self._emit)
        restored = await past.restore()
        given = {instruction.id for instruction in self._instructions.known}
        for instruction in restored.instructions:
            if instruction.id not in given:
                self._instructions.restore(instruction)
        for answer in restored.answers:
            self._intake.put_words(answer)
        self._outboxes = Outboxes(
            {**parts.sinks, "memory": past}, is_lossless=self._clock.speed is None
        )
        self._past = self._tasks.past = past

    async def _with_past(self, observation: Observation, *, is_first: bool) -> Observation:
        """Add what is remembered, where the prompt begins anew, and what was asked for."""
        if self._past is None:
            return observation
        memory = None
        if is_first or self._context.is_full:
            if self._clock.speed is None and not is_first:
                await self._past.settled()
            memory = self._past.paragraphs()
        start_s = min(self._context.start_s, observation.tick.start_s)
        recalled = await self._past.recall(observation, start_s)
        return replace(observation, memory=memory, recalled=recalled)

    async def _open_eyes(self, stack: AsyncExitStack) -> Perceive:
        codec = perception = None
        if self._parts.codec:
            stack.push_async_callback(self._parts.codec.close)
            codec = await self._parts.codec.open()
            stack.push_async_callback(codec.close)
        if self._parts.perception:
            stack.push_async_callback(self._parts.perception.close)
            perception = await self._parts.perception.open()
            stack.push_async_callback(perception.close)

        async def perceive(observation: Observation) -> tuple[Percept, ...]:
            percepts: list[Percept] = []
            if codec:
                percepts.append(await codec.encode(observation))
            if perception:
                percepts.append(await perception.look(observation))
            return tuple(percepts)

        return perceive

    async def _watch(self, line: Line) -> None:
        async with asyncio.TaskGroup() as tasks:
            others = self._streams.start(tasks)
            others.append(tasks.create_task(self._tasks.run()))
            if self._past:
                others.append(tasks.create_task(self._past.run()))
            others += self.speech.start(tasks)
            # Lets every source begin to follow the clock before the first tick.
            await asyncio.sleep(0)
            self._line = tasks.create_task(line.run(self._observations()))
            if self._is_stopped:
                self._line.cancel()
            await asyncio.wait([self._line])
            self._streams.stop()
            if not self._is_stopped:
                await self.speech.finish()
            for task in others:
                task.cancel()

    async def _observations(self) -> AsyncIterator[Observation]:
        """Yield the ticks that need a decision; account for those that do not."""
        num_ticks, expected, is_first = 0, 0, True
        why_late: SkipReason = "late"
        async for tick in self._ticker(self._clock, self._settings.period_s):
            if self._is_over:
                return  # the sources ended, or never began, since the last tick
            if self._is_paused:
                why_late = "paused"
                await self._resumed.wait()
                continue
            if num_late := tick.index - expected:
                await self._skip(why_late, tick.index - 1, tick.start_s, num_late)
            why_late = "late"
            num_ticks, expected = num_ticks + 1, tick.index + 1
            observation = replace(self._intake.take(tick), persona=self._persona_change)
            standing = self._instructions.standing
            if reason := self._gate.reason_to_skip(observation, standing):
                await self._skip(reason, tick.index, tick.end_s)
            else:
                self._persona_change = None
                observation = replace(observation, cut_short=self.speech.take_cuts())
                yield await self._with_past(observation, is_first=is_first)
                is_first = False
            if num_ticks == self._max_ticks:
                self._reason = f"{num_ticks} ticks have passed"
                return
            if self._is_over:
                return

    @property
    def _is_over(self) -> bool:
        if not self._parts.sources:
            return False
        return not self._streams.playing and not self._intake.has_frames

    async def _skip(self, reason: SkipReason, tick: int, time_s: float, num_ticks: int = 1) -> None:
        await self._emit(Skipped(tick=tick, time_s=time_s, reason=reason, num_ticks=num_ticks))

    async def _emit(self, event: Event) -> None:
        self._counts[type(event)] += event.num_ticks if isinstance(event, Skipped) else 1
        await self._outboxes.put(event)
        await self._tasks.take(event)
        await self.speech.take(event)
        if self._past and isinstance(event, Decided) and (left := self._context.take_leaving()):
            self._past.close_segment(left, self._instructions.standing)

    def _opened(self) -> Opened:
        return Opened(
            time_s=self._clock.now_s(),
            session=self.id,
            streams=self._streams.names,
            model=self._parts.model.traits.name,
            settings=asdict(self._settings),
        )

    def _closed(self) -> Closed:
        return Closed(
            time_s=self._clock.now_s(),
            reason=self._reason,
            num_decided=self._counts[Decided],
            num_skipped=self._counts[Skipped],
            num_failed=self._counts[Failed],
        )
