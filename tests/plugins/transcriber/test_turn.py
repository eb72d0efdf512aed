"""Has somebody finished who paused? The features are Whisper's; the voice is the embedded one."""

from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import pytest

from onlooker.core.errors import BadSettings
from onlooker.core.media import AudioChunk
from onlooker.core.soundtrack import resampled
from onlooker.plugins.loader import load
from onlooker.plugins.transcriber import turn
from onlooker.plugins.transcriber.turn import LENGTH, RATE_HZ, SmartTurn, features

needs_runtime = pytest.mark.skipif(find_spec("onnxruntime") is None, reason="no onnxruntime")
Samples = npt.NDArray[np.float32]


def sweep(num_samples: int) -> Samples:
    times_s = np.arange(num_samples) / RATE_HZ
    made_N: Samples = (0.3 * np.sin(2 * np.pi * (200 + 300 * times_s) * times_s)).astype(np.float32)
    return made_N


@pytest.mark.skipif(find_spec("transformers") is None, reason="no reference to compare with")
@pytest.mark.parametrize("num_samples", [0, 20_000, LENGTH, LENGTH + 7_000])
def test_the_features_are_those_of_the_reference(num_samples: int) -> None:
    from transformers import WhisperFeatureExtractor

    samples_N = sweep(num_samples)
    last_N = samples_N[-LENGTH:]
    whole_N = np.concatenate([np.zeros(LENGTH - len(last_N), np.float32), last_N])
    reference = WhisperFeatureExtractor(chunk_length=8)(  # type: ignore[no-untyped-call]
        whole_N, sampling_rate=RATE_HZ, do_normalize=True, return_tensors="np"
    )
    expected = reference.input_features[0]
    assert features(samples_N).shape == expected.shape == (80, 800)
    assert features(samples_N) == pytest.approx(expected, abs=1e-3)


@needs_runtime
async def test_a_whole_question_is_complete_and_half_of_one_is_not() -> None:
    kind = load("voice", "hibari")
    voice = kind(kind.Settings())
    text = "Watch the dog and tell me if it goes near the pond."
    chunks = [chunk async for chunk in voice.say(text)]
    await voice.close()
    said_N = np.concatenate([chunk.samples_N for chunk in chunks])
    said_N = resampled(said_N, chunks[0].rate_hz, RATE_HZ)
    said_N = said_N[: np.flatnonzero(np.abs(said_N) > 0.02)[-1]]
    pause_N = np.zeros(RATE_HZ // 5, np.float32)

    def complete(part: float) -> float:
        heard_N = np.concatenate([said_N[: round(part * len(said_N))], pause_N])
        return SmartTurn().complete(AudioChunk("mic", 0.0, RATE_HZ, heard_N))

    assert complete(1.0) > 0.9
    assert complete(0.4) < 0.3


@needs_runtime
def test_sound_of_another_rate_and_damaged_weights_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValueError, match="16000 Hz, not 8000"):
        SmartTurn().complete(AudioChunk("mic", 0.0, 8_000, np.zeros(8_000, np.float32)))
    turn._engine.cache_clear()
    monkeypatch.setattr(turn, "_WEIGHTS", "SHA256SUMS")
    with pytest.raises(BadSettings, match="damaged"):
        SmartTurn()
