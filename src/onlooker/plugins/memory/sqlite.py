"""`sqlite`: one folder a site, with a database and key frames.

Several processes may share a site under session names of their own. Writing and reading have a
thread each, so that a search does not wait for what is being written.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal, TypeVar

from pydantic import BaseModel, Field, field_validator

from onlooker.core.errors import BadSettings, MemoryFailed
from onlooker.core.memory import Entry, Evidence, Kept, Question, Segment
from onlooker.plugins.memory.archive import Archive, Limits
from onlooker.plugins.memory.embedding import Embedder
from onlooker.plugins.memory.search import Search

RETAIN_EVERY = 200  # writes
NUM_WORDS = 64  # things said that a session finds again
NUM_BLOCKS = 64

T = TypeVar("T")


def default_folder() -> Path:
    """Say where a site lies if nothing else is set."""
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "onlooker" / "memory"


class SqliteSettings(BaseModel, frozen=True, extra="forbid"):
    """Where memory lies, and how much is kept."""

    folder: Path = Field(
        default_factory=default_folder, description="of the site: the database and key frames"
    )
    session: str = Field(
        default="default",
        pattern=r"^[\w-]{1,64}$",
        description="a name: the next session of this name goes on where this one ended",
    )
    meaning: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="search by meaning as well as by words; auto: if the extra is installed",
    )
    max_age_days: float = Field(default=30.0, gt=0, description="older entries are removed")
    max_entries: int = Field(default=200_000, ge=1, description="the oldest go first")
    max_text_mib: float = Field(default=1024.0, gt=0, description="of the database")
    max_picture_mib: float = Field(default=4096.0, gt=0, description="of key frames")
    max_waiting: int = Field(
        default=1000, ge=1, description="segments that wait for their summary, such as while a "
        "server is down"
    )  # fmt: skip

    @field_validator("folder")
    @classmethod
    def _is_expanded(cls, folder: Path) -> Path:
        return folder.expanduser()

    @property
    def limits(self) -> Limits:
        return Limits(
            max_age_s=self.max_age_days * 86_400,
            max_entries=self.max_entries,
            max_text_bytes=int(self.max_text_mib * 2**20),
            max_picture_bytes=int(self.max_picture_mib * 2**20),
            max_waiting=self.max_waiting,
        )


class SqliteMemory:
    """Remembers on disk."""

    Settings = SqliteSettings

    def __init__(self, settings: SqliteSettings) -> None:
        self._settings = settings

    async def open(self, now_s: float) -> SqliteSession:
        """Open the site under the session's name.

        Raises:
            MemoryFailed: the database cannot be used, or another process uses the name.
        """
        lock = _locked(self._settings.folder, self._settings.session)
        writer, reader = ThreadPoolExecutor(1, "memory-w"), ThreadPoolExecutor(1, "memory-r")
        running = asyncio.get_running_loop()
        try:
            folder = self._settings.folder
            embedder = await running.run_in_executor(writer, embedder_of, self._settings.meaning)
            archive = await running.run_in_executor(writer, Archive, folder, embedder)
            await running.run_in_executor(writer, archive.sweep)
            search = await running.run_in_executor(reader, Search, folder, embedder)
        except BaseException:
            lock.close()
            writer.shutdown(wait=False)
            reader.shutdown(wait=False)
            raise
        session = SqliteSession(self._settings, lock, (writer, archive), (reader, search))
        try:
            await session.begin(now_s)
        except BaseException:
            await session.close()
            raise
        return session

    async def close(self) -> None:
        pass


class SqliteSession:
    """One session's hold on a site."""

    def __init__(
        self,
        settings: SqliteSettings,
        lock: IO[bytes],
        writing: tuple[ThreadPoolExecutor, Archive],
        reading: tuple[ThreadPoolExecutor, Search],
    ) -> None:
        self._settings = settings
        self._name = settings.session
        self._lock = lock
        self._writer, self._archive = writing
        self._reader, self._search = reading
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

    async def owe(self, segment: Segment) -> None:
        """Keep a segment until it is summarised."""
        limit = self._settings.max_waiting
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
        try:
            await self._write(self._archive.close)
            await self._read(self._search.close)
        finally:
            self._writer.shutdown(wait=False)
            self._reader.shutdown(wait=False)
            self._lock.close()

    def _retain(self) -> None:
        self._archive.retain(self._settings.limits, self._opened_s + self._newest_s)

    async def _write(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, _named, work)

    async def _read(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reader, _named, work)


def _named(work: Callable[[], T]) -> T:
    """Do work; what a database or a disk says becomes an error of ours."""
    try:
        return work()
    except sqlite3.Error as error:
        raise MemoryFailed(f"the memory's database says: {error}") from None
    except OSError as error:
        raise MemoryFailed(f"the memory cannot be written: {error}") from None


def embedder_of(meaning: Literal["auto", "on", "off"]) -> Embedder | None:
    """Load the text encoder, if it is wanted and there."""
    if meaning == "off":
        return None
    try:
        return Embedder()
    except BadSettings:
        if meaning == "on":
            raise
        return None


def _locked(folder: Path, session: str) -> IO[bytes]:
    """Take the session's name; the lock goes with the process, however it ends."""
    path = folder / f"{re.sub(r'[^A-Za-z0-9_-]', '-', session)}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = path.open("ab")
    except OSError as error:
        raise MemoryFailed(f"{path} cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise MemoryFailed(
            f"another process remembers as session {session!r} in {folder}: "
            "set memory.sqlite.session to another name, or another folder"
        ) from None
    return lock
