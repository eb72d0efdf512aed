from collections.abc import Iterable

import pytest

from onlooker.core.event import StreamHealth
from onlooker.core.media import VideoFrame
from onlooker.core.ports import SourceTraits
from onlooker.live.health import HealthWatch
from onlooker.live.settings import LiveSettings
from onlooker.testing.doubles import grey

CAMERA = SourceTraits(is_live=True, is_camera=True)
SCREEN = SourceTraits(is_live=True, is_camera=False)
FILE = SourceTraits(is_live=False, is_camera=False)
SETTINGS = LiveSettings(lost_after_s=3.0, frozen_after_s=3.0, dark_after_s=2.0)


class Watched:
    """A stream with made-up times: frames are grey levels at a rate, checks come every 0.5 s."""

    def __init__(self, traits: SourceTraits, settings: LiveSettings = SETTINGS) -> None:
        self.watch = HealthWatch("pot", traits, settings, now_s=0.0)
        self.now_s = 0.0
        self.told: list[str] = []
        self.events: list[StreamHealth] = []

    def frames(self, levels: Iterable[int], rate_hz: float = 2.0) -> None:
        for level in levels:
            self.now_s += 1 / rate_hz
            self._tell(self.watch.see(VideoFrame("pot", self.now_s, grey(level)), self.now_s))
            self._tell(self.watch.check(self.now_s))

    def nothing(self, for_s: float, trouble: str = "") -> None:
        for _ in range(int(for_s * 2)):
            self.now_s += 0.5
            self._tell(self.watch.check(self.now_s, trouble))

    def _tell(self, health: StreamHealth | None) -> None:
        if health is not None:
            self.events.append(health)
            self.told.append(f"{health.state} at {self.now_s}")


MOVING = (60, 90, 120, 150)


def test_a_stream_that_shows_the_world_is_connected_once() -> None:
    stream = Watched(CAMERA)
    stream.frames(MOVING * 5)
    assert stream.told == ["connected at 0.5"]


def test_a_camera_without_frames_is_lost_and_recovers() -> None:
    stream = Watched(CAMERA)
    stream.frames(MOVING)
    stream.nothing(10.0, trouble="connection refused")
    stream.frames(MOVING)
    assert stream.told == ["connected at 0.5", "lost at 5.0", "recovered at 12.5"]
    assert stream.events[1].detail == "no frame for 3.0 s: connection refused"
    assert stream.events[1].stream == "pot"


def test_a_camera_that_never_came_is_lost_and_then_recovers_or_connects() -> None:
    stream = Watched(CAMERA)
    stream.nothing(4.0)
    assert stream.told == ["lost at 3.0"]
    assert stream.events[0].detail == "no frame for 3.0 s"
    stream.frames(MOVING)
    assert len(stream.told) == 2


def test_a_camera_that_repeats_one_picture_is_frozen() -> None:
    stream = Watched(CAMERA)
    stream.frames(MOVING)
    stream.frames([200] * 20)
    stream.frames(MOVING)
    assert stream.told == ["connected at 0.5", "frozen at 6.0", "recovered at 12.5"]
    assert stream.events[1].detail == "the same picture for 3.0 s"


def test_a_covered_lens_is_dark_rather_than_frozen() -> None:
    stream = Watched(CAMERA)
    stream.frames(MOVING)
    stream.frames([3] * 20)
    stream.frames(MOVING)
    assert stream.told == ["connected at 0.5", "dark at 4.5", "recovered at 12.5"]


def test_a_dark_moment_is_no_trouble() -> None:
    stream = Watched(CAMERA)
    stream.frames([60, 90, 3, 3, 3, 60, 90, 3, 3, 3, 60])
    assert stream.told == ["connected at 0.5"]


def test_light_alone_does_not_unfreeze_a_frozen_camera() -> None:
    stream = Watched(CAMERA)
    stream.frames([60, 90, *[3] * 10])
    assert stream.told[-1].startswith("dark")
    stream.frames([200])
    assert stream.told[-1].startswith("recovered")


@pytest.mark.parametrize("traits", [SCREEN, FILE])
def test_only_a_camera_freezes_or_goes_dark(traits: SourceTraits) -> None:
    stream = Watched(traits)
    stream.frames([0] * 40)
    assert stream.told == ["connected at 0.5"]


def test_only_what_is_live_can_be_lost() -> None:
    screen, file = Watched(SCREEN), Watched(FILE)
    for stream in (screen, file):
        stream.frames(MOVING)
        stream.nothing(10.0)
    assert screen.told == ["connected at 0.5", "lost at 5.0"]
    assert file.told == ["connected at 0.5"]


def test_every_trouble_is_told_within_five_seconds_by_default() -> None:
    lost, frozen, dark = (Watched(CAMERA, LiveSettings()) for _ in range(3))
    for stream in (lost, frozen, dark):
        stream.frames(MOVING)
    began_s = lost.now_s
    lost.nothing(6.0)
    frozen.frames([99] * 12)
    dark.frames([2] * 12)
    for stream, state in ((lost, "lost"), (frozen, "frozen"), (dark, "dark")):
        assert stream.events[-1].state == state
        assert stream.events[-1].time_s - began_s <= 5.0
