"""One run of a command in a process group of its own: its output as it comes, then its end."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio import SubprocessTransport
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from onlooker.core.errors import BrainFailed

TERMINATE_S = 1.0  # from the request to end to its enforcement
LINGER_S = 0.5  # for what is still in the pipes when the process has ended
_MAX_TROUBLE = 2000  # characters of what it says on stderr, the last


class Run(asyncio.SubprocessProtocol):
    """A process whose standard input is a file, so that nobody waits for it to read."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._num_bytes = 0
        self._output: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._ended = asyncio.Event()
        self._transport: SubprocessTransport | None = None
        self._trouble = b""

    async def start(
        self, command: Sequence[str], stdin: Path, folder: Path, environment: Mapping[str, str]
    ) -> None:
        """Start it in `folder`, with `environment` and nothing else.

        Raises:
            BrainFailed: there is no such command.
        """
        loop = asyncio.get_running_loop()
        with stdin.open("rb") as given:
            try:
                transport, _ = await loop.subprocess_exec(
                    lambda: self,
                    *command,
                    stdin=given,
                    cwd=folder,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise BrainFailed(
                    f"the command {command[0]!r} cannot be run: {error.strerror or error}; see "
                    f"brain.command.command",
                    "the background brain cannot be started",
                ) from error
        self._transport = transport

    async def output(self) -> AsyncGenerator[bytes]:
        """Yield what it writes, until it has ended.

        Raises:
            BrainFailed: it has written more than `max_bytes`.
        """
        while (piece := await self._output.get()) is not None:
            if self._num_bytes > self._max_bytes:
                raise BrainFailed(
                    f"the command wrote more than max_answer_bytes={self._max_bytes}",
                    "the background brain's answer was too long",
                )
            yield piece

    @property
    def status(self) -> int | None:
        return self._transport.get_returncode() if self._transport else None

    @property
    def trouble(self) -> str:
        """What it said last on stderr."""
        return " ".join(self._trouble.decode(errors="replace").split())

    async def stop(self) -> None:
        """End the whole process group: ask first, then make it."""
        if self._transport is None:
            return
        group = self._transport.get_pid()
        try:
            _signal(group, signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(TERMINATE_S):
                    await self._ended.wait()
        finally:
            # Children may outlive it.
            _signal(group, signal.SIGKILL)
            self._transport.close()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._trouble = (self._trouble + data)[-_MAX_TROUBLE:]
        elif self._num_bytes <= self._max_bytes:
            self._num_bytes += len(data)
            self._output.put_nowait(data)

    def process_exited(self) -> None:
        self._ended.set()
        # A child that still holds the pipes must not keep us.
        asyncio.get_running_loop().call_later(LINGER_S, self._output.put_nowait, None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended.set()
        self._output.put_nowait(None)


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
