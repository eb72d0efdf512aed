import asyncio
import threading
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from onlooker.core.errors import PerceptionFailed
from onlooker.core.media import VideoFrame
from onlooker.core.moment import Observation, Tick
from onlooker.core.percept import Picture
from onlooker.plugins.codec.jpeg import JpegCodec, JpegSettings, fitting


def gradient(height_px: int, width_px: int) -> npt.NDArray[np.uint8]:
    rows, columns = np.mgrid[0:height_px, 0:width_px]
    red, green = rows * 255 // max(1, height_px - 1), columns * 255 // max(1, width_px - 1)
    return np.stack([red, green, np.full_like(red, 90)], axis=-1).astype(np.uint8)


async def encode(*frames: VideoFrame, settings: JpegSettings | None = None) -> tuple[Picture, ...]:
    codec = await JpegCodec(settings or JpegSettings()).open()
    observation = Observation(Tick(0, 0.0, 1.0), frames=frames)
    return (await codec.encode(observation)).pictures


async def test_a_large_frame_becomes_a_small_jpeg_of_the_same_shape_and_content() -> None:
    pixels_HWC = gradient(1080, 1920)
    (picture,) = await encode(VideoFrame("door", 4.25, pixels_HWC))
    assert (picture.stream, picture.time_s) == ("door", 4.25)
    assert (picture.width_px, picture.height_px) == (682, 384)
    with Image.open(BytesIO(picture.jpeg)) as image:
        assert image.format == "JPEG"
        assert image.size == (682, 384)
        seen = np.asarray(image.resize((1920, 1080)), np.float32)
    assert np.abs(seen - pixels_HWC).mean() < 3


async def test_a_small_frame_keeps_its_size() -> None:
    (picture,) = await encode(VideoFrame("door", 0.5, gradient(90, 120)))
    assert (picture.width_px, picture.height_px) == (120, 90)


async def test_frames_keep_their_order_and_equal_frames_get_equal_ids() -> None:
    same, other = gradient(64, 64), np.zeros((64, 64, 3), np.uint8)
    frames = [VideoFrame("a", 0.1, same), VideoFrame("b", 0.2, other), VideoFrame("a", 0.3, same)]
    first, second, third = await encode(*frames)
    assert [picture.time_s for picture in (first, second, third)] == [0.1, 0.2, 0.3]
    assert first.id == third.id != second.id


async def test_a_lower_quality_takes_fewer_bytes() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    frame = VideoFrame("a", 0.1, noise)
    (good,) = await encode(frame, settings=JpegSettings(quality=90))
    (poor,) = await encode(frame, settings=JpegSettings(quality=20))
    assert len(poor.jpeg) < len(good.jpeg) / 2


async def test_a_tick_without_frames_has_no_pictures() -> None:
    assert await encode() == ()


async def test_frames_that_views_show_are_encoded_too() -> None:
    mirrored = gradient(64, 96)[:, ::-1]
    (picture,) = await encode(VideoFrame("a", 0.1, mirrored))
    with Image.open(BytesIO(picture.jpeg)) as image:
        assert np.abs(np.asarray(image, np.float32) - mirrored).mean() < 4


async def test_a_frame_that_no_jpeg_can_hold_is_a_named_error() -> None:
    strip = VideoFrame("scanner", 7.0, np.zeros((1, 70_000, 3), np.uint8))
    with pytest.raises(PerceptionFailed, match=r"'scanner' at 7\.0 s, 70000 x 1") as caught:
        await encode(strip)
    assert "\n" not in str(caught.value)


async def test_each_frame_is_encoded_once_and_off_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[threading.Thread] = []
    save = Image.Image.save

    def noting(*args: object, **more: object) -> None:
        threads.append(threading.current_thread())
        save(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Image.Image, "save", noting)
    await encode(*(VideoFrame("a", float(at), gradient(48, 64)) for at in range(3)))
    assert len(threads) == 3
    assert threading.main_thread() not in threads
    assert asyncio.get_running_loop().is_running()


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.integers(1024, 1_000_000))
def test_a_size_fits_keeps_its_shape_and_never_grows(width: int, height: int, limit: int) -> None:
    fitted_width, fitted_height = fitting(width, height, limit)
    assert 1 <= fitted_width <= width
    assert 1 <= fitted_height <= height
    if width * height <= limit:
        assert (fitted_width, fitted_height) == (width, height)
    elif min(fitted_width, fitted_height) > 1:
        assert fitted_width * fitted_height <= limit
        # One pixel of rounding, on each side.
        assert abs(fitted_width * height - fitted_height * width) <= width + height


def test_unknown_and_absurd_settings_are_refused() -> None:
    for wrong in ({"qualty": 5}, {"quality": 0}, {"max_pixels": 0}):
        with pytest.raises(ValidationError):
            JpegSettings.model_validate(wrong)
