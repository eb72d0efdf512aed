import numpy as np
import pytest

from onlooker.core.difference import difference, thumbnail
from onlooker.testing.doubles import grey


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (48, 64), (480, 640), (4320, 7680), (1, 9000)])
def test_a_picture_of_any_size_becomes_the_same_small_one(size: tuple[int, int]) -> None:
    small = thumbnail(grey(90, *size))
    assert small.shape == (48, 64)
    assert small.dtype == np.float32
    np.testing.assert_allclose(small, 90.0, atol=1e-3)


def test_the_same_picture_does_not_differ() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    assert difference(thumbnail(picture), thumbnail(picture.copy())) == 0.0


def test_everything_brighter_differs_by_as_much() -> None:
    assert difference(thumbnail(grey(10)), thumbnail(grey(60))) == pytest.approx(50, abs=0.01)


def test_the_noise_of_a_sensor_is_small_and_a_person_in_a_corner_is_not() -> None:
    random = np.random.default_rng(0)
    still_HWC = np.full((480, 640, 3), 120.0)
    first, second = (
        np.clip(still_HWC + random.normal(0, 6, still_HWC.shape), 0, 255).astype(np.uint8)
        for _ in range(2)
    )
    person = second.copy()
    person[300:440, 580:640] = 30
    assert difference(thumbnail(first), thumbnail(second)) < 3.0
    assert difference(thumbnail(first), thumbnail(person)) > 10.0


def test_colours_count_as_the_eye_sees_them() -> None:
    def only(channel: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        pixels_HWC = np.zeros((48, 64, 3), np.uint8)
        pixels_HWC[..., channel] = 100
        return pixels_HWC

    lumas = [float(thumbnail(only(channel)).mean()) for channel in range(3)]
    assert lumas == pytest.approx([29.9, 58.7, 11.4], abs=0.01)
