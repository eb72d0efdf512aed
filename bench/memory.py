"""Does one session stay small for a whole day? Eight simulated hours, as fast as they go.

A synthetic camera, the JPEG codec, the `openai` model plug-in over real HTTP, a server that answers
at once from another process. Reports resident memory by the hour and its slope after the first.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator

import numpy as np
import psutil

from bench.report import report
from onlooker.core.clock import Clock, MediaClock
from onlooker.core.event import Decided, Event
from onlooker.core.media import Media, VideoFrame
from onlooker.core.ports import SourceTraits
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.codec.jpeg import JpegCodec
from onlooker.plugins.model.openai import OpenAIModel
from onlooker.testing.process import server_process

HOUR_TICKS = 3600


class Camera:
    """A fake camera: noise that no two seconds share, cheap enough for a day of them."""

    traits = SourceTraits(is_live=False, is_camera=False)
    trouble = ""

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        random = np.random.default_rng(0)
        coarse_HWC = random.integers(0, 255, (24, 32, 3), np.uint8)
        second = 0
        while True:
            await clock.sleep_until(second + 0.5)
            coarse_HWC = np.roll(coarse_HWC, second % 7 + 1, axis=1)
            pixels_HWC = coarse_HWC.repeat(20, axis=0).repeat(20, axis=1)
            yield VideoFrame(stream, second + 0.5, pixels_HWC)
            second += 1

    async def close(self) -> None:
        pass


class Meter:
    """A sink that reads the process's memory four times an hour."""

    def __init__(self) -> None:
        self.hours: list[float] = []
        self.rss_mib: list[float] = []
        self.sent_bytes = 0
        self._process = psutil.Process()

    async def accept(self, event: Event) -> None:
        if not isinstance(event, Decided) or event.tick is None:
            return
        self.sent_bytes += event.usage.sent_bytes or 0
        if (event.tick + 1) % (HOUR_TICKS // 4) == 0:
            self.hours.append((event.tick + 1) / HOUR_TICKS)
            self.rss_mib.append(self._process.memory_info().rss / 2**20)

    async def close(self) -> None:
        pass


async def watch(url: str, hours: float) -> tuple[Meter, float]:
    """Run the session; give the meter and the seconds that it took."""
    meter = Meter()
    model = OpenAIModel(OpenAIModel.Settings(url=url, name="instant", cached_media="on"))
    parts = Parts(
        sources={"camera": Camera()},
        codec=JpegCodec(JpegCodec.Settings()),
        model=model,
        sinks={"meter": meter},
    )
    began_s = time.perf_counter()
    session = Session(parts, LiveSettings(), MediaClock(), max_ticks=int(hours * HOUR_TICKS))
    session.instruct("tell me when somebody comes in")
    closed = await session.run()
    assert closed.num_failed == 0, closed
    return meter, time.perf_counter() - began_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=8.0)
    hours = parser.parse_args().hours
    with server_process("instant") as url:
        meter, took_s = asyncio.run(watch(url, hours))
    hour_N, rss_N = np.asarray(meter.hours), np.asarray(meter.rss_mib)
    settled = hour_N >= 1
    slope = np.polyfit(hour_N[settled], rss_N[settled], 1)[0] if settled.sum() > 1 else np.nan
    report(
        "memory",
        hours=hours,
        rss_mib_by_quarter=[round(rss, 1) for rss in meter.rss_mib],
        slope_mib_per_hour=round(float(slope), 3),
        sent_mb_per_hour=round(meter.sent_bytes / hours / 1e6, 1),
        took_s=round(took_s),
    )


if __name__ == "__main__":
    main()
