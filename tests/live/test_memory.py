import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from onlooker.core.clock import MediaClock
from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.errors import MemoryFailed
from onlooker.core.event import Closed, Event, Failed, Observed
from onlooker.core.memory import Evidence, Question, Segment, estimate_tokens
from onlooker.core.moment import Observation
from onlooker.core.percept import Box, Scene, SceneObject, View
from onlooker.core.ports import Outcome, Say, Summariser
from onlooker.core.prompt import Prompt
from onlooker.core.task import Result, Task, TaskNews
from onlooker.live.replay import replay
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.testing.doubles import (
    FrameSource,
    ListSink,
    ManualClock,
    NoPictures,
    ScriptedBrain,
    ScriptedModel,
    grey,
)
from onlooker.testing.remembering import ListMemory, ScriptedSummariser

SMALL = LiveSettings(
    window_ticks=20, carry_ticks=5, mid_summaries=2, long_blocks=2, memory_tokens=1000
)
Hook = Callable[[Session], object]


class Passers:
    """A perception that sees somebody come in the ticks that it is told."""

    def __init__(self, seen: Mapping[int, str]) -> None:
        self._seen = seen

    async def open(self) -> "Passers":
        return self

    async def look(self, observation: Observation) -> Scene:
        tick = observation.tick
        entered: tuple[SceneObject, ...] = ()
        if label := self._seen.get(tick.index):
            box = Box(0.1, 0.4, 0.2, 0.6)
            entered = (SceneObject(label, tick.index, box, 0.9, tick.start_s),)
        return Scene((View("door", tick.start_s, objects=entered, entered=entered),))

    async def close(self) -> None:
        pass


class Talker(ScriptedModel):
    """Does something to its session in some ticks, and says something in each or none."""

    def __init__(self, hooks: Mapping[int, Hook] | None = None, says: str = "") -> None:
        super().__init__()
        self.session: Session | None = None
        self._hooks = hooks or {}
        self._says = says

    async def step(self, prompt: Prompt, say: Say) -> Outcome:
        self.prompts.append(prompt)
        tick = prompt.now.tick.index
        if self.session and (hook := self._hooks.get(tick)):
            hook(self.session)
        decision: Decision = Speak(f"{self._says} {tick}") if self._says else Silent()
        return Outcome(decision)


async def watch(
    memory: ListMemory,
    model: Talker,
    num_ticks: int,
    *,
    seen: Mapping[int, str] | None = None,
    summariser: Summariser | None = None,
    ask: str = "",
    settings: LiveSettings = SMALL,
    clock: MediaClock | None = None,
) -> tuple[ListSink, Closed]:
    sink = ListSink()
    pictures = (grey(n % 200) for n in range(num_ticks))
    parts = Parts(
        {"door": FrameSource(pictures)},
        model,
        perception=Passers(seen or {}),
        memory=memory,
        summariser=summariser,
        sinks={"list": sink},
    )
    model.session = session = Session(parts, settings, clock or MediaClock())
    if ask:
        session.instruct(ask)
    return sink, await session.run()


def failures(sink: ListSink) -> list[str]:
    return [failed.error for failed in sink.of(Failed)]


async def test_what_left_the_window_is_in_the_head_of_the_next() -> None:
    memory, model = ListMemory(), Talker()
    await watch(memory, model, 50, seen={3: "dog", 17: "cat"})
    first = next(prompt for prompt in model.prompts if prompt.memory)
    assert first.now.tick.index == 20
    assert len(first.memory) == 1
    assert first.memory[0].startswith("<0.0-15.0 seconds>")
    assert "dog 3 appeared" in first.memory[0]
    assert "cat" not in first.memory[0]  # is in the window still
    assert "cat 17 appeared" in " ".join(model.prompts[40].memory)
    assert memory.is_closed
    assert not memory.waiting


async def test_between_two_turnovers_the_head_stays_as_it_is() -> None:
    model = Talker()
    await watch(ListMemory(), model, 120, summariser=ScriptedSummariser())
    for earlier, later in itertools.pairwise(model.prompts):
        if len(later.turns) > len(earlier.turns):
            assert later.memory == earlier.memory


async def test_summaries_merge_into_blocks_and_are_all_remembered() -> None:
    memory, model = ListMemory(), Talker()
    await watch(memory, model, 155, summariser=ScriptedSummariser())
    kinds = [entry.kind for entry in memory.entries if entry.kind in ("summary", "block")]
    assert kinds.count("summary") == 10
    assert kinds.count("block") == 5
    head = model.prompts[-1].memory
    assert head[0].startswith("<60.0-90.0 seconds>")  # two blocks are held, the oldest went
    assert len(head) <= 2 + 4


