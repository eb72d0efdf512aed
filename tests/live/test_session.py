import asyncio
from dataclasses import replace

from onlooker.core.clock import MediaClock
from onlooker.core.decision import Delegate, Silent, Speak
from onlooker.core.errors import ModelUnavailable
from onlooker.core.event import Closed, Failed, Opened, StreamHealth, TaskAnswered
from onlooker.core.ports import Outcome, Say
from onlooker.core.prompt import Prompt
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.testing.doubles import (
    FrameSource,
    ListSink,
    NoPictures,
    ScriptedModel,
    actions,
    grey,
)


def session_of(model: ScriptedModel, sink: ListSink, num_frames: int = 5) -> Session:
    source = FrameSource([grey(20 * index) for index in range(num_frames)])
    parts = Parts({"pot": source}, model, codec=NoPictures(), sinks={"list": sink})
    return Session(parts, LiveSettings(), MediaClock())


async def test_a_file_is_decided_on_once_a_second_until_it_ends() -> None:
    sink, model = ListSink(), ScriptedModel(Silent(), Speak("It boils."))
    closed = await session_of(model, sink).run()
    assert actions(sink.events) == [
        "0 silent",
        "1 speak It boils.",
        "2 silent",
        "3 silent",
        "4 silent",
    ]
    assert isinstance(sink.events[0], Opened)
    assert sink.events[-1] == closed
    assert closed.num_decided == 5
    assert model.num_open == 0
    assert model.is_closed
    assert [len(prompt.turns) for prompt in model.prompts] == [1, 2, 3, 4, 5]


async def test_a_model_made_for_a_shorter_window_gets_that_and_a_shorter_one_stays() -> None:
    for window_ticks, seen in ((100, [1, 2, 3, 2, 3, 2]), (2, [1, 2, 1, 2, 1, 2])):
        model, sink = ScriptedModel(), ListSink()
        model.traits = replace(model.traits, window_ticks=3, carry_ticks=1)
        source = FrameSource([grey(20 * index) for index in range(6)])
        parts = Parts({"pot": source}, model, codec=NoPictures(), sinks={"list": sink})
        live = LiveSettings(window_ticks=window_ticks, carry_ticks=0)
        await Session(parts, live, MediaClock()).run()
        assert [len(prompt.turns) for prompt in model.prompts] == seen
        (opened,) = sink.of(Opened)
        assert opened.settings["window_ticks"] == min(3, window_ticks)  # a replay lives the same


async def test_a_failing_model_costs_one_tick_and_is_never_spoken() -> None:
    sink = ListSink()
    model = ScriptedModel(Silent(), ModelUnavailable("no answer in 0.8 s"), Speak("It boils."))
    session = session_of(model, sink, num_frames=3)
    session.instruct("tell me when it boils")
    await session.run()
    assert actions(sink.events) == ["0 silent", "1 failed model", "2 speak It boils."]
    assert [failed.error for failed in sink.of(Failed)] == ["no answer in 0.8 s"]
    assert [turn.tick.index for turn in model.prompts[-1].turns] == [0, 2]


async def test_what_was_asked_in_a_failed_tick_is_asked_again_in_the_next() -> None:
    model = ScriptedModel(ModelUnavailable("down"), ModelUnavailable("down"))
    session = session_of(model, ListSink())
    session.hear("what is that?")
    await session.run()
    heard = [[words.text for words in prompt.now.heard] for prompt in model.prompts]
    assert heard == [["what is that?"]] * 3 + [[], []]


async def test_a_delegation_without_a_brain_is_answered_at_the_next_tick() -> None:
    sink, model = ListSink(), ScriptedModel(Delegate("One moment.", "Which bird is it?"))
    await session_of(model, sink).run()
    (answered,) = sink.of(TaskAnswered)
    assert answered.status == "failed"
    assert [answer.task_id for answer in model.prompts[1].now.answers] == [answered.task_id]


async def test_stop_ends_the_session_in_good_order() -> None:
    sink = ListSink()

    class Stops(ScriptedModel):
        async def step(self, prompt: Prompt, say: Say) -> Outcome:
            session.stop("enough")
            await asyncio.Event().wait()
            raise AssertionError

    session = session_of(Stops(), sink)
    closed = await asyncio.wait_for(session.run(), 5)
    assert closed.reason == "enough"
    assert isinstance(sink.events[-1], Closed)


async def test_the_end_of_a_stream_is_told() -> None:
    sink = ListSink()
    await session_of(ScriptedModel(), sink).run()
    assert [(health.stream, health.state) for health in sink.of(StreamHealth)] == [
        ("pot", "connected"),
        ("pot", "ended"),
    ]
