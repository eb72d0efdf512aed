"""Events for scripts: JSON lines on standard output or in a file."""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, cast

from pydantic import BaseModel, Field

from onlooker.core.errors import SinkFailed
from onlooker.core.event import Event
from onlooker.core.wire import to_json


class JsonLinesSettings(BaseModel, frozen=True, extra="forbid"):
    """Where the lines go."""

    path: Path | None = Field(
        default=None, description="file to append to; standard output if there is none"
    )


class JsonLinesSink:
    """Writes each event as one line of JSON, at once; pictures are named, not contained.

    A reader that has gone, as `head` does, ends the lines and not the session.

    Raises:
        SinkFailed: the file cannot be written to.
    """

    Settings = JsonLinesSettings

    def __init__(self, settings: JsonLinesSettings) -> None:
        self._path = settings.path
        # A reader may be slow: the loop doesn't wait for it.
        self._thread = ThreadPoolExecutor(1, "json lines")
        self._out = _open(settings.path)
        self._is_torn = False
        self.is_gone = False  # whoever read our lines has left

    async def accept(self, event: Event) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, event)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._release)
        self._thread.shutdown(wait=False)

    def _write(self, event: Event) -> None:
        if self.is_gone:
            return
        line = json.dumps(to_json(event), ensure_ascii=False, separators=(",", ":"))
        # What a full disk tore stands alone, so that the next line can be read.
        left = memoryview((b"\n" if self._is_torn else b"") + line.encode(errors="replace") + b"\n")
        try:
            while left:
                left = left[self._out.write(left) :]
            self._is_torn = False
        except BrokenPipeError:
            self.is_gone = True
        except OSError as error:
            self._is_torn = True
            where = self._path or "standard output"
            raise SinkFailed(
                f"cannot write event {line[:60]}... to {where}: {error.strerror or error}"
            ) from error

    def _release(self) -> None:
        if self._path is not None:
            self._out.close()


def _open(path: Path | None) -> IO[bytes]:
    """Open without a buffer: each line is out at once, and none is left over."""
    if path is None:
        sys.stdout.flush()
        return cast("IO[bytes]", getattr(sys.stdout.buffer, "raw", sys.stdout.buffer))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab", buffering=0)
    except OSError as error:
        raise SinkFailed(
            f"cannot append to {path}: {error.strerror or error}; name a file that can be written"
        ) from error
