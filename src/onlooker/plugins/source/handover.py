"""From a thread that blocks to an event loop that must not: bounded, and ended within a second."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from typing import Generic, Self, TypeVar

T = TypeVar("T")

LEAVE_WITHIN_S = 0.5  # a thread that is stuck for longer is left behind: it is a daemon


class Handover(Generic[T]):
    """What a generator yields in a thread of its own, as an asynchronous iterator.

    FFmpeg may block for as long as a server is mute, so the thread is nobody else's. It works at
    most `depth` items ahead; a live one drops its oldest items then, any other waits.
    Use it with `async with`: leaving it stops the thread.
    """

    def __init__(
        self,
        produce: Callable[[threading.Event], Generator[T, None, None]],
        *,
        depth: int,
        is_live: bool = False,
    ) -> None:
        self._produce = produce  # is given the event that tells it to stop
        self._depth = depth
        self._is_live = is_live
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._is_over = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        threading.Thread(target=self._work, name="onlooker-source", daemon=True).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        with self._changed:
            self._items.clear()
            self._changed.notify_all()
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_WITHIN_S):
                while not self._is_over:
                    self._arrived.clear()
                    await self._arrived.wait()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while True:
            self._arrived.clear()
            with self._changed:
                is_over = self._is_over
                if self._items:
                    self._changed.notify_all()
                    return self._items.popleft()
            if is_over:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            await self._arrived.wait()

    def _work(self) -> None:
        try:
            with closing(self._produce(self._stop)) as items:
                for item in items:
                    if not self._put(item):
                        break
        except BaseException as error:  # noqa: BLE001 - raised again where the items are taken
            self._error = error
        self._is_over = True
        self._tell()

    def _put(self, item: T) -> bool:
        with self._changed:
            if self._is_live and len(self._items) >= self._depth:
                self._items.popleft()
            self._changed.wait_for(lambda: self._stop.is_set() or len(self._items) < self._depth)
            self._items.append(item)
        self._tell()
        return not self._stop.is_set()

    def _tell(self) -> None:
        with suppress(RuntimeError):  # the loop may have closed while FFmpeg was stuck
            self._loop.call_soon_threadsafe(self._arrived.set)
