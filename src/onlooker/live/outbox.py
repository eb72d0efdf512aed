"""Between the line and its sinks: bounded queues, so that no sink slows the line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from onlooker.core.errors import OnlookerError
from onlooker.core.event import Closed, Event, Failed
from onlooker.core.ports import Sink

MAX_WAITING = 512  # events of one sink
DRAIN_S = 5.0  # for all sinks to finish after the end


class Outboxes:
    """Carries every event to every sink, each at the sink's own pace.

    Live, a sink that falls behind loses its oldest events, and a failure says how many.
    Otherwise the line waits for it, and nothing is lost.
    """

    def __init__(self, sinks: Mapping[str, Sink], *, is_lossless: bool) -> None:
        self._boxes = {
            name: _Outbox(name, sink, is_lossless=is_lossless) for name, sink in sinks.items()
        }

    async def put(self, event: Event) -> None:
        for box in self._boxes.values():
            await box.put(event)

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        """Deliver while the body runs, and what is left for a while after it."""
        async with asyncio.TaskGroup() as tasks:
            deliveries = [
                tasks.create_task(self._deliver(box), name=f"sink {box.name}")
                for box in self._boxes.values()
            ]
            try:
                yield
            finally:
                with suppress(TimeoutError):
                    async with asyncio.timeout(DRAIN_S):
                        await self._drain()
                for delivery in deliveries:
                    delivery.cancel()

    async def _drain(self) -> None:
        """Wait until no sink is at work: the last failure of one is told to the others as well."""
        while busy := [box for box in self._boxes.values() if box.is_busy]:
            await busy[0].join()

    async def _deliver(self, box: _Outbox) -> None:
        async for failed in box.deliver():
            for other in self._boxes.values():
                if other is not box:
                    other.put_at_once(failed)


class _Outbox:
    def __init__(self, name: str, sink: Sink, *, is_lossless: bool) -> None:
        self.name = name
        self._sink = sink
        self._is_lossless = is_lossless
        self._waiting: asyncio.Queue[tuple[Event, bool]] = asyncio.Queue()
        self._room = asyncio.Semaphore(MAX_WAITING)
        self._num_dropped = 0
        self._num_failed = 0
        self._is_delivering = False
        self._is_broken = False  # by a bug: nothing more is handed over

    async def put(self, event: Event) -> None:
        # A sink that hangs must not keep the session from its end.
        if not self._is_lossless or isinstance(event, Closed):
            self.put_at_once(event)
            return
        await self._room.acquire()
        self._waiting.put_nowait((event, True))

    def put_at_once(self, event: Event) -> None:
        """Take an event without waiting.

        Lossless, few come this way: what one sink tells of itself, while others may wait for it.
        """
        if not self._is_lossless and self._waiting.qsize() >= MAX_WAITING:
            self._waiting.get_nowait()
            self._waiting.task_done()
            self._num_dropped += 1
        self._waiting.put_nowait((event, False))

    @property
    def is_busy(self) -> bool:
        return not self._is_broken and (self._is_delivering or not self._waiting.empty())

    async def join(self) -> None:
        """Return when all that came has been handed over."""
        await self._waiting.join()

    async def deliver(self) -> AsyncIterator[Failed]:
        """Hand events over; yield what others should know of this sink."""
        num_reported = 0
        while True:
            event, has_room = await self._waiting.get()
            self._is_delivering = True
            if has_room:
                self._room.release()
            trouble = await self._hand_over(event)
            num_lost = self._num_failed + self._num_dropped
            # The first loss is told at once, then each time that they have doubled.
            if num_lost and num_lost >= 2 * num_reported:
                num_reported = num_lost
                yield Failed(
                    tick=event.tick,
                    time_s=event.time_s,
                    part=f"sink {self.name}",
                    error=f"{trouble or 'too slow'}; {self._num_failed} events failed and "
                    f"{self._num_dropped} were dropped so far",
                )
            self._is_delivering = False
            self._waiting.task_done()

    async def _hand_over(self, event: Event) -> str:
        """Return what went wrong, if something did."""
        try:
            await self._sink.accept(event)
        except (OnlookerError, OSError) as error:
            self._num_failed += 1
            return str(error)
        except BaseException:
            self._is_broken = True
            raise
        return ""
