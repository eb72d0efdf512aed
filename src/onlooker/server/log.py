"""The events of a session, numbered: what readers follow, and take up again after a loss.

A ring of bounded size, and no queue for anybody: a reader holds a number and is told how many
events it was too late for. So the newest always win, and a slow reader costs nobody anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, replace

from onlooker.core.event import Event, Perceived
from onlooker.core.percept import Percept, Pictures


@dataclass(frozen=True, slots=True)
class Logged:
    """An event and its number; numbers grow by one."""

    seq: int
    event: Event


@dataclass(frozen=True, slots=True)
class Missed:
    """So many events are gone, that the reader was too late for."""

    num: int


class EventLog:
    """Keeps the newest events of one session."""

    def __init__(self, max_events: int, last_seq: int = 0) -> None:
        self._max = max_events
        self._ring: list[Logged | None] = [None] * max_events
        self._first = last_seq + 1  # the oldest that is kept
        self._last = last_seq
        self._wakes: set[asyncio.Event] = set()
        self._is_closed = False

    @property
    def last_seq(self) -> int:
        """The number of the newest event; 0: none yet."""
        return self._last

    @property
    def first_seq(self) -> int:
        """The number of the oldest event that is kept."""
        return self._first

    @property
    def num_readers(self) -> int:
        return len(self._wakes)

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def append(self, event: Event) -> Logged:
        """Number an event and wake the readers. Pictures are kept without their bytes."""
        self._last += 1
        logged = Logged(self._last, without_bytes(event))
        self._ring[self._last % self._max] = logged
        self._first = max(self._first, self._last - self._max + 1)
        self._wake()
        return logged

    def close(self) -> None:
        """Nothing more comes: readers end when they have read all."""
        self._is_closed = True
        self._wake()

    def since(self, after_seq: int = 0) -> Iterator[Logged]:
        """Give what is kept and came after `after_seq`, oldest first."""
        for seq in range(max(after_seq + 1, self._first), self._last + 1):
            logged = self._ring[seq % self._max]
            if logged is not None and logged.seq == seq:
                yield logged

    async def subscribe(self, after_seq: int | None = None) -> AsyncGenerator[Logged | Missed]:
        """Yield every event after `after_seq`, then those to come; None: only those to come.

        Ends when the log is closed and read.
        """
        next_seq = (self._last if after_seq is None else min(after_seq, self._last)) + 1
        wake = asyncio.Event()
        self._wakes.add(wake)
        try:
            while True:
                if next_seq < self._first:
                    yield Missed(self._first - next_seq)
                    next_seq = max(next_seq, self._first)
                elif next_seq <= self._last:
                    logged = self._ring[next_seq % self._max]
                    next_seq += 1
                    if logged is not None:
                        yield logged
                elif self._is_closed:
                    return
                else:
                    wake.clear()
                    await wake.wait()
        finally:
            self._wakes.discard(wake)

    def _wake(self) -> None:
        for wake in self._wakes:
            wake.set()


def without_bytes(event: Event) -> Event:
    """Take the pictures' bytes out of an event: their ids stay."""
    if not isinstance(event, Perceived):
        return event
    percepts: tuple[Percept, ...] = tuple(
        Pictures(tuple(replace(picture, jpeg=b"") for picture in percept.pictures))
        if isinstance(percept, Pictures)
        else percept
        for percept in event.percepts
    )
    return replace(event, percepts=percepts)
