"""What the browser's camera shows: markers that change at known times, as raw video."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from onlooker.plugins.source.street import LASTS_S, draw_street
from onlooker.testing import marker

WIDTH_PX, HEIGHT_PX, RATE_HZ = 320, 240, 10
STREET_HZ = 5


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


def write_tone(path: Path) -> Path:
    """Write two seconds of a quiet tone, as a microphone would hear it."""
    samples_N = 3000 * np.sin(np.arange(96_000) * 2 * np.pi * 220 / 48_000)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(samples_N.astype("<i2").tobytes())
    return path


def write_street(path: Path, begins_s: float) -> Path:
    """Write the street of the demo stream, round once, as a camera shows it."""
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W640 H360 F{STREET_HZ}:1 Ip A1:1 C420jpeg\n".encode())
        for index in range(round(LASTS_S * STREET_HZ)):
            pixels_HWC = draw_street(640, 360, index, begins_s + index / STREET_HZ)
            file.write(b"FRAME\n" + _yuv420(Image.fromarray(pixels_HWC)))
    return path


def _yuv420(picture: Image.Image) -> bytes:
    luma, blue, red = picture.convert("YCbCr").split()
    half = (picture.width // 2, picture.height // 2)
    return luma.tobytes() + blue.resize(half).tobytes() + red.resize(half).tobytes()
