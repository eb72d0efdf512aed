"""`/v1/realtime`: a WebSocket that speaks OpenAI's Realtime events. See docs/realtime.md."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from onlooker.core.errors import OnlookerError
from onlooker.server.auth import Forbidden, Visitor
from onlooker.server.held import Held
from onlooker.server.hub import Hub, Opening, TooManySessions, UnknownSession
from onlooker.server.realtime_narrator import Wire
from onlooker.server.realtime_session import Terms
from onlooker.server.realtime_talk import HangUp, Talk
from onlooker.server.wire import BadEvent

MAX_MESSAGE_BYTES = 16 * 2**20  # a picture of the largest size in base64, and some
MAX_SEQ = 2**53  # what a page's numbers can hold
SEND_TIMEOUT_S = 30.0  # a client that takes nothing for so long is gone
RESUME = "onlooker-resume"
_CODES: tuple[tuple[type[OnlookerError], int], ...] = (
    (UnknownSession, 4404),
    (TooManySessions, 4429),
    (Forbidden, 4403),
    (BadEvent, 4400),
)
_ANYBODY = Visitor("", "admin")  # finds every session, whose token is then asked for


@dataclass(frozen=True, slots=True)
class End:
    """Why a connection ends."""

    code: int  # as of the WebSocket protocol
    reason: str


Admit = Callable[[Visitor], None]
LOST = End(1006, "the client is gone")
OVER = End(1000, "the session has ended")
STOPPED = End(1001, "the server stops")


def realtime_router(hub: Hub) -> APIRouter:
    """Make the route of the socket. The guard has found out who the visitor is."""
    router = APIRouter()
    admit = admission(hub)

    @router.websocket("/v1/realtime")
    async def realtime(socket: WebSocket) -> None:
        visitor: Visitor = socket.state.visitor
        offered = _subprotocols(socket.headers)
        await socket.accept(subprotocol="realtime" if "realtime" in offered else None)
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            end = await _serve(hub, visitor, socket, admit)
            if end is not LOST:
                await socket.close(end.code, end.reason[:120])

    return router


def admission(hub: Hub) -> Admit:
    """Count how often a visitor opens a session; the returned refuses with `TooManySessions`."""
    limiter, rate = MovingWindowRateLimiter(MemoryStorage()), parse(hub.limits.rate_opening)

    def admit(visitor: Visitor) -> None:
        if not limiter.hit(rate, visitor.owner):
            raise TooManySessions(
                f"more than {hub.limits.rate_opening} sessions: see server.rate_opening"
            )

    return admit


def join(
    hub: Hub,
    visitor: Visitor,
    query: Mapping[str, str],
    resume_token: str | None,
    admit: Admit,
) -> tuple[Held, Terms]:
    """Find or open the session that a connection is about.

    Raises:
        BadEvent, UnknownSession, TooManySessions, Forbidden, BadSettings: why it cannot be had.
    """
    events = query.get("events", "standard")
    if events not in ("standard", "all"):
        raise BadEvent("invalid_value", f"events: {events[:40]!r} is neither standard nor all")
    terms = Terms(MAX_MESSAGE_BYTES, "all" if events == "all" else "standard")
    terms.may_act = visitor.may("operator")
    session_id, after = query.get("session", ""), query.get("after", "")
    if not session_id:
        visitor.must("operator")
        admit(visitor)
        terms.after = 0
        return hub.open(Opening(owner=visitor.owner)), terms
    if after:
        digits = after.removeprefix("-")  # -1: nothing was seen yet
        if not digits.isdecimal() or len(digits) > 16 or int(after) > MAX_SEQ:
            raise BadEvent("invalid_value", "after: the largest seq that you have seen")
        terms.after, terms.is_resumed = max(0, int(after)), True
    return _found(hub, visitor, session_id, resume_token), terms


def resume_token_of(headers: Mapping[str, str]) -> str | None:
    """Find a session's resume token: a header, or a socket's subprotocol."""
    if given := headers.get(RESUME):
        return given.strip()
    prefix = f"{RESUME}."
    for name in _subprotocols(headers):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return None


def written(wire: Wire) -> str:
    """Write an event as JSON that can be sent, whatever a model wrote."""
    text = json.dumps(wire, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half a letter
        text = json.dumps(wire)
    return text


def refusal(error: OnlookerError) -> Wire:
    """Say why a connection was not made."""
    told = {
        "type": "invalid_request_error",
        "code": error.code if isinstance(error, BadEvent) else "refused",
        "message": str(error),
        "param": None,
        "event_id": None,
    }
    return {"type": "error", "event_id": "event_refused", "error": told}


def end_of(error: OnlookerError) -> End:
    """Say how a connection ends that was refused."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), 4400)
    return End(code, str(error))


def _found(hub: Hub, visitor: Visitor, session_id: str, resume_token: str | None) -> Held:
    """Give a session to whoever may see it, or has its resume token."""
    if resume_token is None:
        return hub.find(session_id, visitor)
    held = hub.find(session_id, _ANYBODY)
    if not compare_digest(held.resume_token.encode(), resume_token.encode()):
        raise UnknownSession(session_id)
    return held


async def _serve(hub: Hub, visitor: Visitor, socket: WebSocket, admit: Admit) -> End:
    """Talk until either side has enough."""

    async def send(wire: Wire) -> None:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await socket.send_text(written(wire))

    try:
        token = resume_token_of(socket.headers)
        held, terms = join(hub, visitor, socket.query_params, token, admit)
    except OnlookerError as error:
        await send(refusal(error))
        return end_of(error)
    talk = Talk(hub, held, send, terms)
    end = await first_of(_follow(talk), _read(socket, talk), sound_of(talk))
    if end is OVER and hub.is_draining:
        end = STOPPED
    if end is not LOST:
        await talk.say_goodbye(end.reason, is_resumable=end is STOPPED)
    return end


async def first_of(*talks: Coroutine[Any, Any, End]) -> End:
    """Run both directions until one of them ends, and end the other."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(talk) for talk in talks]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
    return next(iter(done)).result()


async def sound_of(talk: Talk) -> End:
    """Send the voice's sound; that it ends is no end of the connection."""
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        await talk.sound()
    return await asyncio.Future()


async def _follow(talk: Talk) -> End:
    try:
        await talk.follow()
    except (WebSocketDisconnect, RuntimeError, TimeoutError):
        return LOST
    return OVER


async def _read(socket: WebSocket, talk: Talk) -> End:
    try:
        while True:
            received = await socket.receive()
            if received["type"] == "websocket.disconnect":
                return LOST
            message = received.get("text") or received.get("bytes") or ""
            if len(message) > MAX_MESSAGE_BYTES:
                return End(1009, f"a message of more than {MAX_MESSAGE_BYTES} bytes")
            await talk.take(message)
    except HangUp as end:
        return End(end.code, str(end))
    except (WebSocketDisconnect, RuntimeError, TimeoutError):
        return LOST


def _subprotocols(headers: Mapping[str, str]) -> list[str]:
    return [name.strip() for name in headers.get("sec-websocket-protocol", "").split(",")]
