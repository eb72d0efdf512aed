import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from onlooker.core.clock import WallClock
from onlooker.core.event import StreamHealth
from onlooker.live.settings import LiveSettings
from onlooker.plugins.source.device import CameraSource, ScreenSource
from tests.plugins.source.watching import failure_of, watch

NOW = LiveSettings(period_s=0.25)


def camera(address: str) -> CameraSource:
    return CameraSource(address, CameraSource.Settings.model_validate({}))


def screen(address: str, **settings: object) -> ScreenSource:
    return ScreenSource(address, ScreenSource.Settings.model_validate(settings))


@pytest.mark.parametrize("address", ["/dev/video98", "v4l2:/dev/video98"])
async def test_a_camera_that_is_not_there_says_so(address: str) -> None:
    why = await failure_of(camera(address), WallClock())
    assert why.startswith("/dev/video98: no such file or directory; cameras of this machine: ")


async def test_a_file_is_no_camera(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    why = await failure_of(camera(f"v4l2:{tmp_path}/clip.mp4"), WallClock())
    assert "expected a device such as /dev/video0" in why


async def test_a_device_that_is_no_camera_says_so() -> None:
    assert "cannot be opened as a camera" in await failure_of(camera("v4l2:/dev/null"), WallClock())


async def test_a_screen_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    assert "$DISPLAY is not set" in await failure_of(screen("screen:"), WallClock())
    assert "screen :97: it cannot be recorded" in await failure_of(
        screen("screen::97"), WallClock()
    )


@pytest.fixture
def display() -> Iterator[str]:
    """A screen of 320 x 240 on which nothing happens."""
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "320x240x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        yield f":{server.stdout.readline().decode().strip()}"
        server.terminate()


@pytest.mark.outside
@pytest.mark.skipif(not shutil.which("Xvfb"), reason="Xvfb is not installed")
async def test_a_screen_is_watched(display: str) -> None:
    tapped, sink = await watch(screen(f"screen:{display}", sample_hz=10), WallClock(), NOW, 6)
    assert len(tapped.pictures) > 5
    assert {picture.pixels_HWC.shape for picture in tapped.pictures} == {(240, 320, 3)}
    # A screen on which nothing happens is not a frozen camera.
    assert [health.state for health in sink.of(StreamHealth)] == ["connected"]
