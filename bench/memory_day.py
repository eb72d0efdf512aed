"""Does memory stay small for a whole day of talk? Simulated hours at one tick a second.

A perception that sees somebody come and go every few seconds, a model that talks every ten, a user
who asks about the past every minute, the `sqlite` memory with words and meaning, the extractive
summary. Reports prompt tokens, resident memory, tick time and the size of the site by the hour, and
how the last hour's processor time a tick compares with the first's.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import psutil

from bench.report import report
from onlooker.core.clock import Clock, MediaClock
from onlooker.core.decision import Silent, Speak
from onlooker.core.event import Event, Failed
from onlooker.core.media import Media, VideoFrame
from onlooker.core.memory import estimate_tokens
from onlooker.core.moment import Observation
from onlooker.core.percept import Box, Scene, SceneObject, View
from onlooker.core.ports import ModelTraits, Outcome, Say, SourceTraits
from onlooker.core.prompt import Prompt
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.codec.jpeg import JpegCodec
from onlooker.plugins.memory.site import Meaning
from onlooker.plugins.memory.sqlite import SqliteMemory, SqliteSettings

LABELS = ("person", "dog", "car", "bicycle", "cat")
ASKED = "when did you last see a vehicle or an animal?"


class Camera:
    """A fake camera: another grey each second."""

    traits = SourceTraits(is_live=False, is_camera=False)
    trouble = ""

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        second = 0
        while True:
            await clock.sleep_until(second + 0.5)
            yield VideoFrame(stream, second + 0.5, np.full((120, 160, 3), second % 251, np.uint8))
            second += 1

    async def close(self) -> None:
        pass


class Passers:
    """A fake perception: somebody comes every four seconds and leaves three later."""

    async def open(self) -> Passers:
        return self

    async def look(self, observation: Observation) -> Scene:
        tick = observation.tick
        came, went = tick.index % 4 == 0, tick.index % 4 == 3
        number = tick.index // 4
        box = Box(number % 7 / 10, 0.3, number % 7 / 10 + 0.2, 0.6)
        thing = SceneObject(LABELS[number % 5], number, box, 0.9, tick.start_s)
        view = View(
            "door",
            tick.start_s,
            objects=() if went else (thing,),
            entered=(thing,) if came else (),
            left=(thing,) if went else (),
        )
        return Scene((view,))

    async def close(self) -> None:
        pass


class Meter:
    """A talkative fake model that measures what it is given, and when. A sink, too."""

    traits = ModelTraits(name="meter", reads=("scene",))

    def __init__(self, folder: Path, hours: int, meaning: Meaning) -> None:
        self.session: Session | None = None
        self.num_failed = 0
        self._folder = folder
        self._hours = hours
        self._meaning = meaning
        self._process = psutil.Process()
        self._last_s = time.perf_counter()
        self._laps_ms: list[float] = []
        self._cpu_s = time.process_time()
        self._hours_told: list[tuple[float, float]] = []  # ms of CPU a tick, MiB resident
        self._memory_tokens = self._all_tokens = self._num_recalled = 0

    async def open(self) -> Meter:
        return self

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        tick = prompt.now.tick.index
        now_s = time.perf_counter()
        self._laps_ms.append((now_s - self._last_s) * 1e3)
        self._last_s = now_s
        self._memory_tokens = max(self._memory_tokens, sum(map(estimate_tokens, prompt.memory)))
        self._num_recalled += bool(prompt.now.recalled)
        if tick % 10 == 9:
            words = [text for turn in prompt.turns for text in turn.recalled]
            words += [*prompt.memory, *(exchange.text for exchange in prompt.exchanges)]
            self._all_tokens = max(self._all_tokens, sum(map(estimate_tokens, words)))
        if self.session and tick % 60 == 59:
            self.session.hear(ASKED)
        if (tick + 1) % 3600 == 0:
            self._report((tick + 1) // 3600)
        return Outcome(Speak(f"Here is remark {tick} of many.") if tick % 10 == 0 else Silent())

    async def accept(self, event: Event) -> None:
        self.num_failed += isinstance(event, Failed)

    async def close(self) -> None:
        pass

    def _report(self, hour: int) -> None:
        laps_ms = sorted(self._laps_ms)
        size = sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())
        cpu_s, self._cpu_s = self._cpu_s, time.process_time()
        cpu_ms = (self._cpu_s - cpu_s) / 3.6
        rss_mib = self._process.memory_info().rss / 2**20
        self._hours_told.append((cpu_ms, rss_mib))
        report(
            "memory_day",
            hour=hour,
            meaning=self._meaning,
            rss_mib=round(rss_mib, 1),
            cpu_ms_per_tick=round(cpu_ms, 3),
            memory_tokens_max=self._memory_tokens,
            past_tokens_max=self._all_tokens,
            recalled=self._num_recalled,
            tick_p50_ms=round(laps_ms[len(laps_ms) // 2], 2),
            tick_p99_ms=round(laps_ms[int(len(laps_ms) * 0.99)], 2),
            tick_max_ms=round(laps_ms[-1], 1),
            site_mib=round(size / 2**20, 1),
            failures=self.num_failed,
        )
        self._laps_ms.clear()
        if hour == self._hours and hour > 1:
            (first_ms, first_mib), (last_ms, last_mib) = self._hours_told[0], self._hours_told[-1]
            report(
                "memory_day",
                hour="all",
                meaning=self._meaning,
                last_to_first_hour_cpu=round(last_ms / first_ms, 3),
                rss_mib_per_hour=round((last_mib - first_mib) / (hour - 1), 3),
            )
        self._memory_tokens = self._all_tokens = self._num_recalled = 0


async def watch(folder: Path, hours: int, max_picture_mib: float, meaning: Meaning) -> None:
    meter = Meter(folder, hours, meaning)
    settings = SqliteSettings(folder=folder, max_picture_mib=max_picture_mib, meaning=meaning)
    memory = SqliteMemory(settings)
    parts = Parts(
        {"door": Camera()},
        meter,
        codec=JpegCodec(JpegCodec.Settings()),
        perception=Passers(),
        memory=memory,
        sinks={"meter": meter},
    )
    meter.session = Session(parts, LiveSettings(), MediaClock(), max_ticks=hours * 3600)
    meter.session.instruct("tell me about dogs")
    await meter.session.run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--max-picture-mib", type=float, default=8.0)
    parser.add_argument("--meaning", choices=("on", "off"), default="on")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(watch(Path(scratch), given.hours, given.max_picture_mib, given.meaning))


if __name__ == "__main__":
    main()
