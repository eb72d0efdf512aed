"""Has who paused finished? Smart Turn v3.2 judges by the sound: intonation, pace, the last words.

It is asked once a pause, of the last 8 s. Source: Daily's Smart Turn (BSD-2, assets/PROVENANCE.md);
its features are Whisper's, Radford and others 2022, arXiv:2212.04356. N = samples, F = frames of
10 ms, B = bins of the spectrum, M = 80 mel bands.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from onlooker.core.errors import BadSettings
from onlooker.core.media import AudioChunk, Samples
from onlooker.plugins.transcriber.mel import Bands

RATE_HZ = 16_000
LENGTH = 8 * RATE_HZ  # samples that are judged: the last ones, or silence before fewer
ASSETS = Path(__file__).parent / "assets"
_WEIGHTS = "smart_turn_v3.2_int8.onnx"
_WINDOW, _HOP, _NUM_BANDS = 400, 160, 80
_LINEAR_HZ, _LINEAR_MELS = 1000.0, 15.0  # Slaney's scale: straight below, logarithmic above
_STEP = np.log(6.4) / 27.0


class SmartTurn:
    """Judges what one after the other has said. A call takes some 0.1 s: give it a thread."""

    def __init__(self) -> None:
        self._session = _engine()

    def complete(self, speech: AudioChunk) -> float:
        """Tell how likely somebody has finished who spoke at 16 kHz and now pauses, in [0, 1]."""
        if speech.rate_hz != RATE_HZ:
            raise ValueError(f"Smart Turn hears {RATE_HZ} Hz, not {speech.rate_hz}: resample it")
        given = features(speech.samples_N)[None]
        return float(self._session.run(None, {"input_features": given})[0].reshape(-1)[0])


def features(samples_N: Samples) -> npt.NDArray[np.float32]:
    """Give the 80 x 800 features that the network reads."""
    heard_N = np.zeros(LENGTH, np.float32)
    last_N = samples_N[-LENGTH:]
    heard_N[LENGTH - len(last_N) :] = last_N
    heard_N = (heard_N - heard_N.mean()) / np.sqrt(heard_N.var() + 1e-7)
    padded_N = np.pad(heard_N.astype(np.float64), _WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded_N, _WINDOW)[::_HOP][:-1]
    power_FB = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW + 1)[:-1])) ** 2
    loudness_MF = np.log10(np.maximum(_bands().sums(power_FB), 1e-10)).T
    loudness_MF = np.maximum(loudness_MF, loudness_MF.max() - 8.0)
    return np.asarray((loudness_MF + 4.0) / 4.0, np.float32)


@cache
def _bands() -> Bands:
    top = _LINEAR_MELS + np.log(RATE_HZ / 2 / _LINEAR_HZ) / _STEP
    mels = np.linspace(0.0, top, _NUM_BANDS + 2)
    edges_hz = np.where(
        mels < _LINEAR_MELS,
        mels * _LINEAR_HZ / _LINEAR_MELS,
        _LINEAR_HZ * np.exp(_STEP * (mels - _LINEAR_MELS)),
    )
    return Bands(edges_hz, np.linspace(0, RATE_HZ / 2, _WINDOW // 2 + 1), is_even=True)


@cache
def _engine() -> Any:
    """Load the network once for all streams.

    Raises:
        BadSettings: ONNX Runtime is not installed, or the weights are not ours.
    """
    if find_spec("onnxruntime") is None:
        raise BadSettings(
            "judging whether somebody has finished needs onnxruntime: "
            "pip install 'onlooker[speech]', or --set speech.turns=false"
        )
    import onnxruntime as ort

    path = ASSETS / _WEIGHTS
    wanted = (ASSETS / "SHA256SUMS").read_text().split()[0]
    if sha256(path.read_bytes()).hexdigest() != wanted:
        raise BadSettings(f"{path} is damaged: its checksum is not {wanted[:12]}...; reinstall")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
