from __future__ import annotations

from collections.abc import Iterable

import pytest

from onlooker.core.clock import MediaClock
from onlooker.core.decision import Delegate, Silent, Speak
from onlooker.core.errors import BadSettings, ModelUnavailable
from onlooker.core.event import Decided, Skipped, TaskAsked
from onlooker.core.moment import Answer, Instruction, Tick, Utterance
from onlooker.core.percept import Box, Scene, SceneObject, View
from onlooker.core.ports import ModelTraits, Outcome, Say
from onlooker.core.prompt import Prompt, Turn
from onlooker.evaluate.replay import SimulatedClock, play, turns_of
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


def thing(track_id: int) -> SceneObject:
    return SceneObject("cat", track_id, Box(0, 0, 1, 1), 0.9, 0.0)


def scenes(*seen: Iterable[int]) -> list[Turn]:
    """One turn a second, each with the cats that are seen in it."""
    turns: list[Turn] = []
    before: set[int] = set()
    for index, ids in enumerate(map(set, seen)):
        view = View(
            "yard",
            index + 1.0,
            tuple(map(thing, sorted(ids))),
            entered=tuple(map(thing, sorted(ids - before))),
            left=tuple(map(thing, sorted(before - ids))),
        )
        turns.append(Turn(Tick(index, float(index), index + 1.0), (Scene((view,)),)))
        before = ids
    return turns


class Greeter(ScriptedModel):
    """Names every cat that enters."""

    async def step(self, prompt: Prompt, say: Say) -> Outcome:
        self.prompts.append(prompt)
        scene = prompt.now.percepts[0]
        assert isinstance(scene, Scene)
        entered = [str(one.track_id) for view in scene.views for one in view.entered]
        return Outcome(Speak(" ".join(entered)) if entered else Silent())


async def test_under_ideal_time_every_tick_is_decided_on() -> None:
    played = await play(scenes([], [1], [1], [1, 2]), Greeter())
    assert actions(played.events) == ["0 silent", "1 speak 1", "2 silent", "3 speak 2"]
    assert [one.time_s for one in played.prediction("yard").emissions] == [2.0, 4.0]


async def test_a_slow_model_misses_ticks_and_is_heard_late() -> None:
    played = await play(scenes([], [1], [1], [1, 2], [], []), Greeter(), latency_s=2.5)
    # 1.0 s + 2.5 s = 3.5 s: the tick that ended at 3 s is the newest that is over... and late.
    assert actions(played.events) == [
        "0 silent",
        "2 skipped 2 late",
        "3 speak 1 2",
        "5 skipped 2 late",
    ]
    prediction = played.prediction("yard")
    assert [one.time_s for one in prediction.emissions] == [6.5]
    assert prediction.num_skipped == 4
    assert prediction.latencies_ms == (2500.0, 2500.0)


async def test_words_of_missed_ticks_reach_the_next_one() -> None:
    turns = scenes([], [], [], [])
    turns[1] = Turn(turns[1].tick, turns[1].percepts, heard=(Utterance("how many?", 1.5),))
    turns[2] = Turn(
        turns[2].tick, turns[2].percepts, instructed=(Instruction("i1", "count cats", 2.5),)
    )
    model = Greeter()
    await play(turns, model, latency_s=2.5)
    assert [prompt.now.tick.index for prompt in model.prompts] == [0, 3]
    assert [words.text for words in model.prompts[1].now.heard] == ["how many?"]
    assert [change.text for change in model.prompts[1].now.instructed] == ["count cats"]


async def test_latency_can_differ_from_tick_to_tick() -> None:
    played = await play(
        scenes([], [], [], []), Greeter(), latency_s=lambda tick: 1.5 if tick == 0 else 0.0
    )
    assert actions(played.events) == ["0 silent", "1 skipped 1 late", "2 silent", "3 silent"]


async def test_measured_time_is_written_into_the_events() -> None:
    played = await play(scenes([], []), Greeter(), latency_s="measured")
    latencies = [event.latency_ms for event in played.events if isinstance(event, Decided)]
    assert len(latencies) == 2
    assert all(0 <= latency_ms < 1000 for latency_ms in latencies)


async def test_a_failure_costs_its_tick_and_its_time() -> None:
    model = ScriptedModel(ModelUnavailable("down"), Speak("Hello."))
    played = await play(scenes([], [], [], []), model, latency_s=1.5)
    assert actions(played.events) == [
        "0 failed model",
        "1 skipped 1 late",
        "2 speak Hello.",
        "3 skipped 1 late",
    ]


async def test_the_brain_answers_in_its_own_time() -> None:
    model = ScriptedModel(Delegate("One moment.", "Which cat?"))

    def brain(asked: TaskAsked) -> Answer:
        return Answer(asked.task_id, asked.question, "Tom.", asked.time_s + 1.5)

    await play(scenes([], [], [], []), model, brain=brain)
    assert [[one.text for one in prompt.now.answers] for prompt in model.prompts] == [
        [],
        [],
        ["Tom."],
        [],
    ]


async def test_recorded_answers_come_only_to_tasks_that_were_asked() -> None:
    turns = scenes([], [], [])
    answers = (
        Answer("task-0", "Which cat?", "Tom.", 2.5),
        Answer("task-1", "Which dog?", "Rex.", 2.5),
    )
    turns[2] = Turn(turns[2].tick, turns[2].percepts, answers=answers)
    model = ScriptedModel(Delegate("One moment.", "Which cat?"))
    await play(turns, model)
    assert [one.text for one in model.prompts[2].now.answers] == ["Tom."]


async def test_the_same_turns_give_the_same_events() -> None:
    turns = scenes([], [1], [2], [1], [])
    one, other = [(await play(turns, Greeter(), latency_s=1.2)).events for _ in range(2)]
    assert one == other


async def test_a_recorded_session_plays_to_the_same_decisions() -> None:
    sink = ListSink()
    said = (Silent(), Speak("It boils."), Silent())
    source = FrameSource([grey(20 * index) for index in range(3)])
    parts = Parts({"pot": source}, ScriptedModel(*said), codec=NoPictures(), sinks={"list": sink})
    await Session(parts, LiveSettings(), MediaClock()).run()
    model = ScriptedModel(*said)
    played = await play(turns_of(sink.events), model)
    assert actions(played.events) == actions(sink.events)
    assert [one.prompt_digest for one in played.events if isinstance(one, Decided)] == [
        one.prompt_digest for one in sink.of(Decided)
    ]
    assert model.num_open == 0


async def test_an_empty_stream_has_no_events() -> None:
    assert (await play([], Greeter())).events == ()


async def test_a_model_that_reads_something_else_is_refused() -> None:
    model = Greeter()
    model.traits = ModelTraits(name="eyes", reads=("pictures",))
    with pytest.raises(BadSettings, match="reads pictures"):
        await play(scenes([]), model)


async def test_turns_of_another_period_are_refused() -> None:
    with pytest.raises(BadSettings, match=r"period_s=2\.0"):
        await play(scenes([]), Greeter(), settings=LiveSettings(period_s=2.0))


def test_simulated_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="does not go back"):
        SimulatedClock().pass_by(-1.0)


async def test_skips_are_counted_up_to_the_last_tick_and_no_further() -> None:
    played = await play(scenes([], [], []), Greeter(), latency_s=60.0)
    skipped = [event for event in played.events if isinstance(event, Skipped)]
    assert [(one.tick, one.time_s, one.num_ticks) for one in skipped] == [(2, 3.0, 2)]
