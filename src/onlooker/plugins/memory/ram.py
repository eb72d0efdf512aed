"""`ram`: remembers for as long as the session lasts. Nothing is written to disk."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from pydantic import BaseModel, Field

from onlooker.plugins.memory.archive import Archive, Limits
from onlooker.plugins.memory.embedding import Embedder
from onlooker.plugins.memory.search import Search
from onlooker.plugins.memory.site import Hold, Meaning, SiteSession, embedder_of
from onlooker.plugins.memory.store import ram_store


class RamSettings(BaseModel, frozen=True, extra="forbid"):
    """How much is kept."""

    meaning: Meaning = Field(
        default="auto",
        description="search by meaning as well as by words; auto: if the extra is installed",
    )
    max_entries: int = Field(default=50_000, ge=1, description="the oldest go first")
    max_text_mib: float = Field(default=128.0, gt=0, description="of the database")
    max_picture_mib: float = Field(default=128.0, gt=0, description="of key frames")
    max_waiting: int = Field(default=1000, ge=1, description="segments that wait for a summary")


class RamMemory:
    """Remembers until the session ends. Every session has a memory of its own."""

    Settings = RamSettings

    def __init__(self, settings: RamSettings) -> None:
        self._settings = settings

    async def open(self, now_s: float) -> SiteSession:
        """Begin with nothing."""
        thread = ThreadPoolExecutor(1, "memory")
        embedder = await asyncio.get_running_loop().run_in_executor(
            thread, embedder_of, self._settings.meaning
        )
        session = SiteSession(self._hold(thread, embedder))
        await session.begin(now_s)
        return session

    async def close(self) -> None:
        pass

    def _hold(self, thread: ThreadPoolExecutor, embedder: Embedder | None) -> Hold:
        store, settings = ram_store(), self._settings
        limits = Limits(
            max_age_s=float("inf"),
            max_entries=settings.max_entries,
            max_text_bytes=int(settings.max_text_mib * 2**20),
            max_picture_bytes=int(settings.max_picture_mib * 2**20),
            max_waiting=settings.max_waiting,
        )
        archive, search = Archive(store, embedder), Search(store, embedder)
        return Hold("default", limits, archive, search, thread, thread, ExitStack())
