"""One utterance over a WebSocket: sound out as it comes, words in as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from onlooker.core.errors import TranscriberFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import Transcript
from onlooker.core.sse import json_object

MAX_MESSAGE_BYTES = 2**20
_MAX_SHOWN = 200

Send = Callable[[ClientConnection], Coroutine[Any, Any, None]]
Read = Callable[[dict[str, Any]], Transcript | None]


@asynccontextmanager
async def connected(
    url: str, headers: dict[str, str], timeout_s: float
) -> AsyncIterator[ClientConnection]:
    """Hold a connection; whatever breaks it is a `TranscriberFailed`."""
    try:
        async with connect(
            url,
            additional_headers=headers,
            open_timeout=timeout_s,
            close_timeout=0.1,
            max_size=MAX_MESSAGE_BYTES,
            proxy=None,
        ) as socket:
            yield socket
    except (OSError, WebSocketException, TimeoutError) as error:
        why = " ".join(str(error).split())[:_MAX_SHOWN] or type(error).__name__
        raise TranscriberFailed(
            f"{url} failed: {why}; see that it runs and that url is right"
        ) from None


async def heard(
    socket: ClientConnection, send: Send, read: Read, timeout_s: float
) -> AsyncGenerator[Transcript]:
    """Yield what `read` makes of each message, until one is final.

    `send` sends the utterance to its end beside it; from then on there are `timeout_s` left.
    """
    # A task group would make an error group of a generator's end.
    sending = asyncio.get_running_loop().create_task(send(socket))
    try:
        while True:
            message = await _next(socket, sending, timeout_s)
            if (transcript := read(message)) is not None:
                yield transcript
                if transcript.is_final:
                    return
    finally:
        sending.cancel()
        await asyncio.wait([sending])


async def _next(
    socket: ClientConnection, sending: asyncio.Task[None], timeout_s: float
) -> dict[str, Any]:
    receiving = asyncio.get_running_loop().create_task(socket.recv())
    try:
        if not sending.done():
            await asyncio.wait([sending, receiving], return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()  # raises what broke it
            await asyncio.wait([receiving], timeout=timeout_s)
            if not receiving.done():
                raise TimeoutError(f"no answer in timeout_s={timeout_s:g} s")
        data = await receiving
    finally:
        receiving.cancel()
        await asyncio.wait([receiving])
    message = json_object(data)
    if message is None:
        raise TimeoutError(f"it sent {str(data)[:60]!r}, which is no JSON object")
    return message


async def checked(speech: AsyncIterator[AudioChunk], max_s: float) -> AsyncIterator[AudioChunk]:
    """Pass an utterance on that is not too long."""
    duration_s = 0.0
    async for chunk in speech:
        duration_s += chunk.duration_s
        if duration_s > max_s:
            raise TranscriberFailed(
                f"an utterance is longer than max_s={max_s}: raise it, or cut it earlier"
            )
        yield chunk
