import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from onlooker.plugins.perception.lines import find_lines


def likelihood(*corners: tuple[tuple[int, int], ...]) -> np.ndarray:
    image = Image.new("L", (400, 200))
    for polygon in corners:
        ImageDraw.Draw(image).polygon(list(polygon), fill=230)
    return np.asarray(image, np.float32) / 255


def bar(left: int, top: int, right: int, bottom: int) -> tuple[tuple[int, int], ...]:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def test_a_level_line_is_boxed_with_a_margin() -> None:
    (box,) = find_lines(likelihood(bar(50, 90, 250, 109)))
    assert box.direction == (1.0, 0.0)
    assert box.centre == pytest.approx((150.5, 100), abs=1)
    assert box.half_height == pytest.approx(10 + 20 * 200 * 1.6 / 440, abs=1)


def test_lines_come_row_by_row_from_the_left() -> None:
    shown = likelihood(bar(220, 22, 380, 38), bar(20, 120, 300, 136), bar(20, 20, 180, 36))
    assert [round(box.centre[0], -1) for box in find_lines(shown)] == [100, 300, 160]


@pytest.mark.parametrize("slope", [-0.4, -0.15, 0.15, 0.4])
def test_a_slanted_line_is_boxed_along_its_slant(slope: float) -> None:
    rise = round(200 * slope)
    shown = likelihood(((60, 100), (260, 100 + rise), (260, 118 + rise), (60, 118)))
    (box,) = find_lines(shown)
    assert box.direction[1] / box.direction[0] == pytest.approx(slope, abs=0.04)


def test_an_upright_line_is_read_upwards() -> None:
    (box,) = find_lines(likelihood(bar(100, 20, 120, 180)))
    assert box.direction == (0.0, -1.0)
    assert box.half_length > 80


def test_specks_and_faint_stains_are_no_lines() -> None:
    assert find_lines(likelihood(bar(10, 10, 11, 11))) == []
    assert find_lines(np.full((64, 64), 0.35, np.float32)) == []
    assert find_lines(np.zeros((64, 64), np.float32)) == []


@given(arrays(np.float32, (24, 40), elements=st.floats(0, 1, width=32)))
def test_no_map_breaks_the_search(likelihood_HW: np.ndarray) -> None:
    for box in find_lines(likelihood_HW):
        assert np.isfinite([*box.centre, box.half_length, box.half_height]).all()


@given(arrays(np.bool_, (12, 14)))
def test_runs_that_touch_are_one_group_as_flood_filling_says(is_text_HW: np.ndarray) -> None:
    from onlooker.plugins.perception.lines import _connected, _runs

    rows_N, starts_N, ends_N = _runs(is_text_HW)
    num_groups = len(set(_connected(rows_N, starts_N, ends_N))) if len(rows_N) else 0
    assert num_groups == flood(is_text_HW)


def flood(is_text_HW: np.ndarray) -> int:
    left, num_groups = set(zip(*np.nonzero(is_text_HW), strict=True)), 0
    while left:
        num_groups, waiting = num_groups + 1, [left.pop()]
        while waiting:
            row, column = waiting.pop()
            for near in [(row + r, column + c) for r in (-1, 0, 1) for c in (-1, 0, 1)]:
                if near in left:
                    left.remove(near)
                    waiting.append(near)
    return num_groups
