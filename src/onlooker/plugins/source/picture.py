"""From a decoded picture to pixels: upright, with square pixels, and no larger than needed."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt


def to_pixels(
    frame: av.VideoFrame, max_long_edge_px: int, pixel_aspect: Fraction | None = None
) -> npt.NDArray[np.uint8]:
    """Convert one picture.

    The picture is shrunk before it becomes RGB, so that an 8K frame costs no 8K copy.

    Args:
        frame: of any size and pixel format.
        max_long_edge_px: neither height nor width is larger afterwards.
        pixel_aspect: how much wider than high each of its pixels is; none or 0 means square.

    Returns:
        pixels_HWC: RGB, with rotation metadata applied.
    """
    width, height = _fit(frame.width * float(pixel_aspect or 1), frame.height, max_long_edge_px)
    is_smaller = width * height < frame.width * frame.height
    small = frame.reformat(
        width, height, "rgb24", interpolation="AREA" if is_smaller else "BILINEAR"
    )
    # FFmpeg counts the turn counterclockwise, as numpy does.
    pixels_HWC = np.rot90(small.to_ndarray(), round(frame.rotation / 90) % 4)
    return np.ascontiguousarray(pixels_HWC, np.uint8)


def _fit(width: float, height: float, max_long_edge_px: int) -> tuple[int, int]:
    scale = min(1.0, max_long_edge_px / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
