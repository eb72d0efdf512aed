"""A session on disk: what `onlooker replay` reads, and what data and training begin with."""

from __future__ import annotations

import asyncio
import errno
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, Field

from onlooker.core.errors import BadRecording, SinkFailed
from onlooker.core.event import Event
from onlooker.core.media import AudioChunk
from onlooker.core.recording import RecordingWriter
from onlooker.plugins.sink.tracks import Tracks

VOICE = "voice"  # the stream of what we say ourselves, which may be cut short


class RecorderSettings(BaseModel, frozen=True, extra="forbid"):
    """Where a session is recorded, and how much of it."""

    folder: Path = Field(description="new folder for the recording; each session needs its own")
    max_bytes: int = Field(
        default=20_000_000_000,
        ge=1,
        description="size at which the recording ends; the session goes on",
    )
    sound: bool = Field(default=True, description="keep the sound as well, 11 MB an hour a stream")


class RecorderSink:
    """Writes every event as it falls, and the sound beside it; what has been written survives.

    Each stream's sound, the microphone's and the voice's as it was heard are files of their own.

    Raises:
        BadRecording: the folder holds a recording already.
        SinkFailed: the folder cannot be written to.
    """

    Settings = RecorderSettings
    latency_s = 0.0

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
        self._tracks = Tracks(settings.folder) if settings.sound else None
        self._is_full = False

    def play(self, chunk: AudioChunk) -> None:
        if self._tracks is not None:
            self._thread.submit(self._keep, chunk)

    def flush(self, time_s: float) -> None:
        if self._tracks is not None:
            self._thread.submit(self._tracks.flush, VOICE, time_s)

    async def accept(self, event: Event) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, event)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._end)
        self._thread.shutdown(wait=False)

    def _end(self) -> None:
        if self._tracks is not None:
            with suppress(OSError):
                self._tracks.close()
        self._writer.close()

    def _keep(self, chunk: AudioChunk) -> None:
        """Keep sound as long as events are kept; a disk that is full is told of by those."""
        if self._tracks is not None and not self._is_full:
            with suppress(OSError):
                self._tracks.play(chunk, is_planned=chunk.stream == VOICE)

    def _write(self, event: Event) -> None:
        try:
            self._writer.write(event)
        except BadRecording:
            self._is_full = True
            raise
        except OSError as error:
            raise SinkFailed(self._explain(error, event.time_s)) from error

    def _explain(self, error: OSError, time_s: float) -> str:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space and it goes on, with a gap" if is_full else "check the disk"
        return (
            f"cannot record {time_s:.1f} s into {self._folder}: {error.strerror or error}; "
            f"all that was recorded before stays readable: {remedy}"
        )
