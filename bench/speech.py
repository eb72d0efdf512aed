"""What do voices and ears cost, and how well are they understood? One JSON line each.

python -m bench.speech
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import numpy as np
import psutil

from bench.report import report
from onlooker.core.media import AudioChunk
from onlooker.plugins.loader import load
from onlooker.plugins.transcriber.activity import Activity

TEXTS = (
    "The pot on the stove boils over.",
    "How many people are standing at the front door right now?",
    "Tell me when the red car leaves the parking lot.",
    "Somebody left a parcel behind the green bicycle.",
    "Please translate the sign above the entrance.",
    "The blue team has just scored its second goal.",
)


def percentiles(laps_s: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(np.array(laps_s) * 1000, [50, 95])
    return {"p50_ms": round(float(p50), 1), "p95_ms": round(float(p95), 1)}


def words(text: str) -> list[str]:
    return re.sub(r"[^a-z0-9' ]", " ", text.lower()).split()


def errors(said: list[str], heard: list[str]) -> int:
    """Count the words to change, leave out or put in."""
    row = list(range(len(heard) + 1))
    for index, word in enumerate(said, 1):
        before, row[0] = row[0], index
        for at, other in enumerate(heard, 1):
            least = min(row[at] + 1, row[at - 1] + 1, before + (word != other))
            before, row[at] = row[at], least
    return row[-1]


async def spoken_by(voice: Any) -> tuple[list[list[AudioChunk]], list[float], float]:
    firsts_s, took_s, said = [], 0.0, []
    async for _ in voice.say("Hello there."):
        pass
    for text in TEXTS:
        began_s, chunks = time.perf_counter(), list[AudioChunk]()
        async for chunk in voice.say(text):
            if not chunks:
                firsts_s.append(time.perf_counter() - began_s)
            chunks.append(chunk)
        took_s += time.perf_counter() - began_s
        said.append(chunks)
    return said, firsts_s, took_s


async def main() -> None:
    kind = load("transcriber", "moonshine")
    ears = kind(kind.Settings(partial_every_s=0))
    for name in ("hibari", "espeak"):
        voice_kind = load("voice", name)
        voice = voice_kind(voice_kind.Settings())
        said, firsts_s, took_s = await spoken_by(voice)
        await voice.close()
        sound_s = sum(chunk.duration_s for chunks in said for chunk in chunks)
        rtf = round(took_s / sound_s, 4)
        report("speech", part="voice", name=name, rtf=rtf, first_chunk=percentiles(firsts_s))
        laps_s, num_wrong, heard_s = list[float](), 0, 0.0
        for text, chunks in zip(TEXTS, said, strict=True):
            activity, windows = Activity(), list[AudioChunk]()
            for chunk in chunks:
                for window, _ in activity.hear(chunk):
                    windows.append(window)

            async def speech(windows: list[AudioChunk] = windows) -> Any:
                for window in windows:
                    yield window

            began_s = time.perf_counter()
            heard = [transcript async for transcript in ears.hear(speech())]
            laps_s.append(time.perf_counter() - began_s)
            heard_s += laps_s[-1]
            num_wrong += errors(words(text), words(heard[-1].text))
        num_words = sum(len(words(text)) for text in TEXTS)
        row = {"wer": round(num_wrong / num_words, 3), "rtf": round(heard_s / sound_s, 3)}
        report("speech", part="moonshine", voice=name, **row, final=percentiles(laps_s[1:]))
    await ears.close()
    activity, costs_s = Activity(), list[float]()
    for index in range(2000):
        window = AudioChunk("mic", index * 0.032, 16_000, np.zeros(512, np.float32))
        began_s = time.perf_counter()
        list(activity.hear(window))
        costs_s.append(time.perf_counter() - began_s)
    memory_mib = psutil.Process().memory_info().rss >> 20
    report("speech", part="activity", window=percentiles(costs_s), memory_mib=memory_mib)


if __name__ == "__main__":
    asyncio.run(main())
