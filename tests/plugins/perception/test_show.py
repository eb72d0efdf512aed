from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from onlooker.core.errors import BadSettings, SourceFailed
from onlooker.core.percept import Box, SceneObject, SceneText, View
from onlooker.plugins.perception.overlay import draw_view
from onlooker.plugins.perception.settings import PerceptionSettings, Zone
from onlooker.plugins.perception.show import LINE_PX, MAX_LINES, ShowFailed, _cell, _strip, show

from .conftest import Real, picture


def film(path: Path, pictures: list[Image.Image]) -> Path:
    """Write each picture for a second, at 4 Hz."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=4)
        stream.width, stream.height, stream.pix_fmt = 350, 350, "yuv420p"
        for shown in pictures * 1:
            for _ in range(4):
                frame = av.VideoFrame.from_ndarray(np.asarray(shown), format="rgb24")
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_a_video_is_shown_with_what_was_seen_in_it(real: Real, tmp_path: Path) -> None:
    video = film(tmp_path / "sea.mp4", [picture("man.jpg"), picture("title.jpg")])
    shown = show(video, tmp_path / "out", PerceptionSettings(), looks_hz=2.0)
    assert (shown.num_frames, shown.num_key_frames) == (4, 2)
    assert shown.video == tmp_path / "out" / "sea.annotated.mp4"
    with av.open(str(shown.video)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 4
    assert (frames[0].width, frames[0].height) == (350, 350)
    with Image.open(shown.strip) as strip:
        assert strip.width == 1440
        assert 350 + 2 * LINE_PX <= strip.height <= 350 + (MAX_LINES + 1) * LINE_PX


def test_the_cells_of_a_strip_are_as_high_as_the_highest_needs() -> None:
    wide = Image.new("RGB", (960, 400), "#ffffff")  # becomes 480 x 200
    short = _cell(wide, View("cam", 1.0))
    sign = SceneText(" ".join(["OPEN"] * 16), Box(0.6, 0.1, 0.9, 0.2), 1.0)
    long = _cell(wide, View("cam", 1.0, texts=(sign, sign)))
    assert short.size == (480, 200 + 2 * LINE_PX)
    assert long.height > short.height
    strip = _strip([short, long, short, short])
    assert strip.size == (1440, 2 * long.height)
    assert strip.getpixel((10, long.height)) == (255, 255, 255)
    assert strip.getpixel((10, long.height - 1)) != (255, 255, 255)
    assert _strip([]).width == 1440


def test_what_is_no_video_and_where_nothing_can_be_written_is_told(
    real: Real, tmp_path: Path
) -> None:
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"nothing")
    with pytest.raises(SourceFailed, match=r"junk.mp4 cannot be read as a video"):
        show(junk, tmp_path / "out", PerceptionSettings())
    with pytest.raises(SourceFailed, match=r"no.mp4 cannot be read as a video"):
        show(tmp_path / "no.mp4", tmp_path / "out", PerceptionSettings())
    video = film(tmp_path / "sea.mp4", [picture("man.jpg")])
    with pytest.raises(ShowFailed, match="cannot be written"):
        show(video, junk, PerceptionSettings())
    with pytest.raises(BadSettings, match="knows no unicorn"):
        show(video, tmp_path, PerceptionSettings(watch=("unicorn",)))


def test_an_overlay_marks_things_texts_and_zones_and_leaves_the_picture_alone() -> None:
    image = Image.new("RGB", (320, 240))
    here = SceneObject("person", 1, Box(0.25, 0.25, 0.5, 0.75), 0.9, 0.0)
    sign = SceneText("OPEN", Box(0.6, 0.1, 0.9, 0.2), 1.0)
    view = View("cam", 1.0, (here,), (here,), texts=(sign,))
    zone = Zone(name="lawn", points=((0.1, 0.9), (0.9, 0.9), (0.5, 0.8)))
    drawn = draw_view(image, view, [zone])
    assert drawn.getpixel((120, 180)) == (255, 255, 255)
    assert drawn.getpixel((250, 24)) == (0, 229, 255)
    assert drawn.getpixel((160, 216)) == (255, 235, 59)
    assert image.getbbox() is None
