"""Between the line and its sinks: bounded queues, so that no sink slows the line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from onlooker.core.errors import OnlookerError
from onlooker.core.event import Event, Failed
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
                for box in self._boxes.values():
                    box.end()
                if deliveries:
                    await asyncio.wait(deliveries, timeout=DRAIN_S)
                for delivery in deliveries:
                    delivery.cancel()

    async def _deliver(self, box: _Outbox) -> None:
        async for failed in box.deliver():
            for other in self._boxes.values():
                if other is not box:
                    await other.put(failed)


class _Outbox:
    def __init__(self, name: str, sink: Sink, *, is_lossless: bool) -> None:
        self.name = name
        self._sink = sink
        self._is_lossless = is_lossless
        # One place more than put() fills: for the end.
        self._waiting: asyncio.Queue[Event | None] = asyncio.Queue(MAX_WAITING + 1)
        self._room = asyncio.Semaphore(MAX_WAITING)
        self._num_dropped = 0
        self._num_failed = 0

    async def put(self, event: Event) -> None:
        if self._room.locked() and not self._is_lossless:
            self._waiting.get_nowait()
            self._room.release()
            self._num_dropped += 1
        await self._room.acquire()
        self._waiting.put_nowait(event)

    def end(self) -> None:
        self._waiting.put_nowait(None)

    async def deliver(self) -> AsyncIterator[Failed]:
        """Hand events over until the end; yield what others should know of this sink."""
        num_reported = 0
        while (event := await self._waiting.get()) is not None:
            self._room.release()
            trouble = ""
            try:
                await self._sink.accept(event)
            except (OnlookerError, OSError) as error:
                self._num_failed += 1
                trouble = str(error)
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
