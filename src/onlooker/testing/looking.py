"""What the testing server truly sees in a picture, and between one picture and the next.

H, W = height and width in pixels, C = colours.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from onlooker.core.difference import Thumbnail, thumbnail
from onlooker.testing import marker

CHANGED_LUMA = 14.0  # of a thumbnail pixel, beyond sensor noise and JPEG
MOVES = 0.012  # of the thumbnail: a hand, not a leaf
STRONG = 0.08
LIGHT_LUMA = 22.0  # a lamp, not a cloud
CUT_SHARE = 0.45
CUT_LIKENESS = 0.5

Event = Literal["cut", "brighter", "darker", "motion", "still"]

_HUES = (
    (0.04, "red"),
    (0.11, "orange"),
    (0.19, "yellow"),
    (0.45, "green"),
    (0.54, "cyan"),
    (0.70, "blue"),
    (0.80, "purple"),
    (0.93, "pink"),
    (1.01, "red"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One picture, looked at."""

    id: str
    width_px: int
    height_px: int
    marker: int | None
    luma: Thumbnail
    rgb_C: npt.NDArray[np.float32]  # mean, in [0, 255]
    colour: str  # the name of the commonest

    @property
    def mean_luma(self) -> float:
        return float(self.luma.mean())

    def describe(self) -> str:
        """Say what is there, in words that the numbers bear out."""
        if self.marker is not None:
            return f"I see marker {self.marker}."
        light = "dark" if self.mean_luma < 70 else "bright" if self.mean_luma > 170 else "medium"
        detail = "plain" if self.luma.std() < 8 else "detailed"
        return f"I see a {detail} picture of {light} light, mostly {self.colour}."


@dataclass(frozen=True, slots=True)
class Change:
    """What happened between one picture and the next of the same camera."""

    event: Event
    moved: float  # share of the picture that changed, in [0, 1]; light that changed set aside
    place: str = ""  # where the changes lie: "on the left", "at the top right" ...


def look_at(picture_id: str, pixels_HWC: npt.NDArray[np.uint8]) -> Look:
    """Look at one picture."""
    height, width, _ = pixels_HWC.shape
    rows, columns = (np.arange(min(side, 48)) * side // min(side, 48) for side in (height, width))
    sampled = pixels_HWC[np.ix_(rows, columns)].reshape(-1, 3).astype(np.float32)
    return Look(
        picture_id,
        width,
        height,
        marker.read(pixels_HWC),
        thumbnail(pixels_HWC),
        sampled.mean(axis=0),
        _commonest_colour(sampled),
    )


def compare(before: Look, after: Look) -> Change:
    """Say what happened between two pictures."""
    lighter = after.mean_luma - before.mean_luma
    # A lamp changes all by about the same; what changed beyond that has moved.
    beyond = np.abs(_without_light(after.luma) - _without_light(before.luma)) > CHANGED_LUMA
    moved = float(beyond.mean())
    recoloured = float(np.abs(after.rgb_C - before.rgb_C).max())
    if _is_cut(before, after, moved, recoloured - abs(lighter)):
        return Change("cut", moved)
    if abs(lighter) > LIGHT_LUMA and moved < STRONG * 3:
        return Change("brighter" if lighter > 0 else "darker", moved)
    if moved > MOVES:
        return Change("motion", moved, _place_of(beyond))
    return Change("still", moved)


def _is_cut(before: Look, after: Look, moved: float, hue_shift: float) -> bool:
    if before.luma.std() < 4 and after.luma.std() < 4:
        return hue_shift > 60  # two even pictures: another colour, not another light
    if moved < CUT_SHARE:
        return False
    return _likeness(before.luma, after.luma) < CUT_LIKENESS


def _likeness(before: Thumbnail, after: Thumbnail) -> float:
    """Correlation, in [-1, 1]; 0 if one of them is even."""
    one, other = before - before.mean(), after - after.mean()
    scale = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / scale if scale > 1e-3 else 0.0


def _without_light(luma: Thumbnail) -> Thumbnail:
    # The median: what moves must not pass for a change of light.
    return np.asarray(luma - np.median(luma), np.float32)


def _place_of(changed: npt.NDArray[np.bool_]) -> str:
    rows, columns = np.nonzero(changed)
    height, width = changed.shape
    across = _third(columns / width, "left", "right")
    down = _third(rows / height, "top", "bottom")
    if across == down == "everywhere":
        return "all over the picture"
    across, down = (side if side != "everywhere" else "" for side in (across, down))
    match across, down:
        case ("middle" | "", "middle" | ""):
            return "in the middle"
        case (_, "middle" | ""):
            return f"on the {across}"
        case ("middle" | "", _):
            return f"at the {down}"
    return f"at the {down} {across}"


def _third(places: npt.NDArray[np.float64], low: str, high: str) -> str:
    """Name where most of the changes lie along one side of the picture."""
    first, last = np.quantile(places, [0.1, 0.9])
    if last - first > 0.75:
        return "everywhere"
    centre = float(places.mean())
    return low if centre < 0.38 else high if centre > 0.62 else "middle"


def _commonest_colour(colours_NC: npt.NDArray[np.float32]) -> str:
    # 4 levels a channel: enough to name a colour, few enough to count.
    bins = (colours_NC // 64).astype(int) @ np.asarray([16, 4, 1])
    common = colours_NC[bins == np.bincount(bins).argmax()].mean(axis=0)
    return _name_of(*(float(level) / 255 for level in common))


def _name_of(red: float, green: float, blue: float) -> str:
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    if value < 0.2:
        return "black"
    if saturation < 0.2:
        return "white" if value > 0.85 else "grey"
    return next(name for end, name in _HUES if hue < end)
