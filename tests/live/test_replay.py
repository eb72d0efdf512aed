import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from onlooker.core.clock import MediaClock
from onlooker.core.decision import Delegate, Silent, Speak
from onlooker.core.errors import (
    BadRecording,
    BadSettings,
    MalformedDecision,
    ModelUnavailable,
    PerceptionFailed,
)
from onlooker.core.event import (
    Closed,
    Decided,
    Event,
    Failed,
    Observed,
    Opened,
    Perceived,
    Skipped,
    StreamHealth,
    TaskAnswered,
)
from onlooker.core.moment import Observation
from onlooker.core.percept import Picture, Pictures
from onlooker.core.ports import ModelTraits, Outcome, Say
from onlooker.core.prompt import Prompt
from onlooker.core.recording import EVENTS_FILE, PICTURES_FILE, read_recording
from onlooker.live.replay import Replayed, replay
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.sink.recorder import RecorderSettings, RecorderSink
from onlooker.testing.doubles import (
    FrameSource,
    ListSink,
    ManualClock,
    ScriptedModel,
    actions,
    grey,
)

NUM_TICKS = 24
SMALL = LiveSettings(window_ticks=6, carry_ticks=2, num_exchanges=5, gate=True)


class SlowedClock(ManualClock):
    """Media time that a slow model can move on."""

    is_live = False


class RawCodec:
    """Keeps a frame as its raw first pixels, and fails where it is told to."""

    def __init__(self, failing: tuple[int, ...] = ()) -> None:
        self._failing = failing

    async def open(self) -> "RawCodec":
        return self

    async def encode(self, observation: Observation) -> Pictures:
        if observation.tick.index in self._failing:
            raise PerceptionFailed("the frame is torn")
        return Pictures(
            tuple(
                Picture(f.stream, f.time_s, f.width_px, f.height_px, f.pixels_HWC[0, :8].tobytes())
                for f in observation.frames
            )
        )

    async def close(self) -> None:
        pass


