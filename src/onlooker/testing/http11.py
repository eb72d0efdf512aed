"""As much of HTTP/1.1 as a testing server needs: keep-alive, bounded bodies, streamed replies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

MAX_BODY_BYTES = 64 * 2**20
_MAX_LINE_BYTES = 2**20
_MAX_HEADERS = 100


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent."""

    method: str
    path: str  # without its query
    headers: Mapping[str, str]  # names in lower case
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, or the first `len(body)` bytes of one that is `declared_bytes` long."""

    body: bytes = field(repr=False)
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    declared_bytes: int | None = None  # more than there are: the connection breaks off


@dataclass(frozen=True, slots=True)
class StreamedReply:
    """An answer in pieces. A `ConnectionAbortedError` raised by them breaks it off."""

    pieces: AsyncIterator[bytes]
    content_type: str = "text/event-stream; charset=utf-8"


Respond = Callable[[Request], Awaitable[Reply | StreamedReply]]


class _Refused(Exception):
    """What was sent is no request that we take; the connection ends with a status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@asynccontextmanager
async def serving(respond: Respond, port: int = 0) -> AsyncIterator[int]:
    """Serve on loopback, and yield the port. Leaving ends every connection."""
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await _converse(respond, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            connections.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port, limit=_MAX_LINE_BYTES)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()


async def _converse(
    respond: Respond, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer the requests of one connection until either side ends it."""
    is_kept = True
    while is_kept:
        try:
            request = await _read_request(reader, writer)
        except _Refused as refused:
            await _send(writer, Reply(b"", refused.status), is_kept=False)
            return
        if request is None:
            return
        reply = await respond(request)
        is_kept = request.headers.get("connection", "").lower() != "close"
        await _send(writer, reply, is_kept=is_kept)


async def _read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Request | None:
    """Read the next request; None once the client has gone."""
    first = await _read_line(reader)
    if not first:
        return None
    try:
        method, target, _ = first.decode("ascii").split()
    except ValueError:
        raise _Refused(400) from None
    headers = await _read_headers(reader)
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Request(method, target.partition("?")[0], headers, await _read_body(reader, headers))


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:
        raise _Refused(431) from None


async def _read_headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(_MAX_HEADERS):
        line = await _read_line(reader)
        if line in (b"\r\n", b"\n", b""):
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise _Refused(400)
        headers[name.strip().lower()] = value.strip()
    raise _Refused(431)


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _read_chunks(reader)
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise _Refused(400)
    if int(length) > MAX_BODY_BYTES:
        raise _Refused(413)
    return await reader.readexactly(int(length))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        try:
            size = int((await _read_line(reader)).partition(b";")[0], 16)
        except ValueError:
            raise _Refused(400) from None
        if size < 0 or len(body) + size > MAX_BODY_BYTES:
            raise _Refused(413)
        body += await reader.readexactly(size)
        if size == 0:
            await _read_headers(reader)  # trailers
            return bytes(body)
        await _read_line(reader)


async def _send(
    writer: asyncio.StreamWriter, reply: Reply | StreamedReply, *, is_kept: bool
) -> None:
    if isinstance(reply, Reply):
        declared = len(reply.body) if reply.declared_bytes is None else reply.declared_bytes
        headers = {**reply.headers, "Content-Length": str(declared)}
        writer.write(_head(reply.status, reply.content_type, headers, is_kept=is_kept))
        writer.write(reply.body)
        await writer.drain()
        if declared > len(reply.body):
            raise ConnectionAbortedError
        return
    headers = {"Transfer-Encoding": "chunked", "Cache-Control": "no-cache"}
    writer.write(_head(200, reply.content_type, headers, is_kept=is_kept))
    async for piece in reply.pieces:
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _head(status: int, content_type: str, headers: Mapping[str, str], *, is_kept: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {content_type}",
        f"Connection: {'keep-alive' if is_kept else 'close'}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
