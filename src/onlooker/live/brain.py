"""The tasks of a session: what was asked of the brain, and how its answers come back.

They run beside the line, which never waits for them. An answer enters the next observation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack, aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from uuid import uuid4

from onlooker.core.clock import SessionClock
from onlooker.core.errors import BrainFailed, UnknownTask
from onlooker.core.event import (
    ArtefactLink,
    Event,
    Failed,
    TaskAnswered,
    TaskAsked,
    TaskProgress,
    TaskUsage,
)
from onlooker.core.moment import Answer, AnswerStatus, Delivery
from onlooker.core.ports import Brain
from onlooker.core.task import Artefact, NeedsInput, Partial, PastView, Progress, Result, Task
from onlooker.live.artefacts import ArtefactStore
from onlooker.live.background import Background
from onlooker.live.budget import Budget
from onlooker.live.digest import digest, readable
from onlooker.live.loop import Emit
from onlooker.live.settings import TaskSettings

PROGRESS_EVERY_S = 0.5  # of one task, at most
MAX_PROGRESS = 200  # events of one task
MAX_PROGRESS_TEXT = 500
MAX_QUICK = 20_000  # characters of an answer that are read on the event loop, in about 1 ms

Tell = Callable[[Answer], None]


@dataclass(frozen=True, slots=True)
class BrainParts:
    """Who answers, and what may be asked."""

    brain: Brain | None = None
    tasks: TaskSettings = TaskSettings()
    budget: Budget | None = None  # shared with other sessions; none: this one's alone


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task that is not answered yet."""

    id: str
    question: str
    asked_s: float
    state: Literal["waiting", "running"]
    progress: str  # what the brain said last that it is doing
    delivery: Delivery


@dataclass
class _Job:
    task: Task
    asked: TaskAsked
    hold: ExitStack = field(default_factory=ExitStack)  # of media time
    work: asyncio.Task[None] | None = None
    is_running: bool = False
    is_cancelled: bool = False
    delivery: Delivery | None = None  # a person's choice
    progress: str = ""
    unsaid: str = ""  # of the answer, since the last event
    num_bytes: int = 0
    num_told: int = 0
    told_s: float = -PROGRESS_EVERY_S


@dataclass(frozen=True, slots=True)
class _Outcome:
    status: AnswerStatus
    text: str
    artefacts: tuple[Artefact, ...] = ()
    usage: TaskUsage = TaskUsage()
    delivery: Delivery | None = None