async def test_a_summariser_that_is_down_costs_no_tick_and_nothing_is_lost() -> None:
    down = [MemoryFailed("no summary from there: refused") for _ in range(4)]
    summariser = ScriptedSummariser(*down)
    memory, model = ListMemory(), Talker()
    sink, closed = await watch(memory, model, 100, seen={3: "dog"}, summariser=summariser)
    assert closed.num_decided == 100
    assert "dog 3 appeared" in model.prompts[20].memory[0]  # from the record, meanwhile
    assert any("segments wait" in failure for failure in failures(sink))
    told = [entry for entry in memory.entries if entry.kind == "summary"]
    assert [entry.start_s for entry in told] == [0, 15, 30, 45, 60, 75]
    assert all(entry.text.startswith("told") for entry in told)
    assert [segment.start_s for segment in memory.waiting] == [90]  # the next session's to tell


async def test_a_summariser_that_never_answers_holds_nothing_up() -> None:
    class Endless(ScriptedSummariser):
        async def summarise(self, segment: Segment, max_tokens: int, objection: str = "") -> str:
            self.asked.append((segment, objection))
            await asyncio.Event().wait()
            return ""

    clock = MediaClock()
    clock.speed = 1000.0  # live: nobody waits for memory
    memory, model, summariser = ListMemory(), Talker(), Endless()
    parts = Parts(
        {"door": FrameSource(grey(n) for n in range(100))},
        model,
        perception=Passers({3: "dog"}),
        memory=memory,
        summariser=summariser,
    )
    closed = await Session(parts, SMALL, clock).run()
    assert closed.num_decided == 100
    assert closed.num_skipped == 0
    assert len(memory.waiting) == 7
    assert len(model.prompts[-1].memory) >= 4
    assert summariser.is_closed


async def test_a_summary_against_the_record_is_asked_for_again_and_then_not_believed() -> None:
    summariser = ScriptedSummariser("At 3.0 s a dog came.", "Nine dogs came.", "Seven dogs came.")
    memory = ListMemory()
    sink, _ = await watch(memory, Talker(), 36, seen={3: "dog", 16: "dog"}, summariser=summariser)
    assert [objected for _, objected in summariser.asked][:2] == ["", ""]
    assert "counts nine dog" in summariser.asked[2][1]
    first, second = (entry.text for entry in memory.entries if entry.kind == "summary")
    assert first == "At 3.0 s a dog came."
    assert "dog 16 appeared" in second
    assert any("refused twice" in failure for failure in failures(sink))


async def test_the_summariser_knows_what_stands() -> None:
    summariser = ScriptedSummariser()
    await watch(ListMemory(), Talker(), 30, summariser=summariser, ask="count the dogs")
    assert summariser.asked[0][0].instructions == ("count the dogs",)


async def test_a_question_about_the_past_brings_evidence_with_its_time_and_stream() -> None:
    memory = ListMemory()
    model = Talker({79: lambda session: session.hear("dog ?")})
    sink, _ = await watch(memory, model, 90, seen={3: "dog", 78: "dog"})
    (asked,) = [prompt for prompt in model.prompts if prompt.now.recalled]
    assert asked.now.tick.index == 80
    # The dog of second 78 is in the window: nobody needs to be told of it.
    assert any(line.startswith("<3.0 seconds> (door) dog") for line in asked.now.recalled)
    assert not any("dog 78" in line for line in asked.now.recalled)
    assert [event.recalled for event in sink.of(Observed) if event.recalled]


async def test_a_search_that_takes_too_long_or_fails_costs_its_evidence_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("onlooker.live.memory.RECALL_TIMEOUT_S", 0.01)

    class Slow(ListMemory):
        async def recall(self, question: Question) -> tuple[Evidence, ...]:
            if "slow" in question.words:
                await asyncio.Event().wait()
            raise MemoryFailed("the disk is gone")

    hooks: dict[int, Hook] = {
        30: lambda session: session.hear("slow?"),
        35: lambda session: session.hear("gone?"),
    }
    # Media time waits; the world's does not.
    sink, closed = await watch(Slow(), Talker(hooks), 50, clock=ManualClock())
    assert closed.num_decided == 50
    assert any("within 0.01 s" in failure for failure in failures(sink))
    assert any("the disk is gone" in failure for failure in failures(sink))


async def test_a_full_disk_costs_no_tick_and_what_it_held_up_is_written_later() -> None:
    memory = ListMemory()
    hooks: dict[int, Hook] = {
        2: lambda _: setattr(memory, "is_full", True),
        60: lambda _: setattr(memory, "is_full", False),
    }
    sink, closed = await watch(memory, Talker(hooks), 80, seen={5: "dog", 70: "cat"})
    assert closed.num_decided == 80
    assert any("the disk is full" in failure for failure in failures(sink))
    texts = [entry.text for entry in memory.entries if entry.kind == "seen"]
    assert [text.split()[0] for text in texts if "appeared" in text] == ["dog", "cat"]
    told = [entry.start_s for entry in memory.entries if entry.kind == "summary"]
    assert told[:4] == [0, 15, 30, 45]


