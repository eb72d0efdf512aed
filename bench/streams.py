"""Do one dead and one mute camera among four disturb the other two?

Two RTSP cameras on loopback film 10 pictures a second, and two addresses never give one: at one
connections are refused, at the other they are taken and never answered. In the middle of the run
one camera freezes and the other is covered. Reported are how late the ticks of the session come,
how far apart they are from a second, and the seconds from each fault to its event.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
from itertools import pairwise
from time import perf_counter

import numpy as np
import numpy.typing as npt

from bench.report import report
from onlooker.core.clock import WallClock
from onlooker.core.event import Decided, Event, Observed, StreamHealth
from onlooker.core.ports import Source
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.source.network import NetworkSource
from onlooker.testing.doubles import NoPictures, ScriptedModel
from onlooker.testing.rtsp import RtspCamera

WARM_UP = 3  # ticks, while the cameras connect

SCENE = (
    np.random.default_rng(0).integers(40, 220, (24, 32, 3), np.uint8).repeat(20, 0).repeat(20, 1)
)


def moving(index: int) -> npt.NDArray[np.uint8]:
    return np.roll(SCENE, 8 * index, axis=1)


class Stopwatch:
    """A sink that notes when events come."""

    def __init__(self, clock: WallClock) -> None:
        self._clock = clock
        self.events: list[tuple[float, Event]] = []

    async def accept(self, event: Event) -> None:
        self.events.append((self._clock.now_s(), event))

    async def close(self) -> None:
        pass

    def health_s(self, stream: str, state: str) -> float:
        return next(
            event.time_s
            for _, event in self.events
            if isinstance(event, StreamHealth) and (event.stream, event.state) == (stream, state)
        )

    @property
    def lateness_ms(self) -> list[float]:
        """From the end of each tick to its observation."""
        late = [
            1e3 * (at - event.time_s) for at, event in self.events if isinstance(event, Observed)
        ]
        return late[WARM_UP:]


async def measure(seconds: int) -> dict[str, object]:
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        socket.create_server(("127.0.0.1", 0)) as dead,
    ):
        mute_port, dead_port = (port.getsockname()[1] for port in (mute, dead))
        dead.close()
        async with RtspCamera(moving) as freezing, RtspCamera(moving) as covered:
            addresses = {
                "freezing": freezing.url,
                "covered": covered.url,
                "mute": f"rtsp://127.0.0.1:{mute_port}/live",
                "dead": f"rtsp://127.0.0.1:{dead_port}/live",
            }
            settings = NetworkSource.Settings.model_validate({"sample_hz": 10})
            sources: dict[str, Source] = {
                name: NetworkSource(url, settings) for name, url in addresses.items()
            }
            clock = WallClock()
            stopwatch = Stopwatch(clock)
            parts = Parts(
                sources, ScriptedModel(), codec=NoPictures(), sinks={"stopwatch": stopwatch}
            )
            session = Session(parts, LiveSettings(), clock, max_ticks=seconds)
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(session.run())
                await clock.sleep_until(seconds / 2)
                fault_s = clock.now_s()
                freezing.picture = lambda _: SCENE
                covered.picture = lambda _: np.zeros_like(SCENE)
                await running
    late_ms = sorted(stopwatch.lateness_ms)
    ticks = [at for at, event in stopwatch.events if isinstance(event, Decided)][WARM_UP:]
    gaps_ms = [1e3 * abs(after - before - 1) for before, after in pairwise(ticks)]
    return {
        "ticks": len(late_ms),
        "tick_late_p50_ms": round(late_ms[len(late_ms) // 2], 2),
        "tick_late_max_ms": round(late_ms[-1], 2),
        "tick_jitter_max_ms": round(max(gaps_ms), 2),
        "mute_to_lost_s": round(stopwatch.health_s("mute", "lost"), 2),
        "dead_to_lost_s": round(stopwatch.health_s("dead", "lost"), 2),
        "frozen_after_s": round(stopwatch.health_s("freezing", "frozen") - fault_s, 2),
        "dark_after_s": round(stopwatch.health_s("covered", "dark") - fault_s, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20)
    seconds = parser.parse_args().seconds
    began_s = perf_counter()
    figures = asyncio.run(measure(seconds))
    cpu_s = sum(os.times()[:2])
    report("streams", **figures, cpu_percent=round(100 * cpu_s / (perf_counter() - began_s)))


if __name__ == "__main__":
    main()
