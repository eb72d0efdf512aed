from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from onlooker.core.media import VideoFrame
from onlooker.core.moment import Observation, Tick

PICTURES = Path(__file__).parent / "pictures"
NEEDS = ("onnxruntime", "edgefirst.tracker")


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


HAS_EXTRA = all(map(_is_installed, NEEDS))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if HAS_EXTRA:
        return
    missing = pytest.mark.skip(reason="needs pip install 'onlooker[perception]'")
    for item in items:
        if "real" in getattr(item, "fixturenames", ()):
            item.add_marker(missing)


@pytest.fixture(scope="session")
def real() -> "Real":
    """The shipped networks, opened once."""
    return Real()


class Real:
    def __init__(self) -> None:
        from onlooker.plugins.perception.perception import DefaultPerception
        from onlooker.plugins.perception.settings import PerceptionSettings

        self.perception = DefaultPerception(PerceptionSettings())
        self.eyes = self.perception.eyes


def picture(name: str) -> Image.Image:
    return Image.open(PICTURES / name).convert("RGB")


def frame(
    pixels: npt.NDArray[np.uint8] | Image.Image, time_s: float, name: str = "cam"
) -> VideoFrame:
    return VideoFrame(name, time_s, np.asarray(pixels))


def seen(*frames: VideoFrame) -> Observation:
    second = int(frames[-1].time_s)
    return Observation(Tick(second, float(second), second + 1.0), frames=frames)