class Tasks:
    """Knows every task of a session until it is answered. All of it is bounded."""

    def __init__(self, parts: BrainParts, clock: SessionClock, emit: Emit, tell: Tell) -> None:
        settings = parts.tasks
        self._brain = parts.brain
        self._budget = parts.budget or Budget()
        self._settings = settings
        self._clock = clock
        self._emit = emit
        self._tell = tell
        self._background = Background(settings)
        self._store: ArtefactStore | None = None
        if settings.folder:
            self._store = ArtefactStore(Path(settings.folder), settings.max_folder_bytes)
        self._jobs: dict[str, _Job] = {}
        self._coming: asyncio.Queue[_Job] = asyncio.Queue()
        self._room = asyncio.Semaphore(settings.max_running)
        self.past: PastView | None = None
        self._num_asked = 0
        self._usage = TaskUsage()

    @property
    def pending(self) -> tuple[TaskState, ...]:
        """All that are not answered yet, in the order in which they were asked."""
        return tuple(
            TaskState(
                id=job.task.id,
                question=job.task.question,
                asked_s=job.task.asked_s,
                state="running" if job.is_running else "waiting",
                progress=job.progress,
                delivery=job.delivery or self._settings.delivery,
            )
            for job in self._jobs.values()
        )

    def cancel(self, task_id: str) -> None:
        """Give a task up; the model hears of it.

        Raises:
            UnknownTask: it is not pending.
        """
        job = self._job(task_id)
        job.is_cancelled = True
        if job.work is not None:
            job.work.cancel()

    def deliver(self, task_id: str, delivery: Delivery) -> None:
        """Choose how a pending task's answer is to be told.

        Raises:
            UnknownTask: it is not pending.
        """
        self._job(task_id).delivery = delivery

    async def take(self, event: Event) -> None:
        """Take note of what happens in the session; a `TaskAsked` is put to the brain."""
        self._background.take(event)
        if not isinstance(event, TaskAsked):
            return
        if self._brain is None or (refusal := self._refusal(self._brain)):
            text = refusal if self._brain else "no background brain is configured"
            await self._end(event, _Outcome("failed", text))
            return
        self._num_asked += 1
        self._budget.take_task()
        task = self._background.task_of(event, self._brain.traits, self.past)
        job = self._jobs[event.task_id] = _Job(task, event)
        if self._clock.speed is None:
            # Media time waits for answers as it waits for sources: none comes late, and the same
            # file gives the same ticks. The world's time does not wait.
            job.hold.enter_context(self._clock.follower())
        self._coming.put_nowait(job)

    async def run(self) -> None:
        """Work on tasks as they come, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                job = await self._coming.get()
                job.work = group.create_task(self._work(job), name=f"brain {job.task.id}")

    async def end(self) -> None:
        """Account for the tasks that the end of the session leaves without an answer."""
        for job in list(self._jobs.values()):
            await self._close(job, _Outcome("cancelled", "the session has ended"))

    def _job(self, task_id: str) -> _Job:
        if task_id not in self._jobs:
            raise UnknownTask(task_id, self._jobs)
        return self._jobs[task_id]

    def _refusal(self, brain: Brain) -> str:
        """Say why no more can be asked now; empty if it can."""
        limits, used = self._settings, self._usage
        if len(self._jobs) >= limits.max_running + limits.max_waiting:
            return "too many questions are waiting for the background brain already"
        is_spent = (
            0 < limits.max_tasks <= self._num_asked
            or 0 < limits.max_tokens <= used.tokens
            or 0 < limits.max_cost <= used.cost
        )
        if is_spent:
            return "what the background brain may cost in this session is used up"
        return self._budget.refusal()

    async def _work(self, job: _Job) -> None:
        try:
            async with AsyncExitStack() as turn:
                if not job.is_cancelled:
                    await turn.enter_async_context(self._room)
                    await turn.enter_async_context(self._budget.room())
                job.is_running = True
                outcome = await self._solve(job)
        except asyncio.CancelledError:
            working = asyncio.current_task()
            if not job.is_cancelled or working is None or working.uncancel():
                raise  # the session ends
            outcome = _Outcome("cancelled", "the question was withdrawn")
        await self._close(job, outcome)

    async def _solve(self, job: _Job) -> _Outcome:
        brain, limit_s = self._brain, self._settings.timeout_s
        if job.is_cancelled or brain is None:
            return _Outcome("cancelled", "the question was withdrawn")
        try:
            async with asyncio.timeout(limit_s), aclosing(brain.solve(job.task)) as news:
                async for piece in news:
                    match piece:
                        case Progress(text):
                            job.progress = readable(text[:MAX_PROGRESS_TEXT])
                            await self._tell_progress(job, job.progress)
                        case Partial(text):
                            await self._take_partial(job, text)
                        case Result():
                            return await self._outcome_of(job, piece)
                        case NeedsInput(question, usage):
                            text, _ = digest(question, self._settings.max_digest)
                            return _Outcome("needs_input", text, usage=usage)
        except TimeoutError:
            return _Outcome("timeout", f"the background brain did not answer within {limit_s:g} s")
        except BrainFailed as error:
            await self._fail(str(error))
            return _Outcome("failed", error.spoken)
        await self._fail(f"the brain {brain.traits.name!r} ended without a result")
        return _Outcome("failed", "the background brain gave no answer")

    async def _outcome_of(self, job: _Job, result: Result) -> _Outcome:
        num_bytes = len(result.text) + sum(len(made.content) for made in result.artefacts)
        if num_bytes > job.task.max_answer_bytes:
            raise too_long(num_bytes, job.task.max_answer_bytes)
        limit = self._settings.max_digest
        if len(result.text) > MAX_QUICK:
            text, aside = await asyncio.to_thread(digest, result.text, limit)
        else:
            text, aside = digest(result.text, limit)
        made = (*aside, *result.artefacts)
        text = text or ("the answer is kept beside" if made else "")
        if not text:
            await self._fail("the brain's answer is empty")
            return _Outcome("failed", "the background brain gave an empty answer", (), result.usage)
        return _Outcome("done", text, made, result.usage, result.delivery)

    async def _take_partial(self, job: _Job, text: str) -> None:
        job.num_bytes += len(text)
        if job.num_bytes > job.task.max_answer_bytes:
            raise too_long(job.num_bytes, job.task.max_answer_bytes)
        job.unsaid = readable(job.unsaid + text)[-MAX_PROGRESS_TEXT:]
        if await self._tell_progress(job, job.unsaid, is_answer=True):
            job.unsaid = ""

    async def _tell_progress(self, job: _Job, text: str, *, is_answer: bool = False) -> bool:
        """Tell people, unless they have just been told; say whether they were."""
        now_s = self._clock.now_s()
        if now_s - job.told_s < PROGRESS_EVERY_S or job.num_told >= MAX_PROGRESS:
            return False
        job.told_s = now_s
        job.num_told += 1
        await self._emit(
            TaskProgress(time_s=now_s, task_id=job.task.id, text=text, is_answer=is_answer)
        )
        return True

    async def _fail(self, error: str) -> None:
        now_s = self._clock.now_s()
        await self._emit(Failed(time_s=now_s, part="brain", error=readable(error)))

    async def _close(self, job: _Job, outcome: _Outcome) -> None:
        used = outcome.usage
        self._budget.spend(used)
        self._usage = TaskUsage(
            prompt_tokens=self._usage.prompt_tokens + used.prompt_tokens,
            completion_tokens=self._usage.completion_tokens + used.completion_tokens,
            cost=self._usage.cost + used.cost,
        )
        with job.hold:
            links = await self._keep(job.task.id, outcome.artefacts)
            self._jobs.pop(job.task.id, None)
            await self._end(job.asked, outcome, links, job.delivery)

    async def _keep(self, task_id: str, made: tuple[Artefact, ...]) -> tuple[ArtefactLink, ...]:
        if not made or self._store is None:
            return ()
        try:
            return await asyncio.to_thread(self._store.keep, f"{uuid4().hex[:12]}-{task_id}", made)
        except OSError as error:
            await self._fail(f"the full answer to {task_id} cannot be stored: {error}")
            return ()

    async def _end(
        self,
        asked: TaskAsked,
        outcome: _Outcome,
        links: tuple[ArtefactLink, ...] = (),
        chosen: Delivery | None = None,
    ) -> None:
        delivery = chosen or outcome.delivery or self._settings.delivery
        now_s = max(asked.time_s, self._clock.now_s()) if self._brain else asked.time_s
        await self._emit(
            TaskAnswered(
                tick=asked.tick,
                time_s=now_s,
                task_id=asked.task_id,
                status=outcome.status,
                text=outcome.text,
                delivery=delivery,
                artefacts=links,
                usage=outcome.usage,
                took_s=round(now_s - asked.time_s, 6),
            )
        )
        self._tell(
            Answer(asked.task_id, asked.question, outcome.text, now_s, outcome.status, delivery)
        )


def too_long(num_bytes: int, max_bytes: int) -> BrainFailed:
    """Say that an answer has no end."""
    return BrainFailed(
        f"the brain's answer has passed max_answer_bytes={max_bytes} ({num_bytes}): raise it, or "
        f"have the brain answer in fewer words",
        "the background brain's answer was too long",
    )
