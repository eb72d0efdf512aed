"""Where lines of text stand: from a map of text likelihood to slanted boxes.

H, W = height and width of the map; N = runs of pixels; corners are (x, y) in pixels of the map.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from onlooker.plugins.perception.models import Floats

MIN_LIKELIHOOD = 0.3  # of a pixel that belongs to a line
MIN_MEAN_LIKELIHOOD = 0.5  # of a line
GROWTH = 1.6  # the map shows the lines' cores: how much to add around them
MIN_CORE_PX = 3.0
LEVEL_SLOPE = 0.05  # below it a line is taken as level
MAX_RUNS = 20_000  # a map of noise falls into too many to be text

Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class LineBox:
    """A slanted box: its middle, its direction of reading, and half its length and height."""

    centre: tuple[float, float]
    direction: tuple[float, float]  # unit vector
    half_length: float
    half_height: float

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """Top left, top right, bottom right, bottom left, as the line is read."""
        (x, y), (dx, dy) = self.centre, self.direction
        ends = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        return tuple(
            (
                x + along * self.half_length * dx - across * self.half_height * dy,
                y + along * self.half_length * dy + across * self.half_height * dx,
            )
            for along, across in ends
        )


def find_lines(likelihood_HW: Floats) -> list[LineBox]:
    """Find the lines of text in a map, in order of reading.

    Source: Real-time Scene Text Detection with Differentiable Binarization, arXiv 1911.08947.
    """
    rows_N, starts_N, ends_N = _runs(likelihood_HW > MIN_LIKELIHOOD)
    if not len(rows_N) or len(rows_N) > MAX_RUNS:
        return []
    # Sums over runs without touching their pixels again.
    sums_HW1 = np.pad(np.cumsum(likelihood_HW, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    mass_N = sums_HW1[rows_N, ends_N] - sums_HW1[rows_N, starts_N]
    groups_N = _connected(rows_N, starts_N, ends_N)
    order = np.argsort(groups_N, kind="stable")
    cuts = np.flatnonzero(np.diff(groups_N[order])) + 1
    boxes = []
    for members in np.split(order, cuts):
        area = (ends_N[members] - starts_N[members]).sum()
        if mass_N[members].sum() / area >= MIN_MEAN_LIKELIHOOD:
            box = _box_around(rows_N[members], starts_N[members], ends_N[members])
            if box.half_height * 2 >= MIN_CORE_PX:
                boxes.append(_grown(box))
    return _in_reading_order(boxes)


def _runs(is_text_HW: npt.NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
    """List the horizontal runs of true pixels: row, first column, column after the last."""
    edges = np.diff(np.pad(is_text_HW, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows_N, starts_N = np.nonzero(edges == 1)
    return rows_N, starts_N, np.nonzero(edges == -1)[1]


def _connected(rows_N: Ints, starts_N: Ints, ends_N: Ints) -> Ints:
    """Number the groups of runs that touch, corners included."""
    parents = list(range(len(rows_N)))

    def root_of(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    firsts = np.searchsorted(rows_N, np.arange(rows_N[-1] + 2))
    starts, ends = starts_N.tolist(), ends_N.tolist()
    for upper, lower in pairwise(np.arange(rows_N[-1] + 1)):
        above, below = int(firsts[upper]), int(firsts[lower])
        while above < firsts[upper + 1] and below < firsts[lower + 1]:
            if starts[above] <= ends[below] and starts[below] <= ends[above]:
                parents[root_of(below)] = root_of(above)
            if ends[above] < ends[below]:
                above += 1
            else:
                below += 1
    return np.asarray([root_of(index) for index in range(len(parents))])


def _box_around(rows_N: Ints, starts_N: Ints, ends_N: Ints) -> LineBox:
    """Fit a box along the direction in which the runs spread most."""
    points_M2 = np.concatenate(
        [
            np.stack([columns_N, rows_N + below], axis=1)
            for columns_N in (starts_N, ends_N)
            for below in (0, 1)
        ]
    ).astype(np.float64)
    low, high = points_M2.min(axis=0), points_M2.max(axis=0)
    lengths_N = (ends_N - starts_N).astype(np.float64)
    direction = _direction(rows_N, (starts_N + ends_N) / 2, lengths_N)
    if direction is None:
        width, height = high - low
        centre_x, centre_y = (low + high) / 2
        if height > 1.5 * width:  # written upwards or downwards: read it upwards
            return LineBox((centre_x, centre_y), (0.0, -1.0), height / 2, width / 2)
        return LineBox((centre_x, centre_y), (1.0, 0.0), width / 2, height / 2)
    along_2 = np.asarray(direction)
    axes_22 = np.stack([along_2, [-along_2[1], along_2[0]]], axis=1)
    spread_M2 = points_M2 @ axes_22
    low, high = spread_M2.min(axis=0), spread_M2.max(axis=0)
    centre_x, centre_y = axes_22 @ ((low + high) / 2)
    half_length, half_height = (high - low) / 2
    return LineBox((centre_x, centre_y), direction, half_length, half_height)


def _direction(rows_N: Ints, middles_N: Floats, lengths_N: Floats) -> tuple[float, float] | None:
    """Say which way a slanted line runs; None for a level, upright or compact one."""
    total = lengths_N.sum()
    x, y = (middles_N * lengths_N).sum() / total, (rows_N * lengths_N).sum() / total
    # The spread of the runs' pixels: between the runs, and within each.
    spread_xx = (((middles_N - x) ** 2 + lengths_N**2 / 12) * lengths_N).sum() / total
    spread_yy = ((rows_N - y) ** 2 * lengths_N).sum() / total
    spread_xy = ((middles_N - x) * (rows_N - y) * lengths_N).sum() / total
    angle = 0.5 * np.arctan2(2 * spread_xy, spread_xx - spread_yy)
    along, across = np.cos(angle), np.sin(angle)
    both = np.hypot(spread_xx - spread_yy, 2 * spread_xy)
    is_compact = both < 0.6 * (spread_xx + spread_yy)
    if is_compact or abs(across) < LEVEL_SLOPE or abs(along) < LEVEL_SLOPE:
        return None
    return float(along), float(across)


def _grown(box: LineBox) -> LineBox:
    length, height = 2 * box.half_length, 2 * box.half_height
    margin = length * height * GROWTH / (2 * (length + height))
    return LineBox(box.centre, box.direction, box.half_length + margin, box.half_height + margin)


def _in_reading_order(boxes: list[LineBox]) -> list[LineBox]:
    """Sort by rows from the top, and from the left within a row."""
    rows: list[list[LineBox]] = []
    for box in sorted(boxes, key=lambda box: box.centre[1]):
        if rows and box.centre[1] - rows[-1][0].centre[1] < min(
            box.half_height, rows[-1][0].half_height
        ):
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row, key=lambda box: box.centre[0])]
