"""How often is speech missed, and how often found where there is none? One JSON line a background.

python -m bench.speech_activity [--minutes 3] [--human clip.wav --text "what is said in it"]

Every 6 s a sentence of the embedded voice begins over the background. `--human` says as well how a
recording of a person is understood; none ships with us.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from bench.report import report
from bench.speech import TEXTS, errors, words
from bench.speech_turn import rendered
from onlooker.core.media import AudioChunk
from onlooker.live.segmenter import Segmenter, SegmenterSettings, SpeechStarted
from onlooker.plugins.loader import load
from onlooker.plugins.transcriber.activity import Activity

RATE_HZ = 16_000
EVERY_S = 6.0
LEVEL = 0.1  # RMS of speech
Samples = npt.NDArray[np.float32]


def music(num: int, chance: np.random.Generator) -> Samples:
    """Chords of four notes with overtones, each struck and dying away, and a drum on the beat."""
    times_s = np.arange(num) / RATE_HZ
    sound_N = np.zeros(num)
    beat_s = 0.5
    for beat in range(int(num / RATE_HZ / beat_s)):
        begin = round(beat * beat_s * RATE_HZ)
        along_s = times_s[: min(RATE_HZ, num - begin)]
        for note in chance.choice([0, 2, 4, 5, 7, 9, 11, 12], 4):
            pitch_hz = 220 * 2 ** (note / 12)
            for overtone in (1, 2, 3):
                wave_N = np.sin(2 * np.pi * pitch_hz * overtone * along_s) / overtone
                sound_N[begin : begin + len(along_s)] += wave_N * np.exp(-3 * along_s)
        drum_N = chance.normal(0, 1, len(along_s)) * np.exp(-30 * along_s)
        sound_N[begin : begin + len(along_s)] += 2 * drum_N
    return scaled(sound_N, LEVEL)


def scaled(sound_N: npt.NDArray[np.float64], rms: float) -> Samples:
    loud = sound_N[np.abs(sound_N) > 1e-3]
    made_N: Samples = (sound_N * (rms / np.sqrt(np.mean(loud**2)))).astype(np.float32)
    return made_N


def started_s(sound_N: Samples) -> list[float]:
    """Tell when speech is found to begin."""
    activity, segmenter, found = Activity(), Segmenter(SegmenterSettings()), list[float]()
    for begin in range(0, len(sound_N), 4096):
        chunk = AudioChunk("mic", begin / RATE_HZ, RATE_HZ, sound_N[begin : begin + 4096])
        for window, probability in activity.hear(chunk):
            news = segmenter.hear(window, probability)
            found += [item.time_s for item in news if isinstance(item, SpeechStarted)]
    return found


def judge(name: str, background_N: Samples, spoken: list[Samples]) -> None:
    minutes = len(background_N) / RATE_HZ / 60
    num_false = len(started_s(background_N))
    sound_N, spans_s = background_N.copy(), list[tuple[float, float]]()
    for index, begin_s in enumerate(np.arange(1.0, minutes * 60 - EVERY_S, EVERY_S)):
        speech_N = spoken[index % len(spoken)]
        begin = round(begin_s * RATE_HZ)
        sound_N[begin : begin + len(speech_N)] += speech_N
        spans_s.append((begin_s, begin_s + len(speech_N) / RATE_HZ))
    found_s = started_s(np.clip(sound_N, -1, 1))
    num_missed = sum(not any(a - 0.3 <= at <= b for at in found_s) for a, b in spans_s)
    report(
        "speech_activity",
        background=name,
        minutes=round(minutes, 1),
        num_sentences=len(spans_s),
        num_missed=num_missed,
        false_per_hour=round(num_false / minutes * 60, 1),
    )


async def human(path: Path, text: str) -> None:
    """Say how a recording of a person is understood."""
    kind = load("transcriber", "moonshine")
    ears = kind(kind.Settings(partial_every_s=0))
    resampler, parts = av.AudioResampler("flt", "mono", RATE_HZ), list[Samples]()
    with av.open(str(path)) as opened:
        for frame in opened.decode(audio=0):
            frame.pts = None
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
    sound_N = np.concatenate(parts)

    async def speech() -> AsyncIterator[AudioChunk]:
        yield AudioChunk("mic", 0.0, RATE_HZ, sound_N)

    heard = [transcript.text async for transcript in ears.hear(speech())][-1]
    await ears.close()
    num_wrong = errors(words(text), words(heard))
    wer = round(num_wrong / len(words(text)), 3)
    seconds = round(len(sound_N) / RATE_HZ, 1)
    report("speech_activity", human=path.name, seconds=seconds, wer=wer, num_words=len(words(text)))
    print(heard)


async def main(options: argparse.Namespace) -> None:
    if options.human:
        await human(options.human, options.text)
        return
    kind = load("voice", "hibari")
    voice = kind(kind.Settings())
    spoken = [scaled((await rendered(voice, text)).astype(float), LEVEL) for text in TEXTS]
    await voice.close()
    chance, num = np.random.default_rng(0), round(options.minutes * 60 * RATE_HZ)
    backgrounds: tuple[tuple[str, Samples], ...] = (
        ("silence", np.zeros(num, np.float32)),
        ("noise, 20 dB below speech", chance.normal(0, LEVEL / 10, num).astype(np.float32)),
        ("noise, 6 dB below speech", chance.normal(0, LEVEL / 2, num).astype(np.float32)),
        ("music, 12 dB below speech", (music(num, chance) / 4).astype(np.float32)),
        ("music, as loud as speech", music(num, chance)),
    )
    for name, sound_N in backgrounds:
        judge(name, sound_N, spoken)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--human", type=Path)
    parser.add_argument("--text", default="")
    asyncio.run(main(parser.parse_args()))
