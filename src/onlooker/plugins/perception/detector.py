"""Boxes of things, by a network of the NanoDet, YOLO or Hugging Face kind.

H, W = height and width in pixels; C = colours; N = boxes; K = labels; S = places of a grid.
Boxes are (left, top, right, bottom).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from onlooker.core.errors import BadSettings
from onlooker.plugins.perception.huggingface import HuggingFaceFinder
from onlooker.plugins.perception.models import (
    ASSETS,
    Floats,
    Network,
    asset_sums,
    checked_bytes,
    open_asset,
    open_model,
    run,
)
from onlooker.plugins.perception.settings import PerceptionSettings

SHIPPED = "nanodet_g_coco_416.onnx"
LABELS = "coco80.names"
MAX_CANDIDATES = 300  # boxes before doubles are dropped
SAME_OVERLAP = 0.5  # of two boxes of one label: intersection over union
INSIDE_OVERLAP = 0.75  # of the smaller box, which then is a part of the larger
TWIN_OVERLAP = 0.8  # of two boxes of different labels: one thing under two names

# Training statistics of NanoDet, blue first: config/legacy_v0.x_configs/nanodet-g.yml.
_MEAN_BGR = np.asarray([103.53, 116.28, 123.675], np.float32)
_DEVIATION_BGR = np.asarray([57.375, 57.12, 58.395], np.float32)


@dataclass(frozen=True, slots=True)
class Detection:
    """A thing in one frame; the box in fractions of the picture."""

    label: str
    score: float
    box: tuple[float, float, float, float]


class Finder(Protocol):
    """A network that tells where things of its labels may be."""

    labels: tuple[str, ...]

    def find(self, image: Image.Image) -> tuple[Floats, Floats]:
        """Return boxes_N4 in fractions of the picture, which may reach beyond it; scores_NK."""
        ...


class Detector:
    """Finds what may be of use: everything at or above the least score, the surest first."""

    def __init__(self, settings: PerceptionSettings) -> None:
        self._finder = _finder(settings)
        self.labels = self._finder.labels
        self._min_score = min(
            settings.keep_score, settings.min_score, *settings.min_scores.values()
        )
        unknown = sorted({*settings.watch, *settings.min_scores} - set(self.labels))
        if unknown:
            raise BadSettings(
                f"the detector knows no {', '.join(unknown)}; it knows {', '.join(self.labels)}"
            )
        self._watched_K = np.asarray(
            [not settings.watch or label in settings.watch for label in self.labels]
        )
        # A detector that does not fit its settings is refused before the session begins.
        self.detect(Image.new("RGB", (16, 16)))

    def detect(self, image: Image.Image) -> list[Detection]:
        """Find things in an RGB picture of any size.

        Raises:
            PerceptionFailed: the network did not take it.
        """
        boxes_N4, scores_NK = self._finder.find(image)
        boxes_N4, scores_N, labels_N = self._best(np.clip(boxes_N4, 0, 1), scores_NK)
        kept = without_doubles(boxes_N4, scores_N, labels_N)
        return [
            Detection(self.labels[labels_N[index]], float(scores_N[index]), _fractions(box_4))
            for index, box_4 in zip(kept, boxes_N4[kept], strict=True)
        ]

    def _best(
        self, boxes_N4: Floats, scores_NK: Floats
    ) -> tuple[Floats, Floats, npt.NDArray[np.intp]]:
        """Keep the surest boxes of what is watched."""
        scores_NK = np.where(self._watched_K, scores_NK, 0)
        scores_N = scores_NK.max(axis=1)
        kept = np.flatnonzero((scores_N >= self._min_score) & np.isfinite(boxes_N4).all(axis=1))
        kept = kept[np.argsort(-scores_N[kept], kind="stable")][:MAX_CANDIDATES]
        return boxes_N4[kept], scores_N[kept], scores_NK[kept].argmax(axis=1)


class OnnxFinder:
    """Runs a network that takes a square and answers as NanoDet or YOLO do."""

    def __init__(self, settings: PerceptionSettings) -> None:
        self._network = _open(settings)
        self._is_nanodet = settings.detector_format == "nanodet"
        self._size_px = _input_size_px(self._network)
        self.labels = _labels(settings.detector_labels)

    def find(self, image: Image.Image) -> tuple[Floats, Floats]:
        """Find things in an RGB picture of any size.

        Raises:
            BadSettings: the network has more or fewer labels than are named.
            PerceptionFailed: the network did not take it.
        """
        batch, filled = self._input(image)
        decode = _decode_nanodet if self._is_nanodet else _decode_yolo
        boxes_N4, scores_NK = decode(run(self._network, batch), self._size_px)
        if scores_NK.shape[1] != len(self.labels):
            raise BadSettings(
                f"the detector tells {scores_NK.shape[1]} labels apart, and "
                f"{len(self.labels)} are named: set detector_labels"
            )
        filled_4 = np.asarray(filled * 2, np.float32)
        return (boxes_N4 / filled_4).astype(np.float32), scores_NK

    def _input(self, image: Image.Image) -> tuple[Floats, tuple[float, float]]:
        """Shrink the picture into the top left of the square; say what share of it it fills."""
        scale = self._size_px / max(image.size)
        width, height = (max(1, round(side * scale)) for side in image.size)
        square_HWC = np.zeros((self._size_px, self._size_px, 3), np.float32)
        resized = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
        pixels_HWC = np.asarray(resized, np.float32)
        square_HWC[:height, :width] = (
            (pixels_HWC[..., ::-1] - _MEAN_BGR) / _DEVIATION_BGR
            if self._is_nanodet
            else pixels_HWC / 255
        )
        filled = (width / self._size_px, height / self._size_px)
        return square_HWC.transpose(2, 0, 1)[None], filled


def without_doubles(
    boxes_N4: Floats, scores_N: Floats, labels_N: npt.NDArray[np.intp]
) -> list[int]:
    """Choose among boxes that show the same thing; the surest must come first.

    Returns:
        the indices of those that stay.
    """
    areas_N = (boxes_N4[:, 2] - boxes_N4[:, 0]) * (boxes_N4[:, 3] - boxes_N4[:, 1])
    left = np.flatnonzero(areas_N > 0)
    kept = []
    while len(left):
        first, left = left[0], left[1:]
        kept.append(int(first))
        near = np.minimum(boxes_N4[left, 2:], boxes_N4[first, 2:])
        sides = np.clip(near - np.maximum(boxes_N4[left, :2], boxes_N4[first, :2]), 0, None)
        shared = sides[:, 0] * sides[:, 1]
        union = shared / (areas_N[left] + areas_N[first] - shared)
        inside = shared / np.minimum(areas_N[left], areas_N[first])
        is_same = (union > SAME_OVERLAP) | (inside > INSIDE_OVERLAP)
        is_double = np.where(labels_N[left] == labels_N[first], is_same, union > TWIN_OVERLAP)
        left = left[~is_double]
    return kept


def _decode_nanodet(outputs: Sequence[Floats], size_px: int) -> tuple[Floats, Floats]:
    """Read three grids of scores and three of distances to the four sides.

    Each distance is a distribution over 0 to 10 strides, of which the mean is taken.

    Returns:
        boxes_N4 in fractions, scores_NK.

    Source: Generalized Focal Loss, arXiv 2006.04388, as NanoDet uses it.
    """
    half = len(outputs) // 2
    boxes, scores = [], []
    for scores_1SK, sides_1SD in zip(outputs[:half], outputs[half:], strict=True):
        columns = round(scores_1SK.shape[1] ** 0.5)
        place_S = np.arange(columns * columns)
        centres_S2 = np.stack([place_S % columns, place_S // columns], axis=1) + 0.5
        logits_S4B = sides_1SD[0].reshape(len(place_S), 4, -1)
        weights_S4B = np.exp(logits_S4B - logits_S4B.max(axis=2, keepdims=True))
        bins_B = np.arange(logits_S4B.shape[2])
        sides_S4 = (weights_S4B * bins_B).sum(axis=2) / weights_S4B.sum(axis=2)
        boxes.append(
            np.hstack([centres_S2 - sides_S4[:, :2], centres_S2 + sides_S4[:, 2:]]) / columns
        )
        scores.append(scores_1SK[0])
    return np.concatenate(boxes).astype(np.float32), np.concatenate(scores)


def _decode_yolo(outputs: Sequence[Floats], size_px: int) -> tuple[Floats, Floats]:
    """Read (1, 4 + K, N): centre, size and scores of each box, in pixels of the input."""
    table_N = outputs[0][0].T
    centres_N2, halves_N2 = table_N[:, :2] / size_px, table_N[:, 2:4] / size_px / 2
    return np.hstack([centres_N2 - halves_N2, centres_N2 + halves_N2]), table_N[:, 4:]


def _fractions(box_4: Floats) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(side) for side in box_4)
    return left, top, right, bottom


def _finder(settings: PerceptionSettings) -> Finder:
    if settings.detector_format != "huggingface":
        return OnnxFinder(settings)
    if not settings.detector:
        raise BadSettings(
            "detector_format is huggingface, and detector names no model: name a hub id, such as "
            "PekingU/rtdetr_r18vd, or a folder"
        )
    if settings.detector_labels or settings.detector_sha256:
        raise BadSettings(
            "detector_labels and detector_sha256 are for ONNX files, and detector_format is "
            "huggingface: leave them out"
        )
    return HuggingFaceFinder(settings.detector, _labels(""))


def _open(settings: PerceptionSettings) -> Network:
    if settings.detector:
        return open_model(Path(settings.detector), settings.detector_sha256)
    if settings.detector_format != "nanodet":
        raise BadSettings("detector_format is yolo, and detector names no model: name its path")
    return open_asset(SHIPPED)


def _input_size_px(network: Network) -> int:
    shape = network.get_inputs()[0].shape
    size_px = shape[2] if len(shape) == 4 else None
    if not isinstance(size_px, int) or shape[3] != size_px:
        raise BadSettings(
            f"the detector takes an input of {shape}: expected (1, 3, SIZE, SIZE) with one fixed "
            f"size; export it with that"
        )
    return size_px


def _labels(path: str) -> tuple[str, ...]:
    data = (
        checked_bytes(Path(path)) if path else checked_bytes(ASSETS / LABELS, asset_sums()[LABELS])
    )
    return tuple(line.strip() for line in data.decode().splitlines() if line.strip())
