"""`sqlite`: one folder a site, with a database and key frames.

Several processes may share a site under session names of their own.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from pydantic import BaseModel, Field, field_validator

from onlooker.core.errors import MemoryFailed
from onlooker.plugins.memory.archive import Archive, Limits
from onlooker.plugins.memory.search import Search
from onlooker.plugins.memory.site import Hold, Meaning, SiteSession, embedder_of
from onlooker.plugins.memory.store import key_for, open_store


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
    meaning: Meaning = Field(
        default="auto",
        description="search by meaning as well as by words; auto: if the extra is installed",
    )
    encrypted: bool = Field(
        default=False,
        description="the passphrase is in ONLOOKER_MEMORY_KEY; needs the extra [encrypted]",
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

    async def open(self, now_s: float) -> SiteSession:
        """Open the site under the session's name.

        Raises:
            MemoryFailed: the database cannot be used, or another process uses the name.
            BadSettings: it is to be encrypted, and there is no passphrase or no library for it.
        """
        with ExitStack() as opening:
            opening.enter_context(_locked(self._settings.folder, self._settings.session))
            writer, reader = ThreadPoolExecutor(1, "memory-w"), ThreadPoolExecutor(1, "memory-r")
            opening.callback(writer.shutdown, wait=False)
            opening.callback(reader.shutdown, wait=False)
            hold = await asyncio.get_running_loop().run_in_executor(
                writer, self._hold, writer, reader, opening
            )
        session = SiteSession(hold)
        try:
            await session.begin(now_s)
        except BaseException:
            await session.close()
            raise
        return session

    def _hold(
        self, writer: ThreadPoolExecutor, reader: ThreadPoolExecutor, opening: ExitStack
    ) -> Hold:
        settings = self._settings
        key = key_for(settings.folder, is_wanted=settings.encrypted)
        embedder = embedder_of(settings.meaning)
        store = open_store(settings.folder, key)
        opening.callback(store.close)
        archive = Archive(store, embedder)
        archive.sweep()
        search = Search(open_store(settings.folder, key), embedder)
        return Hold(
            settings.session, settings.limits, archive, search, writer, reader, opening.pop_all()
        )

    async def close(self) -> None:
        pass


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
