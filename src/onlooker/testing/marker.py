"""A number that is drawn into a picture and read back from it: tests know what they should see.

The marker is a square of 11 x 11 cells near the upper left corner: three rings (white, black,
white) by which it is found, and within them 25 cells of black and white that spell the number.
Its place and size follow from the picture's, so it survives scaling, JPEG and video codecs,
but neither cropping nor rotation: a picture that stands on its side reads as None.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NUM_BITS = 16
MAX_VALUE = 2**NUM_BITS - 1
MIN_SIDE_PX = 96  # of a picture that is drawn into: cells of 4 pixels

_CELLS = 11
_RINGS = 3
_DATA = _CELLS - 2 * _RINGS  # 5 x 5: 16 bits of number, 8 of checksum, one that is always white
_SIDE = 0.5  # of the picture's shorter side
_MARGIN = 0.05
_MIN_CONTRAST = 60.0
_POLYNOMIAL = 0x107  # CRC-8, x^8 + x^2 + x + 1


def draw(pixels_HWC: npt.NDArray[np.uint8], value: int) -> npt.NDArray[np.uint8]:
    """Draw a marker into a copy of a picture.

    Args:
        pixels_HWC: RGB, at least 96 pixels high and wide.
        value: in [0, 65535].

    Raises:
        ValueError: the value does not fit, or the picture is too small.
    """
    height, width, _ = pixels_HWC.shape
    if not 0 <= value <= MAX_VALUE:
        raise ValueError(f"a marker holds 0 to {MAX_VALUE}, not {value}")
    if min(height, width) < MIN_SIDE_PX:
        raise ValueError(f"a marker needs {MIN_SIDE_PX} pixels of height and width")
    edges = np.rint(_edges_px(height, width)).astype(int)
    sizes = np.diff(edges)
    cells = np.repeat(np.repeat(_cells_of(value), sizes, axis=0), sizes, axis=1)
    drawn = pixels_HWC.copy()
    drawn[edges[0] : edges[-1], edges[0] : edges[-1]] = np.where(cells, 255, 0)[..., None]
    return drawn


def read(pixels_HWC: npt.NDArray[np.uint8]) -> int | None:
    """Read the marker of a picture; None if it holds none."""
    height, width, _ = pixels_HWC.shape
    edges = _edges_px(height, width)
    if edges[1] - edges[0] < 2:
        return None
    levels = _levels(pixels_HWC, edges)
    expected, is_ring = _RING_CELLS, ~_IS_DATA
    white, black = levels[is_ring & expected].mean(), levels[is_ring & ~expected].mean()
    if white - black < _MIN_CONTRAST:
        return None
    cells = levels > (white + black) / 2
    if not np.array_equal(cells[is_ring], expected[is_ring]):
        return None
    number = _number_of(cells[_IS_DATA])
    value, checksum = number >> 9, number >> 1 & 0xFF
    return value if number & 1 and checksum == _checksum(value) else None


def _edges_px(height: int, width: int) -> npt.NDArray[np.float64]:
    """Say where the cells begin and end: the same down and across."""
    shorter = min(height, width)
    return shorter * (_MARGIN + _SIDE * np.arange(_CELLS + 1) / _CELLS)


def _levels(
    pixels_HWC: npt.NDArray[np.uint8], edges: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Measure the grey of each cell's middle."""
    end = int(np.ceil(edges[-1]))
    grey = pixels_HWC[:end, :end].mean(axis=2)
    cell_px = edges[1] - edges[0]
    starts = np.floor(edges[:-1] + 0.3 * cell_px).astype(int)
    ends = np.maximum(starts + 1, np.ceil(edges[:-1] + 0.7 * cell_px).astype(int))
    # Sums over every rectangle that begins in the corner, so that a cell costs four look-ups.
    sums = np.pad(grey, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    totals = (
        sums[np.ix_(ends, ends)]
        - sums[np.ix_(starts, ends)]
        - sums[np.ix_(ends, starts)]
        + sums[np.ix_(starts, starts)]
    )
    sizes = ends - starts
    return np.asarray(totals / np.outer(sizes, sizes), np.float64)


def _cells_of(value: int) -> npt.NDArray[np.bool_]:
    number = value << 9 | _checksum(value) << 1 | 1
    cells = _RING_CELLS.copy()
    cells[_IS_DATA] = [number >> place & 1 for place in reversed(range(_DATA**2))]
    return cells


def _number_of(bits: npt.NDArray[np.bool_]) -> int:
    return int("".join("1" if bit else "0" for bit in bits), 2)


def _checksum(value: int) -> int:
    rest = value << 8
    for place in reversed(range(8, 8 + NUM_BITS)):
        if rest >> place & 1:
            rest ^= _POLYNOMIAL << (place - 8)
    return rest ^ 0x55  # so that neither 0 nor an even surface passes


def _rings() -> npt.NDArray[np.bool_]:
    depth = np.minimum(np.arange(_CELLS), np.arange(_CELLS)[::-1])
    return np.asarray(np.minimum.outer(depth, depth) != 1)


_RING_CELLS = _rings()
_IS_DATA = np.zeros((_CELLS, _CELLS), np.bool_)
_IS_DATA[_RINGS:-_RINGS, _RINGS:-_RINGS] = True
