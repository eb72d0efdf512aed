"""A street for whoever has no camera at hand: people and cars pass, a sign is put out, and again.

Cut-outs of photographs over the photograph of a road, so that eyes made for real pictures know what
they see. Where each comes from stands beside them, in PROVENANCE.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

CUT_OUTS = "data/world/sprites"
LASTS_S = 40.0  # then it begins anew
SENSOR_NOISE = 2.0  # levels, standard deviation: no two pictures of a camera are the same
SIGN = "CAFE OPEN"
SIGN_S = (20.0, 28.0)
_PAPER, _INK = (28, 60, 54), (245, 245, 240)

Pixels = npt.NDArray[np.uint8]
Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Passer:
    """Who passes: a cut-out, its height and foot in parts of the picture's, and when."""

    name: str
    height: float
    foot: float
    begins_s: float
    ends_s: float
    goes_left: bool = False


PASSERS = (
    Passer("person-jacket", 0.50, 0.84, 3.0, 13.0, goes_left=True),
    Passer("car-blue", 0.40, 0.80, 12.0, 19.0),
    Passer("person-hoodie", 0.50, 0.84, 23.0, 34.0),
    Passer("car-black", 0.40, 0.78, 29.0, 37.0, goes_left=True),
)


def draw_street(width: int, height: int, index: int, time_s: float) -> Pixels:
    """Draw the street as it is at a time, (height, width, RGB)."""
    time_s %= LASTS_S
    image = _picture("background-road", (width, height)).convert("RGB")
    for passer in PASSERS:
        if passer.begins_s <= time_s < passer.ends_s:
            _pass(image, passer, (time_s - passer.begins_s) / (passer.ends_s - passer.begins_s))
    if SIGN_S[0] <= time_s < SIGN_S[1]:
        _put_out_sign(image)
    noise_HW1 = np.random.default_rng(index).normal(0, SENSOR_NOISE, (height, width, 1))
    return np.clip(np.asarray(image) + noise_HW1, 0, 255).astype(np.uint8)


def _pass(image: Image.Image, passer: Passer, done: float) -> None:
    """Put somebody on its way from outside one edge to outside the other."""
    whole = _picture(passer.name)
    tall = round(passer.height * image.height)
    wide = round(whole.width * tall / whole.height)
    shown = _picture(passer.name, (wide, tall), is_flipped=passer.goes_left)
    way = image.width + wide
    left = round(way * (1 - done if passer.goes_left else done)) - wide
    image.paste(shown, (left, round(passer.foot * image.height) - tall), shown)


def _put_out_sign(image: Image.Image) -> None:
    letters = ImageFont.load_default(round(image.height * 0.08))
    middle = (image.width / 2, image.height * 0.13)
    pen = ImageDraw.Draw(image)
    left, top, right, bottom = pen.textbbox(middle, SIGN, font=letters, anchor="mm")
    pad = image.height * 0.03
    pen.rectangle((left - 2 * pad, top - pad, right + 2 * pad, bottom + pad), fill=_PAPER)
    pen.text(middle, SIGN, _INK, letters, anchor="mm")


@lru_cache(maxsize=32)
def _picture(name: str, size_px: Size | None = None, *, is_flipped: bool = False) -> Image.Image:
    with files("onlooker").joinpath(CUT_OUTS, f"{name}.webp").open("rb") as file:
        image = Image.open(file).convert("RGBA")
    if size_px:
        image = image.resize(size_px, Image.Resampling.LANCZOS)
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if is_flipped else image