class Talks(ScriptedModel):
    """Scripted, while somebody speaks to the session and the model is slow at times."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(
            Silent(),
            Speak("It boils."),
            ModelUnavailable("no answer in 0.8 s"),
            ModelUnavailable("still none"),
            Delegate("One moment.", "Which bird is it?"),
            MalformedDecision("hm", "it does not begin with a marker"),
            Silent(),
            Speak("A robin, I think."),
        )
        self._clock = clock
        self.session: Session | None = None

    async def step(self, prompt: Prompt, say: Say) -> Outcome:
        assert self.session is not None
        index = prompt.now.tick.index
        if index == 1:
            self.session.hear("what is that?")
            self.session.instruct("count the birds", "birds")
        if index == 9:
            self.session.set_instruction("birds", "paused")
        if index == 11:
            self.session.set_instruction("birds", "removed")
        if index in (7, 15):
            self._clock.advance(2.5)
        return replace(await super().step(prompt, say), speak_probability=index / 100)


async def record(folder: Path) -> list[Event]:
    """Record a session with all that can happen: failures, gaps, words, tasks, turnovers."""
    clock, sink = SlowedClock(), ListSink()
    model = Talks(clock)
    levels = [10 * index for index in range(18)] + [180] * 3 + [90, 60, 30]
    parts = Parts(
        {"pot": FrameSource(grey(level) for level in levels[:NUM_TICKS])},
        model,
        codec=RawCodec(failing=(6,)),
        sinks={"list": sink, "recorder": RecorderSink(RecorderSettings(folder=folder))},
    )
    session = Session(parts, SMALL, clock)
    model.session = session
    session.instruct("tell me when it boils")
    await session.run()
    return sink.events


@pytest.fixture
def recorded(tmp_path: Path) -> list[Event]:
    events = asyncio.run(record(tmp_path))
    assert list(read_recording(tmp_path)) == events
    return events


def outcomes_of(events: list[Event]) -> list[tuple[int | None, str | None]]:
    return [(e.tick, e.prompt_digest) for e in events if isinstance(e, Decided)]


async def test_a_recording_holds_all_that_this_file_is_about(recorded: list[Event]) -> None:
    kinds = {type(event) for event in recorded}
    assert {Opened, Observed, Perceived, Decided, Failed, Skipped, TaskAnswered, Closed} <= kinds
    assert {event.reason for event in recorded if isinstance(event, Skipped)} == {"late", "still"}
    assert {event.part for event in recorded if isinstance(event, Failed)} == {
        "model",
        "perception",
    }
    assert len([event for event in recorded if isinstance(event, Decided)]) > SMALL.window_ticks


async def test_a_replay_gives_the_same_prompts_decisions_and_events(
    tmp_path: Path, recorded: list[Event]
) -> None:
    sink = ListSink()
    report = await replay(read_recording(tmp_path), sinks={"list": sink})
    num_ticks = len([line for line in actions(recorded) if "skipped" not in line])
    assert report == Replayed(num_ticks, num_ticks, num_ticks, (), is_complete=True)
    assert report.is_identical
    assert actions(sink.events) == actions(recorded)
    assert outcomes_of(sink.events) == outcomes_of(recorded)
    assert sorted(map(repr, sink.events)) == sorted(map(repr, recorded))


async def test_a_replay_can_be_recorded_and_replayed_again(
    tmp_path: Path, recorded: list[Event]
) -> None:
    again = tmp_path / "again"
    recorder = RecorderSink(RecorderSettings(folder=again))
    await replay(read_recording(tmp_path), sinks={"recorder": recorder})
    assert (await replay(read_recording(again))).is_identical
    assert actions(list(read_recording(again))) == actions(recorded)


async def test_another_model_decides_on_the_same_world(
    tmp_path: Path, recorded: list[Event]
) -> None:
    model, sink = ScriptedModel(Silent(), Speak("Something else.")), ListSink()
    report = await replay(read_recording(tmp_path), model, {"list": sink})
    assert (model.num_open, model.is_closed) == (0, True)
    by_tick = {difference.tick: difference for difference in report.differences}
    assert by_tick[1].recorded == "</response> It boils."
    assert by_tick[1].replayed == "</response> Something else."
    assert by_tick[1].is_same_prompt
    assert by_tick[2].recorded == "failed model: no answer in 0.8 s"
    assert 0 not in by_tick
    assert not report.is_identical
    assert report.num_same_decision == report.num_ticks - len(report.differences)
    # Perception fails as it did, and the words of that tick aren't lost.
    assert [failed.error for failed in sink.of(Failed)] == ["the frame is torn"]
    assert [words.text for p in model.prompts for words in p.now.heard] == ["what is that?"]
    # The brain answered a task that this model never asked.
    assert not [answer for p in model.prompts for turn in p.turns for answer in turn.answers]
    assert sink.of(TaskAnswered) == []
    assert [opened.model for opened in sink.of(Opened)] == ["scripted"]


async def test_a_model_that_asks_the_same_task_gets_the_recorded_answer(
    tmp_path: Path, recorded: list[Event]
) -> None:
    asked = next(e for e in recorded if isinstance(e, Decided) and isinstance(e.decision, Delegate))

    class Asks(ScriptedModel):
        async def step(self, prompt: Prompt, say: Say) -> Outcome:
            self.prompts.append(prompt)
            is_now = prompt.now.tick.index == asked.tick
            return Outcome(Delegate("Well.", "Which bird?") if is_now else Silent())

    model = Asks()
    await replay(read_recording(tmp_path), model)
    answers = [answer for prompt in model.prompts for answer in prompt.now.answers]
    assert [answer.task_id for answer in answers] == [f"task-{asked.tick}"]


async def test_a_model_that_reads_nothing_of_what_was_recorded_is_refused(
    tmp_path: Path, recorded: list[Event]
) -> None:
    class ReadsScenes(ScriptedModel):
        traits = ModelTraits(name="scenes", reads=("scene",))

    sink = ListSink()
    with pytest.raises(BadSettings, match="'scenes' reads scene, and the recording holds pictures"):
        await replay(read_recording(tmp_path), ReadsScenes(), {"list": sink})
    assert "reads scene" in sink.of(Closed)[0].reason


def tamper(folder: Path, change: Callable[[dict[str, object]], bool]) -> None:
    """Change the first event that `change` wants to."""
    lines = [json.loads(line) for line in (folder / EVENTS_FILE).read_text().splitlines()]
    assert any(change(line) for line in lines)
    (folder / EVENTS_FILE).write_text("".join(json.dumps(line) + "\n" for line in lines))


async def test_one_changed_picture_shows(tmp_path: Path, recorded: list[Event]) -> None:
    jpegs = bytearray((tmp_path / PICTURES_FILE).read_bytes())
    jpegs[0] ^= 1
    (tmp_path / PICTURES_FILE).write_bytes(jpegs)
    report = await replay(read_recording(tmp_path))
    assert not report.is_identical
    assert report.num_same_decision == report.num_ticks
    assert report.differences[0].tick == 0
    assert not report.differences[0].is_same_prompt


async def test_one_changed_word_shows(tmp_path: Path, recorded: list[Event]) -> None:
    def change(line: dict[str, object]) -> bool:
        if not line.get("heard"):
            return False
        line["heard"][0]["text"] = "what is this?"  # type: ignore[index]
        return True

    tamper(tmp_path, change)
    report = await replay(read_recording(tmp_path))
    assert report.num_same_decision == report.num_ticks
    assert 0 < report.num_same_prompt < report.num_ticks


async def test_one_changed_decision_shows_in_the_prompts_after_it(
    tmp_path: Path, recorded: list[Event]
) -> None:
    def change(line: dict[str, object]) -> bool:
        is_it = line.get("action") == "speak"
        line.update({"text": "It burns."} if is_it else {})
        return is_it

    tamper(tmp_path, change)
    report = await replay(read_recording(tmp_path))
    assert not report.is_identical
    assert all(not difference.is_same_prompt for difference in report.differences)


async def test_a_recording_that_was_cut_off_is_replayed_to_its_last_whole_tick(
    tmp_path: Path, recorded: list[Event]
) -> None:
    whole = (tmp_path / EVENTS_FILE).read_bytes()
    for share in (0.3, 0.5, 0.77, 0.9):
        (tmp_path / EVENTS_FILE).write_bytes(whole[: int(len(whole) * share)])
        sink = ListSink()
        report = await replay(read_recording(tmp_path), sinks={"list": sink})
        assert report.is_identical
        assert not report.is_complete
        assert report.num_ticks > 0
        assert sink.of(Closed)[0].reason == "the recording breaks off here"


async def test_events_that_the_recorder_lost_show_as_differences(recorded: list[Event]) -> None:
    lost = next(e for e in recorded if isinstance(e, Observed) and e.tick == 4)
    report = await replay([event for event in recorded if event is not lost])
    assert not report.is_identical
    assert report.differences[0].tick == 4
    assert report.differences[0].replayed.startswith("failed perception: what was perceived is mis")


async def test_what_happened_beside_the_line_is_told_in_its_place(
    tmp_path: Path, recorded: list[Event]
) -> None:
    sink = ListSink()
    await replay(read_recording(tmp_path), sinks={"list": sink})
    beside = (Skipped, StreamHealth, TaskAnswered)
    assert [e for e in sink.events if isinstance(e, beside)] == [
        e for e in recorded if isinstance(e, beside)
    ]


async def test_nothing_to_replay_is_refused() -> None:
    with pytest.raises(BadRecording, match="ends before its session was opened"):
        await replay([])


async def test_settings_of_another_version_are_refused(recorded: list[Event]) -> None:
    opened = recorded[0]
    assert isinstance(opened, Opened)
    changed = replace(opened, settings={**opened.settings, "mood": "sunny"})
    with pytest.raises(BadRecording, match=r"do not fit this version.*mood"):
        await replay([changed, *recorded[1:]])


async def test_a_recording_that_is_broken_in_the_middle_says_where(
    tmp_path: Path, recorded: list[Event]
) -> None:
    lines = (tmp_path / EVENTS_FILE).read_bytes().splitlines(keepends=True)
    (tmp_path / EVENTS_FILE).write_bytes(b"".join([*lines[:20], b"?\n", *lines[21:]]))
    sink = ListSink()
    with pytest.raises(BadRecording, match=f"{EVENTS_FILE}:21"):
        await replay(read_recording(tmp_path), sinks={"list": sink})
    assert len(sink.events) > 10


async def test_a_session_over_media_time_replays_as_well(tmp_path: Path) -> None:
    parts = Parts(
        {"pot": FrameSource([grey(20 * i) for i in range(9)])},
        ScriptedModel(Speak("Hello."), Silent(), Speak("Bye.")),
        codec=RawCodec(),
        sinks={"recorder": RecorderSink(RecorderSettings(folder=tmp_path))},
    )
    await Session(parts, LiveSettings(), MediaClock()).run()
    assert (await replay(read_recording(tmp_path))).is_identical
