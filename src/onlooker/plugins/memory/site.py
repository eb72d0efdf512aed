"""One session's hold on a site, whatever the site lies in.

Writing and reading have a thread each where the site allows it, so that a search does not wait for
what is being written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeVar

from onlooker.core.errors import BadSettings, MemoryFailed
from onlooker.core.memory import Entry, Evidence, Forgotten, Kept, Question, Segment, Target
from onlooker.plugins.memory import forgetting
from onlooker.plugins.memory.archive import Archive, Limits
from onlooker.plugins.memory.embedding import Embedder
from onlooker.plugins.memory.search import Search
from onlooker.plugins.memory.store import DATABASE_ERRORS

RETAIN_EVERY = 200  # writes
NUM_WORDS = 64  # things said that a session finds again
NUM_BLOCKS = 64

T = TypeVar("T")
Meaning = Literal["auto", "on", "off"]


@dataclass(frozen=True, slots=True)
class Hold:
    """What a session holds open: its name, its limits, and what it writes and reads with."""

    name: str
    limits: Limits
    archive: Archive
    search: Search
    writer: ThreadPoolExecutor
    reader: ThreadPoolExecutor
    stack: ExitStack  # closed last


class SiteSession:
    """One session's hold on a site."""

    def __init__(self, hold: Hold) -> None:
        self._hold = hold
        self._name = hold.name
        self._archive = hold.archive
        self._search = hold.search
        self._opened_s = 0.0  # wall time at session time 0
        self._newest_s = 0.0  # session time of the newest entry
        self._num_writes = 0

    async def begin(self, now_s: float) -> None:
        """Settle what wall time this session's time 0 has."""
        newest_s = await self._read(lambda: self._search.newest_wall_s(self._name))
        # A clock that was set back, or a file played faster than it was made, must not put
        # this session before the last one.
        wall_s = max(datetime.now(UTC).timestamp(), newest_s + 0.001)
        self._opened_s = wall_s - now_s
        await self._write(self._retain)

    async def kept(self) -> Kept:
        """Give what this name's earlier sessions, or this one so far, left to go on from."""
        return await self._read(
            lambda: self._search.kept(self._name, self._opened_s, NUM_BLOCKS, NUM_WORDS)
        )

    async def num_deletes(self) -> int:
        """Count how often something was forgotten; more than before: read `kept` again."""
        return await self._read(self._search.num_deletes)

    async def remember(self, entries: Sequence[Entry]) -> None:
        """Write entries, all or none."""
        self._newest_s = max([self._newest_s, *(entry.end_s for entry in entries)])
        self._num_writes += 1
        if self._num_writes % RETAIN_EVERY == 0:
            # First, so that a failure leaves no entry that is written and yet tried again.
            await self._write(self._retain)
        await self._write(lambda: self._archive.add(self._name, self._opened_s, entries))

    async def recall(self, question: Question) -> tuple[Evidence, ...]:
        """Give what fits, best first, of this site."""
        return await self._read(lambda: self._search.find(question, self._opened_s))

    async def entry(self, id_: int) -> Evidence | None:
        return await self._read(lambda: self._search.get(id_, self._opened_s))

    async def picture(self, id_: int) -> bytes | None:
        return await self._read(lambda: self._search.picture(id_))

    async def forget(self, target: Target) -> Forgotten:
        """Remove what the target names, for good."""
        return await self._write(lambda: forgetting.forget(self._archive, target))

    async def owe(self, segment: Segment) -> None:
        """Keep a segment until it is summarised."""
        limit = self._hold.limits.max_waiting
        await self._write(lambda: self._archive.owe(self._name, self._opened_s, segment, limit))

    async def settle(self, segment: Segment, summary: Entry) -> bool:
        """Write a segment's summary; False if the segment was forgotten meanwhile."""
        return await self._write(
            lambda: self._archive.settle(self._name, self._opened_s, segment, summary)
        )

    async def keep_state(self, state: str) -> None:
        """Keep a text for the next session of this name."""
        await self._write(lambda: self._archive.keep_state(self._name, state))

    async def close(self) -> None:
        hold = self._hold
        try:
            await self._write(hold.archive.close)
            await self._read(hold.search.close)
        finally:
            hold.writer.shutdown(wait=False)
            hold.reader.shutdown(wait=False)
            hold.stack.close()

    def _retain(self) -> None:
        self._archive.retain(self._hold.limits, self._opened_s + self._newest_s)

    async def _write(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._hold.writer, _named, work)

    async def _read(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._hold.reader, _named, work)


def embedder_of(meaning: Meaning) -> Embedder | None:
    """Load the text encoder, if it is wanted and there."""
    if meaning == "off":
        return None
    try:
        return Embedder()
    except BadSettings:
        if meaning == "on":
            raise
        return None


def _named(work: Callable[[], T]) -> T:
    """Do work; what a database or a disk says becomes an error of ours."""
    try:
        return work()
    except DATABASE_ERRORS as error:
        raise MemoryFailed(f"the memory's database says: {error}") from None
    except OSError as error:
        raise MemoryFailed(f"the memory cannot be written: {error}") from None
