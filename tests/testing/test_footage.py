from pathlib import Path

import av
import numpy as np
from PIL import Image

from onlooker.testing.footage import captioned, captions_at, frames_at


def grey(level: int) -> np.ndarray:
    return np.full((64, 64, 3), level, np.uint8)


def test_frames_come_from_the_middles_of_seconds(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for index in range(30):
            frame = av.VideoFrame.from_ndarray(grey(8 * index), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    levels = [int(frame.mean()) for frame in frames_at(path)]
    assert [round(level / 8) for level in levels] == [5, 15, 25]
    assert len(list(frames_at(path, 5))) == 15


def test_animated_webp_keeps_its_own_time(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    shots = [Image.fromarray(grey(60 * index)) for index in range(4)]
    shots[0].save(path, save_all=True, append_images=shots[1:], duration=500, lossless=True)
    assert [int(frame.mean()) for frame in frames_at(path)] == [0, 120]


def test_captions_change_every_three_seconds_and_cover_the_bottom_alone() -> None:
    assert captions_at(0) == captions_at(2) == ()
    assert captions_at(3) != captions_at(6)
    pictures = list(captioned([np.full((288, 512, 3), 90, np.uint8)] * 4))
    assert (pictures[2] == 90).all()
    assert (pictures[3][:180] == 90).all()
    assert pictures[3].max() == 245
