"""Session time: seconds since the session opened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol


class Clock(Protocol):
    """Tells session time and waits for it."""

    speed: float | None  # times the world's; None: as fast as the line goes, with no tick late

    def now_s(self) -> float:
        """Seconds since the session opened."""
        ...

    async def sleep_until(self, time_s: float) -> None:
        """Return once `now_s()` has reached `time_s`; at once if it has already."""
        ...


class SessionClock(Clock, Protocol):
    """The clock that a session's ticker waits on, and its sources keep pace with."""

    def follower(self) -> AbstractContextManager[Clock]:
        """Lend the clock to a source for as long as it plays."""
        ...


class WallClock:
    """Real time from the moment of its making, `speed` times as fast."""

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed={speed} must be above 0")
        self.speed: float | None = speed
        self._rate = speed
        self._start_s = time.monotonic()

    def now_s(self) -> float:
        return (time.monotonic() - self._start_s) * self._rate

    async def sleep_until(self, time_s: float) -> None:
        await asyncio.sleep(max(0.0, (time_s - self.now_s()) / self._rate))

    def follower(self) -> AbstractContextManager[Clock]:
        return nullcontext(self)


class MediaClock:
    """Time that jumps: files are read as fast as they can be decided on, with no tick late.

    The ticker's `sleep_until` moves time itself, from one follower's moment to the next. It returns
    when every one has delivered all that comes before the new time and sleeps again. So the same
    file gives the same ticks.
    """

    speed: float | None = None

    def __init__(self) -> None:
        self._now_s = 0.0
        self._num_followers = 0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self._changed = asyncio.Event()

    def now_s(self) -> float:
        return round(self._now_s, 6)

    async def sleep_until(self, time_s: float) -> None:
        await self._settle()
        if time_s <= self._now_s:
            return
        while (due_s := min((due_s for due_s, _ in self._sleepers), default=time_s)) < time_s:
            self._now_s = max(self._now_s, due_s)
            self._wake()
            await self._settle()
        # What happens exactly at the end of a tick belongs to the next.
        self._now_s = time_s

    @contextmanager
    def follower(self) -> Iterator[Clock]:
        self._num_followers += 1
        try:
            yield _Follower(self)
        finally:
            self._num_followers -= 1
            self._changed.set()

    async def follow_until(self, time_s: float) -> None:
        """Sleep as a follower: until the ticker has moved time to `time_s`."""
        if time_s <= self._now_s:
            return
        woken = asyncio.get_running_loop().create_future()
        sleeper = (time_s, woken)
        self._sleepers.append(sleeper)
        self._changed.set()
        try:
            await woken
        finally:
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)

    def _wake(self) -> None:
        due = [sleeper for sleeper in self._sleepers if sleeper[0] <= self._now_s]
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self._now_s]
        for _, woken in due:
            if not woken.done():
                woken.set_result(None)

    async def _settle(self) -> None:
        """Wait until every follower sleeps or has gone."""
        while len(self._sleepers) < self._num_followers:
            self._changed.clear()
            await self._changed.wait()


class _Follower:
    def __init__(self, clock: MediaClock) -> None:
        self._clock = clock
        self.speed = clock.speed

    def now_s(self) -> float:
        return self._clock.now_s()

    async def sleep_until(self, time_s: float) -> None:
        await self._clock.follow_until(time_s)
