"""Does an hour of hearing and speaking stay small, and in time? One JSON line.

python -m bench.speech_hour [--minutes 60]

Media time, so that an hour takes minutes: a question every 20 s over soft noise, answered aloud by
the embedded voice, heard by the embedded ears, all of it recorded. Drift is how much later against
the true moment speech is found, and recorded, at the end than at the beginning.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import psutil

from bench.report import report
from bench.speech import TEXTS, errors, words
from bench.speech_turn import Answering, rendered
from onlooker.core.clock import Clock, MediaClock
from onlooker.core.event import Decided, Event, Heard, VoiceEnded, VoiceStarted
from onlooker.core.media import AudioChunk, Media
from onlooker.core.ports import SourceTraits
from onlooker.live.ears import Ears
from onlooker.live.floor import FloorSettings
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.live.speech import SpeechParts
from onlooker.plugins.loader import load
from onlooker.plugins.sink.recorder import RecorderSettings, RecorderSink
from onlooker.plugins.transcriber.activity import Activity
from onlooker.plugins.transcriber.turn import SmartTurn
from onlooker.testing.doubles import FrameSource, NoPictures, grey

RATE_HZ = 16_000
CHUNK_S = 0.128
EVERY_S = 20.0
ASKED_S = 5.0  # in each of these stretches


class Asking:
    """A microphone: noise, and a question in every stretch."""

    traits = SourceTraits(is_live=False, is_camera=False)
    trouble = ""

    def __init__(self, questions: Sequence[npt.NDArray[np.float32]], length_s: float) -> None:
        self._length_s = length_s
        chance = np.random.default_rng(0)
        size = round(EVERY_S * RATE_HZ)
        self._stretches = []
        for question in questions:
            stretch_N = chance.normal(0, 0.002, size).astype(np.float32)
            begin = round(ASKED_S * RATE_HZ)
            stretch_N[begin : begin + len(question)] += question
            self._stretches.append(stretch_N)

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        size, start = round(CHUNK_S * RATE_HZ), 0
        while start < self._length_s * RATE_HZ:
            number, at = divmod(start, len(self._stretches[0]))
            samples_N = self._stretches[number % len(self._stretches)][at : at + size]
            start_s, start = start / RATE_HZ, start + len(samples_N)
            await clock.sleep_until(start / RATE_HZ)
            yield AudioChunk(stream, start_s, RATE_HZ, samples_N)

    async def close(self) -> None:
        pass


class Keeper:
    """A sink that keeps what counts, and how much memory there is in use each minute."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.late_s: list[float] = []
        self.rss_mib: list[float] = []
        self.num_spoken = 0
        self._decided_s = 0.0

    async def accept(self, event: Event) -> None:
        if event.time_s >= 60 * (len(self.rss_mib) + 1):
            self.rss_mib.append(psutil.Process().memory_info().rss / 2**20)
        match event:
            case Heard():
                self.heard.append(event)
            case Decided():
                self._decided_s = event.time_s
            case VoiceStarted():
                self.late_s.append(event.time_s - self._decided_s)
            case VoiceEnded(why="done"):
                self.num_spoken += 1

    async def close(self) -> None:
        pass


def onsets_s(path: Path) -> list[float]:
    """Tell when each stretch's question begins in a recorded track."""
    found: list[float] = []
    num_read, last_s = 0, -10.0
    with av.open(str(path)) as opened:
        for frame in opened.decode(audio=0):
            samples_N = frame.to_ndarray()[0]
            at = np.flatnonzero(np.abs(samples_N) > 0.05)
            if len(at):
                if (num_read + at[0]) / frame.sample_rate - last_s > 5:
                    found.append((num_read + at[0]) / frame.sample_rate)
                last_s = (num_read + at[-1]) / frame.sample_rate
            num_read += frame.samples
    return found


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*.opus")) / 1e6


def drift_ms(off_s: Sequence[float]) -> float:
    """Compare the middle of the first tenth with that of the last."""
    tenth = max(3, len(off_s) // 10)
    return round(1000 * float(np.median(off_s[-tenth:]) - np.median(off_s[:tenth])), 1)


async def main(num_minutes: int) -> None:
    voice_kind, ears_kind = load("voice", "hibari"), load("transcriber", "moonshine")
    voice, ears = voice_kind(voice_kind.Settings()), ears_kind(ears_kind.Settings())
    questions = [await rendered(voice, text) for text in TEXTS]
    length_s, keeper = 60.0 * num_minutes, Keeper()
    with tempfile.TemporaryDirectory() as folder:
        recorder = RecorderSink(RecorderSettings(folder=Path(folder) / "hour"))
        source = FrameSource((grey(index % 200) for index in range(round(length_s))), rate_hz=1.0)
        speech = SpeechParts(
            voice=voice,
            ears=Ears(ears, Activity, turns=SmartTurn()),
            microphone=Asking(questions, length_s),
            floor=FloorSettings(is_full_duplex=True),
        )
        sinks: dict[str, Any] = {"keeper": keeper, "recorder": recorder}
        parts = Parts({"pot": source}, Answering(), codec=NoPictures(), speech=speech, sinks=sinks)
        began_s, cpu_s = time.perf_counter(), sum(psutil.Process().cpu_times()[:2])
        await Session(parts, LiveSettings(), MediaClock()).run()
        took_s = time.perf_counter() - began_s
        cpu_s = sum(psutil.Process().cpu_times()[:2]) - cpu_s
        track = onsets_s(Path(folder) / "hour" / "microphone.opus")
        kept_mb = size_mb(Path(folder))
    tell(keeper, track, num_minutes, (took_s, cpu_s, kept_mb))


def tell(
    keeper: Keeper, track: list[float], num_minutes: int, cost: tuple[float, float, float]
) -> None:
    num_asked = round(60 * num_minutes / EVERY_S)
    texts = [TEXTS[round((heard.start_s - ASKED_S) / EVERY_S) % 6] for heard in keeper.heard]
    num_wrong = sum(
        errors(words(text), words(heard.text))
        for text, heard in zip(texts, keeper.heard, strict=True)
    )
    rss_mib = keeper.rss_mib
    half = len(rss_mib) // 2
    slope = np.polyfit(np.arange(half, len(rss_mib)), rss_mib[half:], 1)[0] if half > 1 else 0.0
    report(
        "speech_hour",
        minutes=num_minutes,
        num_asked=num_asked,
        num_heard=sum(bool(heard.text) for heard in keeper.heard),
        num_false=sum(not heard.text for heard in keeper.heard),
        num_spoken=keeper.num_spoken,
        wer=round(num_wrong / max(1, sum(len(words(text)) for text in texts)), 3),
        rss_first_mib=round(rss_mib[min(9, len(rss_mib) - 1)]),
        rss_last_mib=round(rss_mib[-1]),
        rss_slope_mib_per_hour=round(60 * float(slope), 2),
        hearing_drift_ms=drift_ms([heard.start_s % EVERY_S - ASKED_S for heard in keeper.heard]),
        recorded_drift_ms=drift_ms([at_s % EVERY_S - ASKED_S for at_s in track]),
        speaking_drift_ms=drift_ms(keeper.late_s),
        recorded_mb=round(cost[2], 1),
        cpu_s=round(cost[1]),
        took_s=round(cost[0]),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=int, default=60)
    asyncio.run(main(parser.parse_args().minutes))
