import io

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from onlooker.testing import marker

Pixels = npt.NDArray[np.uint8]
SIZES_PX = [(640, 480), (590, 443), (320, 240), (1280, 720), (480, 640), (160, 120), (333, 97)]


def noise(width_px: int, height_px: int, seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 3), np.uint8)


def through_jpeg(pixels_HWC: Pixels, size_px: tuple[int, int], quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels_HWC).resize(size_px).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


@settings(deadline=None)
@given(
    value=st.integers(0, marker.MAX_VALUE),
    size_px=st.sampled_from(SIZES_PX),
    quality=st.integers(50, 95),
    seed=st.integers(0, 9),
)
def test_what_was_drawn_is_read_after_jpeg(
    value: int, size_px: tuple[int, int], quality: int, seed: int
) -> None:
    drawn = marker.draw(noise(*size_px, seed), value)
    assert marker.read(through_jpeg(drawn, size_px, quality)) == value


@settings(deadline=None, max_examples=50)
@given(
    value=st.integers(0, marker.MAX_VALUE),
    width_px=st.integers(240, 700),
    quality=st.integers(60, 95),
)
def test_what_was_drawn_is_read_after_scaling(value: int, width_px: int, quality: int) -> None:
    drawn = marker.draw(noise(640, 480, seed=1), value)
    scaled = through_jpeg(drawn, (width_px, round(width_px * 0.75)), quality)
    assert marker.read(scaled) == value


@pytest.mark.parametrize("size_px", [(640, 480), (64, 48), (1, 1), (5, 900)])
def test_noise_holds_no_marker(size_px: tuple[int, int]) -> None:
    assert [marker.read(noise(*size_px, seed)) for seed in range(20)] == [None] * 20


def test_ordinary_pictures_hold_no_marker() -> None:
    ramp = np.linspace(0, 255, 640).astype(np.uint8)
    across: Pixels = np.repeat(np.tile(ramp, (480, 1))[..., None], 3, axis=2)
    checks = np.indices((480, 640)).sum(axis=0) // 20 % 2 * 255
    board: Pixels = np.repeat(checks.astype(np.uint8)[..., None], 3, axis=2)
    even = [np.full((480, 640, 3), level, np.uint8) for level in (0, 128, 255)]
    assert [marker.read(picture) for picture in (across, across[:, ::-1], board, *even)] == [
        None
    ] * 6


def test_a_damaged_marker_is_not_misread() -> None:
    drawn = marker.draw(noise(640, 480, seed=0), 7)
    cell_px = 480 * 0.5 / 11
    for row in range(5):
        for column in range(5):
            damaged = drawn.copy()
            top, left = (int(24 + (3 + place) * cell_px) for place in (row, column))
            block = damaged[top : top + 22, left : left + 22]
            damaged[top : top + 22, left : left + 22] = 255 - block
            assert marker.read(damaged) is None


def test_a_picture_on_its_side_reads_as_none() -> None:
    drawn = marker.draw(noise(640, 480, seed=0), 4242)
    turned = [np.rot90(drawn, quarter) for quarter in (1, 2, 3)]
    assert [marker.read(picture) for picture in turned] == [None] * 3


@pytest.mark.parametrize(("value", "side_px"), [(-1, 480), (65536, 480), (1, 95)])
def test_what_cannot_be_drawn_is_refused(value: int, side_px: int) -> None:
    with pytest.raises(ValueError, match="marker"):
        marker.draw(noise(side_px, side_px, seed=0), value)
