"""A spectrum summed up in overlapping triangles, as ears do: what networks of sound read.

F = frames, B = bins of the spectrum, M = bands.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Bands:
    """Triangles between edges: each rises from one edge to the next, and falls to the one after."""

    def __init__(self, edges_hz: Floats, bins_hz: Floats, *, is_even: bool = False) -> None:
        """Make them; with `is_even` all of the same area."""
        low_hz, middle_hz, high_hz = (edges_hz[at : len(edges_hz) - 2 + at] for at in range(3))
        rising = (bins_hz[:, None] - low_hz) / (middle_hz - low_hz)
        falling = (high_hz - bins_hz[:, None]) / (high_hz - middle_hz)
        weights_BM = np.maximum(0, np.minimum(rising, falling))
        if is_even:
            weights_BM = weights_BM * (2 / (high_hz - low_hz))
        self._parts = []
        for weights_B in weights_BM.T:
            used = np.flatnonzero(weights_B)
            bins = slice(used[0], used[-1] + 1) if len(used) else slice(0, 0)
            self._parts.append((bins, weights_B[bins]))

    def sums(self, spectrum_FB: Floats) -> Floats:
        """Give `sums_FM`.

        Not as a product of matrices: for that numpy wakes threads that go on turning after it, and
        cost more than the rest together.
        """
        sums = [(spectrum_FB[:, bins] * weights).sum(axis=1) for bins, weights in self._parts]
        return np.stack(sums, axis=1)
