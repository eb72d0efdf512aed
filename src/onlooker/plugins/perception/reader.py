"""Reads the writing in a picture: PP-OCR networks for where lines stand and what they say.

H, W = height and width in pixels; T = steps along a line; K = characters, the first of them blank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from onlooker.plugins.perception.lines import LineBox, find_lines
from onlooker.plugins.perception.models import Floats, open_asset, run

MIN_SIDE_PX = 480  # smaller pictures are enlarged
STEP_PX = 32  # what the sides of an input must be multiples of
LINE_HEIGHT_PX = 48
MIN_LINE_WIDTH_PX = 96
MAX_LINE_WIDTH_PX = 1600


@dataclass(frozen=True, slots=True)
class Line:
    """A line that was read; the upright box around it in fractions of the picture."""

    text: str
    score: float
    box: tuple[float, float, float, float]


class Reader:
    """Two networks and no state."""

    def __init__(self) -> None:
        self._finder = open_asset("ppocrv6_small_det.onnx")
        self._recognizer = open_asset("ppocrv6_small_rec.onnx")
        listed = self._recognizer.get_modelmeta().custom_metadata_map["character"]
        self._characters_K = ["", *listed.split("\n"), " "]

    def read(self, image: Image.Image, max_lines: int, side_px: int) -> list[Line]:
        """Read the largest lines of an RGB picture, in order of reading.

        `side_px` is the longer side of the picture in which they are searched.

        Raises:
            PerceptionFailed: a network did not take it.
        """
        boxes = self._find(image, side_px)
        largest = sorted(boxes, key=lambda box: -box.half_height * box.half_length)[:max_lines]
        kept = set(map(id, largest))
        lines = [self._read_line(image, box) for box in boxes if id(box) in kept]
        return [line for line in lines if line.text]

    def _find(self, image: Image.Image, side_px: int) -> list[LineBox]:
        scale = side_px / max(image.size)
        if scale > 1:
            scale = min(scale, max(1.0, MIN_SIDE_PX / min(image.size)))
        width, height = (max(1, round(side * scale / STEP_PX)) * STEP_PX for side in image.size)
        resized = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
        likelihood_HW = run(self._finder, _network_input(resized))[0][0, 0]
        back = (image.width / width, image.height / height)
        return [_scaled(box, *back) for box in find_lines(likelihood_HW)]

    def _read_line(self, image: Image.Image, box: LineBox) -> Line:
        ratio = box.half_length / max(box.half_height, 0.5)
        width = int(np.clip(round(LINE_HEIGHT_PX * ratio), 8, MAX_LINE_WIDTH_PX))
        top_left, top_right, bottom_right, bottom_left = box.corners
        quad = (*top_left, *bottom_left, *bottom_right, *top_right)
        # Shrinking by a transform would skip pixels: take the line at its own size first.
        own = (max(1, round(2 * box.half_length)), max(1, round(2 * box.half_height)))
        taken = image.transform(own, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)
        strip = _network_input(taken.resize((width, LINE_HEIGHT_PX), Image.Resampling.BICUBIC))
        padding = max(0, MIN_LINE_WIDTH_PX - width)
        scores_TK = run(self._recognizer, np.pad(strip, ((0, 0), (0, 0), (0, 0), (0, padding))))
        text, score = self._spell(scores_TK[0][0])
        return Line(text, score, _upright(box, image.size))

    def _spell(self, scores_TK: Floats) -> tuple[str, float]:
        """Collapse repeats and blanks.

        Source: Connectionist Temporal Classification, Graves et al. 2006.
        """
        best_T = scores_TK.argmax(axis=1)
        is_new_T = np.diff(best_T, prepend=-1) != 0
        taken = np.flatnonzero(is_new_T & (best_T > 0))
        if not len(taken):
            return "", 0.0
        text = "".join(self._characters_K[best] for best in best_T[taken])
        return " ".join(text.split()), float(scores_TK[taken, best_T[taken]].mean())


def _network_input(image: Image.Image) -> Floats:
    pixels_HWC = np.asarray(image, np.float32)[..., ::-1] / 127.5 - 1
    return pixels_HWC.transpose(2, 0, 1)[None]


def _scaled(box: LineBox, x_scale: float, y_scale: float) -> LineBox:
    """Bring a box from the network's picture to the whole one; the scales are nearly the same."""
    (x, y), scale = box.centre, (x_scale + y_scale) / 2
    is_upright = abs(box.direction[1]) > abs(box.direction[0])
    along, across = (y_scale, x_scale) if is_upright else (x_scale, y_scale)
    if 0.1 < abs(box.direction[0]) < 0.9:
        along = across = scale
    return LineBox(
        (x * x_scale, y * y_scale), box.direction, box.half_length * along, box.half_height * across
    )


def _upright(box: LineBox, size: Sequence[int]) -> tuple[float, float, float, float]:
    xs, ys = zip(*box.corners, strict=True)
    sides = (min(xs) / size[0], min(ys) / size[1], max(xs) / size[0], max(ys) / size[1])
    left, top, right, bottom = (float(min(1.0, max(0.0, side))) for side in sides)
    return left, top, right, bottom
