"""The whole way: pictures, a model's server, a brain's server, and back; and its recording."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from onlooker.core.clock import MediaClock, WallClock
from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.event import Decided, Failed, Skipped, TaskAnswered, TaskAsked
from onlooker.core.ports import Brain, Outcome, Say
from onlooker.core.prompt import Prompt
from onlooker.core.recording import read_recording
from onlooker.live.replay import replay
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings, TaskSettings
from onlooker.plugins.brain.openai import OpenAIBrain, OpenAIBrainSettings
from onlooker.plugins.brain.webhook import WebhookBrain, WebhookBrainSettings
from onlooker.plugins.codec.jpeg import JpegCodec
from onlooker.plugins.model.openai import OpenAIModel, OpenAISettings
from onlooker.plugins.sink.recorder import RecorderSettings, RecorderSink
from onlooker.testing.brain_server import BrainServer
from onlooker.testing.doubles import FrameSource, ListSink, NoPictures, ScriptedModel, grey
from onlooker.testing.marker import draw
from onlooker.testing.scripted import refusal
from onlooker.testing.server import PictureServer

WEBHOOK, CHAT = "webhook", "openai"


def brain_at(server: BrainServer, kind: str = WEBHOOK) -> Brain:
    if kind == CHAT:
        return OpenAIBrain(OpenAIBrainSettings(url=server.url, retries=0))
    return WebhookBrain(WebhookBrainSettings(url=f"{server.url}/task", retries=0))


def said(sink: ListSink) -> dict[int, str]:
    return {
        event.tick or 0: event.decision.text
        for event in sink.of(Decided)
        if isinstance(event.decision, Speak)
    }


class Listener(ScriptedModel):
    """Says at once what the brain has answered."""

    async def step(self, prompt: Prompt, say: Say) -> Outcome:
        outcome = await super().step(prompt, say)
        texts = [answer.text for answer in prompt.now.answers]
        return Outcome(Speak(" ".join(texts))) if texts else outcome


@pytest.mark.parametrize("dialect", ["instruct", "native"])
@pytest.mark.parametrize("kind", [WEBHOOK, CHAT])
async def test_a_marker_that_is_too_hard_is_answered_by_the_brain_one_tick_later(
    kind: str, dialect: Any
) -> None:
    sink = ListSink()
    plain = grey(120, 240, 320)
    shown = [draw(plain, 1234) if 3 <= index < 6 else plain for index in range(9)]
    async with PictureServer("markers") as looking, BrainServer() as thinking:
        parts = Parts(
            {"door": FrameSource(shown)},
            OpenAIModel(OpenAISettings(url=looking.url, dialect=dialect, retries=0)),
            codec=JpegCodec(JpegCodec.Settings()),
            brain=brain_at(thinking, kind),
            sinks={"list": sink},
        )
        await Session(parts, LiveSettings(), MediaClock()).run()
        assert looking.violations == []
        assert list(thinking.questions) == ["What does marker 1234 mean?"]
    (asked,) = sink.of(TaskAsked)
    (answered,) = sink.of(TaskAnswered)
    assert (asked.tick, answered.status) == (3, "done")
    assert said(sink) == {4: "Marker 1234 marks the loading bay."}
    assert sink.of(Failed) == []


async def test_in_the_worlds_time_the_answer_is_said_within_a_tick_and_no_tick_is_late() -> None:
    sink = ListSink()
    period_s = 0.25
    model = Listener(Silent(), Delegate("One moment.", "Who wrote Hamlet?"))
    async with BrainServer(delay_s=0.6) as thinking:
        parts = Parts(
            {"door": FrameSource([grey(9)] * 8, rate_hz=4)},
            model,
            codec=NoPictures(),
            brain=brain_at(thinking),
            sinks={"list": sink},
        )
        await Session(parts, LiveSettings(period_s=period_s), WallClock()).run()
    assert sink.of(Skipped) == []
    (answered,) = sink.of(TaskAnswered)
    (told,) = [event for event in sink.of(Decided) if isinstance(event.decision, Speak)]
    assert answered.took_s >= 0.6
    assert 0 <= told.time_s - answered.time_s <= period_s
    # The watch went on between the question and its answer.
    assert len(sink.of(Decided)) >= 7


async def test_a_recording_with_answers_of_the_brain_replays_identically(tmp_path: Path) -> None:
    """Failures, refusals and a window that turns over while questions are open included."""
    ask = [Delegate("One moment.", f"What is number {number}?") for number in range(4)]
    script: list[Decision] = [Silent(), ask[0], Silent(), ask[1], ask[2], *[Silent()] * 4, ask[3]]
    numbers = iter(range(100))

    def answer(question: str) -> Any:
        return refusal(500, "boom") if next(numbers) == 1 else f"An answer to: {question}"

    sink = ListSink()
    async with BrainServer(answer) as thinking:
        parts = Parts(
            {"door": FrameSource([grey(5 * index) for index in range(24)])},
            ScriptedModel(*script),
            codec=JpegCodec(JpegCodec.Settings()),
            brain=brain_at(thinking),
            tasks=TaskSettings(max_tasks=3, folder=str(tmp_path / "work"), max_digest=12),
            sinks={"list": sink, "recorder": RecorderSink(RecorderSettings(folder=tmp_path / "r"))},
        )
        await Session(parts, LiveSettings(window_ticks=4, carry_ticks=1), MediaClock()).run()
    statuses = [event.status for event in sink.of(TaskAnswered)]
    assert statuses == ["done", "failed", "done", "failed"]
    again = ListSink()
    replayed = await replay(read_recording(tmp_path / "r"), sinks={"list": again})
    assert replayed.is_identical
    assert replayed.is_complete
    assert [repr(event) for event in again.of(TaskAnswered)] == [
        repr(event) for event in sink.of(TaskAnswered)
    ]
    # Another model that asks nothing hears no answers.
    other = ScriptedModel()
    await replay(read_recording(tmp_path / "r"), other)
    assert all(not prompt.now.answers for prompt in other.prompts)


async def test_a_question_that_is_open_for_long_is_in_the_head_and_replays_identically(
    tmp_path: Path,
) -> None:
    ready = asyncio.Event()

    class Opens(Listener):
        session: Session
        num_since = 0  # turns since the answer: the window turns over in the meantime

        async def step(self, prompt: Prompt, say: Say) -> Outcome:
            if prompt.now.tick.index >= 9:
                ready.set()
            self.num_since += bool(self.num_since or prompt.now.answers)
            if self.num_since == 10:
                self.session.stop("the answer has left the window")
            return await super().step(prompt, say)

    model = Opens(Delegate("One moment.", "Who wrote Hamlet?"))
    async with BrainServer(ready=ready) as thinking:
        parts = Parts(
            {"door": FrameSource([grey(9)] * 3000, rate_hz=100)},
            model,
            codec=JpegCodec(JpegCodec.Settings()),
            brain=brain_at(thinking),
            sinks={"recorder": RecorderSink(RecorderSettings(folder=tmp_path / "r"))},
        )
        live = LiveSettings(period_s=0.02, window_ticks=4, carry_ticks=1)
        model.session = Session(parts, live, WallClock())
        await model.session.run()
    pending = [[task.question for task in prompt.pending] for prompt in model.prompts]
    assert ["Who wrote Hamlet?"] in pending
    assert pending[-1] == []
    assert (await replay(read_recording(tmp_path / "r"))).is_identical
