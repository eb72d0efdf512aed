"""What the browser's camera shows: markers that change at known times, as raw video."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from onlooker.testing import marker

WIDTH_PX, HEIGHT_PX, RATE_HZ = 320, 240, 10


def write_y4m(path: Path, values: Sequence[int], seconds_each: float) -> Path:
    """Write each marker for so long; a browser plays the file again and again."""
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH_PX} H{HEIGHT_PX} F{RATE_HZ}:1 Ip A1:1 C420jpeg\n".encode())
        for value in values:
            frame = b"FRAME\n" + _planes(value)
            for _ in range(round(seconds_each * RATE_HZ)):
                file.write(frame)
    return path


def _planes(value: int) -> bytes:
    """Draw a marker on a soft gradient: grey, so that both planes of colour are even."""
    across = np.linspace(150, 200, WIDTH_PX)[None, :]
    down = np.linspace(0, 30, HEIGHT_PX)[:, None]
    grey_HW = (across - down).astype(np.uint8)
    pixels_HWC = np.repeat(grey_HW[..., None], 3, axis=2)
    luma_HW = marker.draw(pixels_HWC, value)[..., 0]
    chroma = bytes([128]) * (WIDTH_PX * HEIGHT_PX // 4)
    return luma_HW.tobytes() + chroma + chroma
