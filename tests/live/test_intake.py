import pytest

from onlooker.core.media import VideoFrame
from onlooker.core.moment import Tick
from onlooker.live.intake import Intake
from onlooker.testing.doubles import grey

SECOND = Tick(0, 0.0, 1.0)


def taken(num_frames: int, frames_per_tick: int) -> list[float]:
    intake = Intake(("cam",), frames_per_tick)
    for index in range(num_frames):
        intake.put_media(VideoFrame("cam", index / num_frames, grey(index % 255)))
    return [frame.time_s for frame in intake.take(SECOND).frames]


@pytest.mark.parametrize(
    ("num_frames", "frames_per_tick", "times_s"),
    [
        (0, 1, []),
        (4, 1, [0.75]),
        (4, 2, [0.25, 0.75]),
        (4, 4, [0.0, 0.25, 0.5, 0.75]),
        (2, 4, [0.0, 0.5]),
        (8, 2, [0.375, 0.875]),
    ],
)
def test_a_tick_takes_the_newest_frame_and_others_apart_from_it(
    num_frames: int, frames_per_tick: int, times_s: list[float]
) -> None:
    assert taken(num_frames, frames_per_tick) == times_s


def test_what_waits_is_bounded_however_late_the_model_is() -> None:
    times_s = taken(10_000, 2)
    assert len(times_s) == 2
    assert times_s[-1] == 0.9999


def test_two_streams_come_in_order_of_time() -> None:
    intake = Intake(("one", "two"), 1)
    intake.put_media(VideoFrame("two", 0.2, grey(0)))
    intake.put_media(VideoFrame("one", 0.4, grey(0)))
    assert [frame.stream for frame in intake.take(SECOND).frames] == ["two", "one"]
    assert intake.take(SECOND).frames == ()
