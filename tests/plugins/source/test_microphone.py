"""Microphones: a program that records, and files in its place."""

import sys
import wave
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from onlooker.core.clock import WallClock
from onlooker.core.errors import SourceFailed
from onlooker.core.media import AudioChunk
from onlooker.plugins.loader import load
from onlooker.plugins.source.microphone import MicrophoneSource, SoundFileSource

Samples = list[AudioChunk]


async def taken(source: MicrophoneSource | SoundFileSource, number: int = 10**6) -> Samples:
    clock = WallClock(speed=1e6 if isinstance(source, SoundFileSource) else 1)
    chunks: Samples = []
    async with aclosing(source.frames("microphone", clock)) as heard:  # type: ignore[type-var]
        async for media in heard:
            assert isinstance(media, AudioChunk)
            chunks.append(media)
            if len(chunks) == number:
                break
    return chunks


def written(path: Path, rate_hz: int, num_channels: int, seconds: float = 1.0) -> Path:
    times_s = np.arange(round(seconds * rate_hz)) / rate_hz
    tone_N = np.rint(16000 * np.sin(2 * np.pi * 440 * times_s)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(num_channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.repeat(tone_N[:, None], num_channels, axis=1).tobytes())
    return path


def file_source(path: Path, **settings: float) -> SoundFileSource:
    return SoundFileSource(f"sound:{path}", SoundFileSource.Settings.model_validate(settings))


@pytest.mark.parametrize(("rate_hz", "num_channels"), [(8000, 1), (16000, 1), (44100, 2)])
async def test_any_rate_and_channels_become_16_khz_mono(
    tmp_path: Path, rate_hz: int, num_channels: int
) -> None:
    source = file_source(written(tmp_path / "a.wav", rate_hz, num_channels), delay_s=2.0)
    chunks = await taken(source)
    whole_N = np.concatenate([chunk.samples_N for chunk in chunks])
    assert {chunk.rate_hz for chunk in chunks} == {16_000}
    assert len(whole_N) == pytest.approx(16_000, abs=200)
    assert chunks[0].start_s == 2.0
    assert 0.3 < np.abs(whole_N).max() < 0.7
    crossings = np.count_nonzero(np.diff(np.signbit(whole_N)))
    assert crossings == pytest.approx(880, abs=12)


async def test_a_file_without_sound_or_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("RIFFnothing of the kind")
    for path in (tmp_path / "text.wav", tmp_path / "missing.wav"):
        with pytest.raises(SourceFailed, match="name a WAV"):
            await taken(file_source(path))


def test_they_are_found_by_their_schemes() -> None:
    assert load("source", "microphone") is MicrophoneSource
    assert load("source", "sound") is SoundFileSource


def microphone(tmp_path: Path, body: str, **settings: float) -> MicrophoneSource:
    script = tmp_path / "record.py"
    script.write_text(f"import sys, time, pathlib\nout = pathlib.Path({str(tmp_path)!r})\n{body}")
    given = {"command": (sys.executable, str(script)), "retry_s": 0.01, **settings}
    return MicrophoneSource("microphone:", MicrophoneSource.Settings.model_validate(given))


async def test_a_microphone_is_heard_in_chunks_of_32_ms(tmp_path: Path) -> None:
    body = "sys.stdout.buffer.write(b'\\x00\\x40' * 5120); sys.stdout.flush(); time.sleep(30)"
    chunks = await taken(microphone(tmp_path, body), 10)
    assert {len(chunk.samples_N) for chunk in chunks} == {512}
    assert float(chunks[0].samples_N[0]) == 0.5


async def test_a_microphone_that_disappears_is_waited_for(tmp_path: Path) -> None:
    source = microphone(tmp_path, "sys.stdout.buffer.write(b'\\0' * 2048)")
    assert len(await taken(source, 5)) == 5


async def test_a_microphone_that_never_gives_a_sample_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match="see that a microphone is there"):
        await taken(microphone(tmp_path, "sys.exit(1)"))
    with pytest.raises(SourceFailed, match="no sample came"):
        await taken(microphone(tmp_path, "time.sleep(30)", mute_s=0.2))
