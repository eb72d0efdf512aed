"""A session whose time is told by its requests: each one is a tick."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from onlooker.core.clock import Clock
from onlooker.core.media import Media, VideoFrame
from onlooker.core.moment import Tick
from onlooker.core.ports import SourceTraits
from onlooker.server.push import PictureLimits, decode

MAX_FRAMES = 32  # of one request
MAX_JUMP_TICKS = 86_400  # a longer gap counts as so many


class RequestClock:
    """Time that stands still until a request moves it."""

    speed: float | None = 1.0  # nothing waits for a brain: its answers come when they come

    def __init__(self) -> None:
        self._now_s = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now_s(self) -> float:
        return self._now_s

    def advance_to(self, time_s: float) -> None:
        """Move time, never back."""
        self._now_s = max(self._now_s, time_s)
        due = [sleeper for sleeper in self._sleepers if sleeper[0] <= self._now_s]
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self._now_s]
        for _, woken in due:
            if not woken.done():
                woken.set_result(None)

    async def sleep_until(self, time_s: float) -> None:
        if time_s <= self._now_s:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sleeper = (time_s, woken)
        self._sleepers.append(sleeper)
        try:
            await woken
        finally:
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)

    def follower(self) -> AbstractContextManager[Clock]:
        return nullcontext(self)


class RequestTicker:
    """Yields a tick for each request; its span is what the request says, made to go forward."""

    def __init__(self, clock: RequestClock, period_s: float) -> None:
        self._clock = clock
        self._period_s = period_s
        self._asked: asyncio.Queue[Tick] = asyncio.Queue()
        self._offset_s: float | None = None  # from the client's times to ours
        self._last_index = -1
        self._last_end_s = 0.0

    def span(self, start_s: float | None, end_s: float | None) -> Tick:
        """Make the next tick of a request's time; none given: it follows the last at once.

        A client that goes back in time begins anew: its time is laid behind ours.
        """
        period_s, last_end_s = self._period_s, self._last_end_s
        if start_s is None:
            start_s, end_s = last_end_s, last_end_s + period_s
            self._offset_s = self._offset_s or 0.0
        else:
            end_s = end_s if end_s is not None and end_s > start_s else start_s + period_s
            if self._offset_s is None or start_s + self._offset_s < last_end_s - 1e-6:
                # Session time begins where the client's does, unless that is the time of day.
                is_first, is_small = self._last_index < 0, start_s < MAX_JUMP_TICKS
                self._offset_s = 0.0 if is_first and is_small else last_end_s - start_s
            start_s, end_s = start_s + self._offset_s, end_s + self._offset_s
        gap = int((start_s - last_end_s) / period_s + 1e-6) if self._last_index >= 0 else 0
        tick = Tick(
            self._last_index + 1 + min(max(gap, 0), MAX_JUMP_TICKS),
            start_s=start_s,
            end_s=max(end_s, start_s + 1e-3),
        )
        self._last_index, self._last_end_s = tick.index, tick.end_s
        return tick

    def ask(self, tick: Tick) -> None:
        """Let the session decide on a tick now."""
        self._clock.advance_to(tick.end_s)
        self._asked.put_nowait(tick)

    async def __call__(self, _clock: Clock, _period_s: float) -> AsyncIterator[Tick]:
        while True:
            yield await self._asked.get()


@dataclass(frozen=True, slots=True)
class Given:
    """A picture of a request."""

    image: bytes
    time_s: float  # session time


class GivenSource:
    """Hands the pictures of each request to the session, and says when they are there."""

    traits = SourceTraits(is_live=True, is_camera=False)
    trouble = "no request brings a picture"

    def __init__(self, limits: PictureLimits) -> None:
        self._limits = limits
        self._frames: deque[VideoFrame] = deque()
        self._came = asyncio.Event()
        self._taken = asyncio.Event()
        self._is_closed = False

    async def give(self, stream: str, given: Sequence[Given]) -> None:
        """Decode pictures and wait until the session has them.

        Raises:
            BadPicture: one cannot be decoded; none is given then.
        """
        if not given:
            return

        def decoded() -> Iterator[VideoFrame]:
            for each in given:
                yield VideoFrame(stream, each.time_s, decode(each.image, self._limits))

        self._frames.extend(await asyncio.to_thread(lambda: list(decoded())))
        if self._is_closed:
            return  # the session has ended, as the request will be told
        self._taken.clear()
        self._came.set()
        await self._taken.wait()

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        del stream, clock  # frames carry both already
        while not self._is_closed:
            while self._frames:
                yield self._frames.popleft()
            # Resumed: what was yielded has been taken in.
            self._taken.set()
            self._came.clear()
            if not self._is_closed:
                await self._came.wait()

    async def close(self) -> None:
        self._is_closed = True
        self._came.set()
        self._taken.set()
