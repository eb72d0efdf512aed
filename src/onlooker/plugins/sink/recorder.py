"""A session on disk: what `onlooker replay` reads, and what data and training begin with."""

from __future__ import annotations

import asyncio
import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import BaseModel, Field

from onlooker.core.errors import SinkFailed
from onlooker.core.event import Event
from onlooker.core.recording import RecordingWriter


class RecorderSettings(BaseModel, frozen=True, extra="forbid"):
    """Where a session is recorded, and how much of it."""

    folder: Path = Field(description="new folder for the recording; each session needs its own")
    max_bytes: int = Field(
        default=20_000_000_000,
        ge=1,
        description="size at which the recording ends; the session goes on",
    )


class RecorderSink:
    """Writes every event as it falls; what has been written survives the process.

    Raises:
        BadRecording: the folder holds a recording already.
        SinkFailed: the folder cannot be written to.
    """

    Settings = RecorderSettings

    def __init__(self, settings: RecorderSettings) -> None:
        self._folder = settings.folder
        # One thread, so that the loop never waits for the disk and events keep their order.
        self._thread = ThreadPoolExecutor(1, "recorder")
        try:
            self._writer = RecordingWriter(settings.folder, settings.max_bytes)
        except OSError as error:
            raise SinkFailed(
                f"cannot record into {settings.folder}: {error.strerror or error}; "
                f"name a folder that can be written to"
            ) from error

    async def accept(self, event: Event) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, event)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.close)
        self._thread.shutdown(wait=False)

    def _write(self, event: Event) -> None:
        try:
            self._writer.write(event)
        except OSError as error:
            raise SinkFailed(self._explain(error, event.time_s)) from error

    def _explain(self, error: OSError, time_s: float) -> str:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space and it goes on, with a gap" if is_full else "check the disk"
        return (
            f"cannot record {time_s:.1f} s into {self._folder}: {error.strerror or error}; "
            f"all that was recorded before stays readable: {remedy}"
        )
