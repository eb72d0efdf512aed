"""What the browser's camera shows: markers that change at known times, as raw video."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

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


def write_tone(path: Path) -> Path:
    """Write two seconds of a quiet tone, as a microphone would hear it."""
    samples_N = 3000 * np.sin(np.arange(96_000) * 2 * np.pi * 220 / 48_000)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(samples_N.astype("<i2").tobytes())
    return path


def write_street(path: Path) -> Path:
    """Write a street for the pictures of the documentation: cars pass, somebody walks by.

    Drawn from the cut-outs of onlooker.data.world, so that it may be published.
    """
    size = (640, 360)
    road = _cut_out("background-road").convert("RGB").resize(size)
    movers = [
        # cut-out, height, foot, where it is at the beginning and after twelve seconds
        ("car-blue", 0.26, 0.86, -0.3, 1.3),
        ("person-jacket", 0.42, 0.84, 1.15, -0.2),
        ("car-black", 0.24, 0.74, 2.2, -0.6),
    ]
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H360 F5:1 Ip A1:1 C420jpeg\n")
        for index in range(12 * 5):
            picture = road.copy()
            for name, height, foot, begin, end in movers:
                thing = _cut_out(name)
                tall = round(height * size[1])
                thing = thing.resize((round(thing.width * tall / thing.height), tall))
                middle = begin + (end - begin) * index / 60
                left, top = round(middle * size[0] - thing.width / 2), round(foot * size[1]) - tall
                picture.paste(thing, (left, top), thing)
            _letter(picture)
            file.write(b"FRAME\n" + _yuv420(picture))
    return path


def _letter(picture: Image.Image) -> None:
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((436, 34, 604, 84), 6, fill=(28, 60, 54))
    draw.text((452, 46), "CAFE OPEN", (245, 245, 240), ImageFont.load_default(24))


def _yuv420(picture: Image.Image) -> bytes:
    luma, blue, red = picture.convert("YCbCr").split()
    half = (picture.width // 2, picture.height // 2)
    return luma.tobytes() + blue.resize(half).tobytes() + red.resize(half).tobytes()


def _cut_out(name: str) -> Image.Image:
    with (files("onlooker.data.world") / "sprites" / f"{name}.webp").open("rb") as file:
        return Image.open(file).convert("RGBA")
