from onlooker.core.decision import Silent
from onlooker.core.moment import Instruction, Tick
from onlooker.core.percept import Scene
from onlooker.core.prompt import Turn
from onlooker.data.stream import LabelledStream
from onlooker.data.windows import notes, windows
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.evaluate.truth import Truth
from onlooker.live.settings import LiveSettings

LIVE = LiveSettings(window_ticks=20, carry_ticks=5)


def silent_stream(num_seconds: int) -> LabelledStream:
    watch = Instruction("i1", "Tell me when a dog comes.", 0.0)
    turns = tuple(
        Turn(
            Tick(second, float(second), second + 1.0),
            instructed=(watch,) if second == 0 else (),
            decision=Silent(),
        )
        for second in range(num_seconds)
    )
    return LabelledStream(Truth("a", float(num_seconds)), turns)


def test_every_second_is_new_in_exactly_one_window() -> None:
    for num_seconds in (1, 19, 20, 21, 35, 36, 80):
        new = [
            turn.tick.index
            for window in windows(silent_stream(num_seconds), LIVE)
            for turn in window.prompt.turns[window.num_carried :]
        ]
        assert new == list(range(num_seconds))


def test_windows_are_full_and_carry_the_newest_turns() -> None:
    first, second, last = windows(silent_stream(45), LIVE)
    assert len(first.prompt.turns) == len(second.prompt.turns) == LIVE.window_ticks
    assert (first.num_carried, second.num_carried, last.num_carried) == (0, 5, 5)
    assert second.prompt.standing[0].text == "Tell me when a dog comes."
    assert first.prompt.standing == ()


def test_all_turns_of_a_window_are_decided() -> None:
    for window in windows(silent_stream(45), LIVE):
        assert all(turn.decision is not None for turn in window.prompt.turns)


def test_what_left_the_window_is_remembered() -> None:
    stream = next(
        stream
        for number in range(50)
        if (stream := make_stream(Recipe("memory", "train", 0, number))).memory
    )
    first, *_, last = windows(stream, LIVE)
    assert first.prompt.memory == stream.memory
    assert last.prompt.memory[: len(stream.memory)] == stream.memory
    assert len(last.prompt.memory) > len(stream.memory)


def test_notes_say_what_came_went_and_could_be_read() -> None:
    stream = make_stream(Recipe("commentary", "train", 1, 0))
    (paragraph,) = notes(stream.turns)
    for turn in stream.turns:
        for percept in turn.percepts:
            assert isinstance(percept, Scene)
            for one in percept.views[0].left:
                assert f"{turn.tick.start_s:.1f}: " in paragraph
                assert f"{one.label} left" in paragraph
    assert notes(silent_stream(3).turns) == ()