async def test_the_next_session_goes_on_with_instructions_summaries_and_words() -> None:
    memory = ListMemory()
    hooks: dict[int, Hook] = {
        4: lambda session: session.hear("my name is Ada"),
        6: lambda session: session.instruct("count cats", "cats"),
        8: lambda session: session.set_instruction("cats", "paused"),
    }
    await watch(memory, Talker(hooks), 40, seen={3: "dog"}, ask="tell me of dogs")

    memory.shift_s = 100.0
    model = Talker()
    await watch(memory, model, 3)
    head = " ".join(model.prompts[0].memory)
    assert "dog 3 appeared" in head
    assert "before this session" in head
    assert "user: my name is Ada" in head
    assert [one.text for one in model.prompts[-1].turns[0].instructed] == [
        "tell me of dogs",
        "count cats",
    ]
    assert model.session
    assert [one.state for one in model.session.instructions] == ["standing", "paused"]


async def test_a_task_that_a_kill_left_open_is_told_as_lost() -> None:
    memory = ListMemory()
    memory.state = '{"tasks": {"task-7": "Which bird is it?"}}'
    model = Talker()
    await watch(memory, model, 3)
    (answer,) = model.prompts[0].now.answers
    assert (answer.question, answer.status) == ("Which bird is it?", "failed")


async def test_a_task_is_known_to_the_store_while_it_is_open() -> None:
    states: list[str] = []

    class Watched(ListMemory):
        async def keep_state(self, state: str) -> None:
            states.append(state)

    class Asker(Talker):
        async def step(self, prompt: Prompt, say: Say) -> Outcome:
            asks = prompt.now.tick.index == 1
            return Outcome(Delegate("A moment.", "Which bird is it?") if asks else Silent())

    await watch(Watched(), Asker(), 5)
    assert "Which bird is it?" in states[0]
    assert "Which bird" not in states[-1]


@pytest.mark.parametrize("state", ["", "{", "[]", '{"instructions": [{"id": 1}]}', '{"tasks": 3}'])
async def test_a_state_that_cannot_be_read_is_left_out(state: str) -> None:
    memory = ListMemory()
    memory.state = state
    _, closed = await watch(memory, Talker(), 3)
    assert closed.num_decided == 3


async def test_what_is_forgotten_leaves_the_prompt_at_the_next_turnover() -> None:
    memory = ListMemory()

    def forget(_: Session) -> None:
        memory.entries = [entry for entry in memory.entries if "dog" not in entry.text]
        memory.num_forgotten += 1

    model = Talker({22: forget})
    await watch(memory, model, 60, seen={3: "dog"})
    assert "dog" in " ".join(model.prompts[25].memory)
    assert "dog" not in " ".join(model.prompts[40].memory)


async def test_a_recorded_session_with_memory_replays_to_the_same_prompts() -> None:
    model = Talker({70: lambda session: session.hear("when did the dog come?")}, says="hm")
    sink, _ = await watch(ListMemory(), model, 90, seen={3: "dog"})
    assert any(event.memory for event in sink.of(Observed))
    replayed = await replay(sink.events)
    assert replayed.is_identical
    without = [_without_memory(event) for event in sink.events]
    assert not (await replay(without)).is_identical


def _without_memory(event: Event) -> Event:
    return replace(event, memory=None) if isinstance(event, Observed) else event


@pytest.mark.parametrize("summariser", [None, ScriptedSummariser()])
async def test_a_long_talk_stays_within_the_budget(summariser: Any) -> None:
    hooks: dict[int, Hook] = {
        second: lambda session: session.hear("and what was the dog doing then?")
        for second in range(5, 900, 7)
    }
    memory = ListMemory()
    seen = {second: ("dog", "person", "cat")[second % 3] for second in range(0, 900, 2)}
    model = Talker(hooks, says="a long remark about all that goes on here")
    await watch(memory, model, 900, seen=seen, summariser=summariser)
    for prompt in model.prompts[::13]:
        assert sum(map(estimate_tokens, prompt.memory)) <= SMALL.memory_tokens
        evidence = [line for turn in prompt.turns for line in turn.recalled]
        assert sum(map(estimate_tokens, evidence)) <= 8 * 2 * SMALL.recall_tokens


async def test_a_brain_may_look_into_what_is_remembered_while_it_works() -> None:
    class Curious(ScriptedBrain):
        found: tuple[str, ...] = ()

        async def solve(self, task: Task) -> AsyncGenerator[TaskNews]:
            assert task.past is not None
            self.found = await task.past.search("dog")
            assert await task.past.frame(999) is None
            yield Result("A dog.")

    brain = Curious()
    parts = Parts(
        {"door": FrameSource(grey(n) for n in range(60))},
        ScriptedModel(*[Silent()] * 40, Delegate("One moment.", "Which animal was it?")),
        codec=NoPictures(),
        perception=Passers({3: "dog"}),
        memory=ListMemory(),
        brain=brain,
    )
    await Session(parts, SMALL, MediaClock()).run()
    assert any("dog 3 appeared" in line for line in brain.found)
