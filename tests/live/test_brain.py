"""Questions to the brain, beside the line: what comes back, when, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from onlooker.core.clock import MediaClock, SessionClock
from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.errors import BrainFailed, UnknownTask
from onlooker.core.event import (
    Closed,
    Decided,
    Event,
    Failed,
    Observed,
    Skipped,
    TaskAnswered,
    TaskAsked,
    TaskProgress,
    TaskUsage,
)
from onlooker.core.moment import Answer
from onlooker.core.ports import BrainTraits, Outcome, Say
from onlooker.core.prompt import Prompt
from onlooker.core.task import Artefact, NeedsInput, Partial, Progress, Result, Task, TaskNews
from onlooker.core.wire import to_json
from onlooker.live.brain import BrainParts, Tasks, TaskState
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings, TaskSettings
from onlooker.plugins.codec.jpeg import JpegCodec
from onlooker.testing.doubles import (
    FrameSource,
    ListSink,
    ManualClock,
    NoPictures,
    ScriptedBrain,
    ScriptedModel,
    grey,
)

ASK = Delegate("One moment.", "Which bird is it?")


class Listener(ScriptedModel):
    """Follows its script, and says at once what the brain has answered."""

    async def step(self, prompt: Prompt, say: Say) -> Outcome:
        outcome = await super().step(prompt, say)
        if prompt.now.answers:
            text = " ".join(" ".join(answer.text for answer in prompt.now.answers).split())
            return Outcome(Speak(text[:60].strip()))
        return outcome


def only_file_in(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


async def others() -> None:
    """Let everything else that can go on do so."""
    for _ in range(50):
        await asyncio.sleep(0)


class Rig:
    """A session over a few grey pictures with a brain, and all that came of it."""

    def __init__(
        self,
        brain: Any,
        *steps: Decision | Exception,
        clock: SessionClock | None = None,
        num_frames: int = 6,
        live: LiveSettings | None = None,
        **tasks: Any,
    ) -> None:
        self.sink = ListSink()
        self.model = Listener(*steps)
        source = FrameSource([grey(20 * index % 250) for index in range(num_frames)])
        self.parts = Parts(
            {"pot": source},
            self.model,
            codec=NoPictures(),
            brain=brain,
            tasks=TaskSettings(**tasks),
            sinks={"list": self.sink},
        )
        self.session = Session(self.parts, live or LiveSettings(), clock or MediaClock())

    async def run(self) -> Closed:
        return await asyncio.wait_for(self.session.run(), 20)

    @property
    def answers(self) -> list[Answer]:
        return [answer for prompt in self.model.prompts for answer in prompt.now.answers]

    @property
    def answered(self) -> list[TaskAnswered]:
        return self.sink.of(TaskAnswered)

    @property
    def failures(self) -> list[str]:
        return [failed.error for failed in self.sink.of(Failed)]

    @property
    def said(self) -> dict[int, str]:
        return {
            event.tick or 0: event.decision.text
            for event in self.sink.of(Decided)
            if isinstance(event.decision, Speak)
        }


async def test_an_answer_is_spoken_at_the_first_tick_after_it_is_ready() -> None:
    brain = ScriptedBrain([Result("A robin.")])
    rig = Rig(brain, Silent(), ASK)
    await rig.run()
    (asked,), (answered,) = rig.sink.of(TaskAsked), rig.answered
    assert (asked.tick, answered.status, answered.text) == (1, "done", "A robin.")
    assert rig.said == {2: "A robin."}
    assert brain.is_closed


async def test_the_line_goes_on_while_the_brain_works_and_no_tick_is_late() -> None:
    ready = asyncio.Event()
    brain = ScriptedBrain([Result("A robin.")], ready=ready)

    class Waits(Listener):
        async def step(self, prompt: Prompt, say: Say) -> Outcome:
            if prompt.now.tick.index == 5:
                ready.set()
                await others()
            return await super().step(prompt, say)

    rig = Rig(brain, ASK, clock=ManualClock(), num_frames=9)
    rig.model.__class__ = Waits
    await rig.run()
    assert rig.sink.of(Skipped) == []
    assert [event.tick for event in rig.sink.of(Decided)] == list(range(9))
    assert rig.said == {6: "A robin."}


async def test_a_task_knows_the_pictures_the_talk_and_what_stands() -> None:
    brain = ScriptedBrain([Result("A robin.")])
    rig = Rig(brain, Silent(), Silent(), Silent(), ASK, num_pictures=2, language="de")
    parts = replace(rig.parts, codec=JpegCodec(JpegCodec.Settings()))
    session = Session(parts, LiveSettings(), MediaClock())
    session.instruct("tell me when a bird comes")
    session.hear("which bird is that?")
    await session.run()
    (task,) = brain.tasks
    assert (task.question, task.note, task.asked_s) == ("Which bird is it?", "One moment.", 4.0)
    assert [picture.time_s for picture in task.pictures] == [2.5, 3.5]
    assert task.instructions == ("tell me when a bird comes",)
    assert [(said.speaker, said.text) for said in task.said] == [
        ("user", "which bird is that?"),
        ("onlooker", "One moment."),
    ]
    assert task.language == "de"


async def test_a_task_knows_what_is_remembered_and_what_was_recalled() -> None:
    brain = ScriptedBrain([Result("A robin.")])
    told: list[Event] = []

    async def emit(event: Event) -> None:
        told.append(event)

    tasks = Tasks(BrainParts(brain), MediaClock(), emit, lambda _: None)
    await tasks.take(Observed(time_s=1.0, start_s=0.0, end_s=1.0, memory=("A cat sat there.",)))
    await tasks.take(
        Observed(time_s=2.0, start_s=0.0, end_s=1.0, recalled=("<3.0 seconds> a robin",))
    )
    await tasks.take(TaskAsked(time_s=2.0, task_id="t", question="Which?", note="Hm."))
    async with asyncio.TaskGroup() as group:
        work = group.create_task(tasks.run())
        await others()
        work.cancel()
    (task,) = brain.tasks
    assert task.memory == ("A cat sat there.", "<3.0 seconds> a robin")
    assert [type(event) for event in told] == [TaskAnswered]


async def test_pictures_beyond_the_bytes_are_left_out_the_oldest_first() -> None:
    brain = ScriptedBrain([Result("A robin.")])
    rig = Rig(brain, Silent(), Silent(), ASK, max_picture_bytes=1500)
    parts = replace(rig.parts, codec=JpegCodec(JpegCodec.Settings()))
    await Session(parts, LiveSettings(), MediaClock()).run()
    (task,) = brain.tasks
    assert 0 < sum(len(picture.jpeg) for picture in task.pictures) <= 1500
    assert task.pictures[-1].time_s == 2.5


async def test_progress_and_pieces_of_the_answer_are_told_but_not_to_the_model() -> None:
    brain = ScriptedBrain([Progress("looks it up"), Partial("A ro"), Result("A robin.")])
    rig = Rig(brain, ASK)
    await rig.run()
    assert [(told.text, told.is_answer) for told in rig.sink.of(TaskProgress)] == [
        ("looks it up", False)
    ]
    assert all("looks it up" not in repr(prompt) for prompt in rig.model.prompts)


async def test_a_brain_that_needs_to_know_more_asks_through_the_model() -> None:
    rig = Rig(ScriptedBrain([NeedsInput("Which of the two birds?")]), ASK)
    await rig.run()
    assert [(answer.status, answer.text) for answer in rig.answers] == [
        ("needs_input", "Which of the two birds?")
    ]


@pytest.mark.parametrize(
    ("steps", "spoken", "told"),
    [
        ([BrainFailed("500 from http://x", "it cannot be reached")], "it cannot be reached", "500"),
        ([BrainFailed("boom")], "the background brain failed", "boom"),
        ([], "the background brain gave no answer", "without a result"),
        ([Result("  ")], "the background brain gave an empty answer", "empty"),
        ([Result("x" * 2000)], "the background brain's answer was too long", "max_answer_bytes"),
        ([Partial("x" * 2000)], "the background brain's answer was too long", "max_answer_bytes"),
    ],
)
async def test_a_failure_is_one_line_that_can_be_said_and_an_event_with_the_reason(
    steps: Sequence[TaskNews | Exception], spoken: str, told: str
) -> None:
    rig = Rig(ScriptedBrain(steps), ASK, max_answer_bytes=1000)
    closed = await rig.run()
    assert [(answer.status, answer.text) for answer in rig.answers] == [("failed", spoken)]
    (failure,) = rig.failures
    assert told in failure
    assert closed.num_decided == 6


async def test_a_brain_that_never_ends_is_given_up_in_time() -> None:
    brain = ScriptedBrain([Result("too late")], ready=asyncio.Event())
    rig = Rig(brain, ASK, timeout_s=0.05)
    await rig.run()
    (answered,) = rig.answered
    assert answered.status == "timeout"
    assert "0.05 s" in answered.text
    assert [answer.status for answer in rig.answers] == ["timeout"]
    assert brain.num_stopped == 1


class Deeds(Listener):
    """Does something at a tick."""

    deed: Any = None

    async def step(self, prompt: Prompt, say: Say) -> Outcome:
        if self.deed:
            self.deed(prompt.now.tick.index)
        await others()
        return await super().step(prompt, say)


async def test_a_question_can_be_withdrawn() -> None:
    brain = ScriptedBrain([Result("A robin.")], ready=asyncio.Event())
    rig = Rig(brain, ASK, clock=ManualClock(), num_frames=8)
    rig.model.__class__ = Deeds
    seen: list[TaskState] = []

    def deed(tick: int) -> None:
        if tick == 3:
            seen.extend(rig.session.tasks)
            rig.session.cancel_task("task-0")
        if tick == 5:
            with pytest.raises(UnknownTask, match="pending: none"):
                rig.session.cancel_task("task-0")

    rig.model.deed = deed  # type: ignore[attr-defined]
    await rig.run()
    assert [(task.id, task.state, task.question) for task in seen] == [
        ("task-0", "running", "Which bird is it?")
    ]
    assert [answer.status for answer in rig.answers] == ["cancelled"]
    assert brain.num_stopped == 1


async def test_tasks_wait_for_their_turn_and_more_than_may_wait_are_refused() -> None:
    ready = asyncio.Event()
    brain = ScriptedBrain(*[[Result(f"answer {number}")] for number in range(4)], ready=ready)
    rig = Rig(brain, *[ASK] * 5, clock=ManualClock(), num_frames=12, max_running=1, max_waiting=2)
    rig.model.__class__ = Deeds
    states: list[str] = []

    def deed(tick: int) -> None:
        if tick == 5:
            states.extend(task.state for task in rig.session.tasks)
            ready.set()

    rig.model.deed = deed  # type: ignore[attr-defined]
    await rig.run()
    assert states == ["running", "waiting", "waiting"]
    assert brain.most_running == 1
    assert [answered.status for answered in rig.answered].count("done") == 3
    refused = [answered.text for answered in rig.answered if answered.status == "failed"]
    assert refused == ["too many questions are waiting for the background brain already"]


@pytest.mark.parametrize(
    "limit", [{"max_tasks": 1}, {"max_tokens": 50}, {"max_cost": 0.5}], ids=lambda x: next(iter(x))
)
async def test_what_is_used_up_is_refused_and_said(limit: dict[str, Any]) -> None:
    usage = TaskUsage(prompt_tokens=40, completion_tokens=20, cost=0.75)
    brain = ScriptedBrain([Result("A robin.", usage=usage)], [Result("never")])
    rig = Rig(brain, ASK, Silent(), ASK, **limit)
    await rig.run()
    assert [answered.status for answered in rig.answered] == ["done", "failed"]
    assert "used up" in rig.answered[1].text
    assert rig.answered[0].usage == usage
    assert len(brain.tasks) == 1


async def test_the_end_of_the_session_ends_its_tasks_and_says_so() -> None:
    brain = ScriptedBrain(ready=asyncio.Event())
    rig = Rig(brain, ASK, ASK, clock=ManualClock(), max_running=1)
    await rig.run()
    assert [(answered.status, answered.text) for answered in rig.answered] == [
        ("cancelled", "the session has ended")
    ] * 2
    assert isinstance(rig.sink.events[-1], Closed)
    assert brain.num_stopped == 1
    assert brain.num_running == 0


async def test_delivery_is_chosen_by_the_session_the_brain_or_a_person() -> None:
    ready = asyncio.Event()
    brain = ScriptedBrain(
        [Result("one")],
        [Result("two", delivery="interrupt")],
        [Result("three", delivery="interrupt")],
        ready=ready,
    )
    rig = Rig(
        brain, ASK, ASK, ASK, clock=ManualClock(), num_frames=9, delivery="silent", max_running=9
    )
    rig.model.__class__ = Deeds

    def deed(tick: int) -> None:
        if tick == 4:
            rig.session.deliver_task("task-2", "when_idle")
            ready.set()

    rig.model.deed = deed  # type: ignore[attr-defined]
    await rig.run()
    assert {answer.text: answer.delivery for answer in rig.answers} == {
        "one": "silent",
        "two": "interrupt",
        "three": "when_idle",
    }


async def test_what_no_file_could_hold_is_left_out_of_every_event() -> None:
    bad = "a\ud800b\x1b[2J"
    steps: tuple[Sequence[TaskNews | Exception], ...] = (
        [Progress(bad), Result(bad)],
        [Partial(bad), Result(bad, (Artefact("text", b"x", bad),))],
        [NeedsInput(bad)],
        [BrainFailed(bad)],
    )
    rig = Rig(ScriptedBrain(*steps), *[step for _ in steps for step in (ASK, Silent())])
    rig.session = Session(rig.parts, LiveSettings(), MediaClock())
    await rig.run()
    assert len(rig.answered) == 3
    for event in rig.sink.events:
        told = json.dumps(to_json(event), ensure_ascii=False)
        assert told.encode().decode() == told
        assert "\\u001b" not in told


async def test_a_bug_of_a_brain_ends_the_session_loudly() -> None:
    class Broken:
        traits = BrainTraits(name="broken")

        async def solve(self, task: Task) -> AsyncGenerator[TaskNews]:
            yield Progress("about to break")
            raise ZeroDivisionError

        async def close(self) -> None:
            pass

    with pytest.raises(BaseExceptionGroup) as caught:
        await Rig(Broken(), ASK).run()
    assert caught.group_contains(ZeroDivisionError)


async def test_a_long_answer_is_stored_whole_and_read_in_short(tmp_path: Path) -> None:
    text = "It is a robin. " + "Robins live in trees. " * 50_000
    rig = Rig(ScriptedBrain([Result(text)]), ASK, folder=str(tmp_path), max_digest=100)
    await rig.run()
    (answered,) = rig.answered
    stored = only_file_in(tmp_path)
    assert answered.text.startswith("It is a robin.")
    assert len(answered.text) < 150
    (link,) = answered.artefacts
    assert (link.kind, link.num_bytes) == ("text", len(text))
    assert (link.path, stored.read_text()) == (str(stored), text)


async def test_a_disk_that_says_no_costs_the_artefact_and_not_the_answer(tmp_path: Path) -> None:
    blocked = tmp_path / "a file"
    blocked.touch()
    made = Artefact("code", b"print()")
    rig = Rig(ScriptedBrain([Result("Done.", (made,))]), ASK, folder=str(blocked / "below"))
    await rig.run()
    assert [(answered.status, answered.artefacts) for answered in rig.answered] == [("done", ())]
    assert "cannot be stored" in rig.failures[0]


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"timeout_s": 0}, {"max_running": 0}, {"max_tokens": -1}, {"num_said": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            TaskSettings(**wrong)  # type: ignore[arg-type]
