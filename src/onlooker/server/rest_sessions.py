"""REST: sessions, what goes into them, and their events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from onlooker.core.errors import OnlookerError
from onlooker.server.guard import visitor_of
from onlooker.server.held import CAMERA, Held
from onlooker.server.hub import Hub, Opening
from onlooker.server.log import Missed
from onlooker.server.refusals import Gone, TooMany
from onlooker.server.rest_shapes import (
    AddStream,
    ChangeInstruction,
    ChangeSession,
    GiveInstruction,
    Name,
    OpenSession,
    PathName,
    SessionId,
    Words,
    event_json,
    session_json,
    stream_json,
    vars_of,
)

MAX_LISTED = 1000
Seq = Annotated[int, Query(ge=0, le=2**53)]


def held_of(hub: Hub, request: Request, session_id: str, *, to_change: bool = True) -> Held:
    """Find the session of a request; to change it takes an operator, and an open session."""
    visitor = visitor_of(request.state)
    if to_change:
        visitor.must("operator")
    held = hub.find(session_id, visitor)
    if to_change and not held.is_open:
        raise Gone(f"the session {session_id} has ended")
    held.touch()
    return held


def sessions_router(hub: Hub) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/v1/sessions", tags=["sessions"])
    _opening(router, hub)
    _one(router, hub)
    _input(router, hub)
    _streams(router, hub)
    _instructions(router, hub)
    _events(router, hub)
    return router


def _opening(router: APIRouter, hub: Hub) -> None:
    limiter, rate = MovingWindowRateLimiter(MemoryStorage()), parse(hub.limits.rate_opening)

    @router.get("", summary="The open sessions that you may see")
    async def sessions(request: Request) -> dict[str, Any]:
        return {
            "sessions": [session_json(held) for held in hub.sessions(visitor_of(request.state))]
        }

    @router.post("", status_code=201, summary="Open a session")
    async def open_session(request: Request, body: OpenSession) -> dict[str, Any]:
        visitor = visitor_of(request.state)
        visitor.must("operator")
        if not limiter.hit(rate, visitor.owner):
            raise TooMany(f"more than {hub.limits.rate_opening} sessions: see server.rate_opening")
        held = hub.open(
            Opening(
                visitor.owner,
                name=body.name,
                persona=body.persona,
                record=body.record,
                zones=body.zones,
            )
        )
        try:
            for stream, address in body.streams.items():
                await held.add_camera(stream, address)
            for text in body.instructions:
                held.instruct(text)
        except OnlookerError:
            await hub.close(held.id, "it could not be opened as it was asked for")
            raise
        return {**session_json(held), "resume_token": held.resume_token}


def _one(router: APIRouter, hub: Hub) -> None:
    @router.get("/{session_id}", summary="One session")
    async def session(request: Request, session_id: SessionId) -> dict[str, Any]:
        return session_json(held_of(hub, request, session_id, to_change=False))

    @router.patch("/{session_id}", summary="Change how much it says and how it sounds, or pause it")
    async def change(
        request: Request, session_id: SessionId, body: ChangeSession
    ) -> dict[str, Any]:
        held = held_of(hub, request, session_id)
        if body.persona:
            held.set_persona(body.persona)
        if body.voice is not None or body.speed is not None:
            await held.speak_as(body.voice, body.speed)
        if body.paused is not None:
            held.pause() if body.paused else held.resume()
        return session_json(held)

    @router.delete("/{session_id}", summary="End a session")
    async def close(request: Request, session_id: SessionId) -> dict[str, Any]:
        held = held_of(hub, request, session_id)
        await hub.close(held.id, "a visitor closed it")
        return session_json(held)


def _input(router: APIRouter, hub: Hub) -> None:
    @router.post("/{session_id}/words", status_code=202, summary="Say or ask something")
    async def say(request: Request, session_id: SessionId, body: Words) -> dict[str, Any]:
        held = held_of(hub, request, session_id)
        held.say(body.text)
        return {"after_seq": held.log.last_seq}

    @router.post(
        "/{session_id}/frames",
        status_code=202,
        summary="Push one picture: JPEG, PNG or WebP as the body",
        openapi_extra={"requestBody": {"content": {"image/jpeg": {}}, "required": True}},
    )
    async def push(
        request: Request, session_id: SessionId, stream: Name = CAMERA
    ) -> dict[str, Any]:
        held = held_of(hub, request, session_id)
        held.push_picture(await request.body(), stream)
        return {"num_dropped": held.pushed[stream].num_dropped}


def _streams(router: APIRouter, hub: Hub) -> None:
    @router.get("/{session_id}/streams", summary="What is watched, and how it is")
    async def streams(request: Request, session_id: SessionId) -> dict[str, Any]:
        held = held_of(hub, request, session_id, to_change=False)
        return {"streams": [stream_json(held, stream) for stream in held.session.streams]}

    @router.post("/{session_id}/streams", status_code=201, summary="Watch a camera as well")
    async def add(request: Request, session_id: SessionId, body: AddStream) -> dict[str, Any]:
        held = held_of(hub, request, session_id)
        if body.address is None:
            held.add_pushed(body.stream)
        else:
            await held.add_camera(body.stream, body.address)
        return stream_json(held, body.stream)

    @router.delete("/{session_id}/streams/{stream}", summary="Watch a stream no longer")
    async def remove(request: Request, session_id: SessionId, stream: PathName) -> dict[str, Any]:
        await held_of(hub, request, session_id).remove_stream(stream)
        return {"removed": stream}


def _instructions(router: APIRouter, hub: Hub) -> None:
    @router.get("/{session_id}/instructions", summary="What stands or is paused")
    async def instructions(request: Request, session_id: SessionId) -> dict[str, Any]:
        held = held_of(hub, request, session_id, to_change=False)
        return {"instructions": [vars_of(known) for known in held.session.instructions]}

    @router.post("/{session_id}/instructions", status_code=201, summary="Add or replace one")
    async def instruct(
        request: Request, session_id: SessionId, body: GiveInstruction
    ) -> dict[str, Any]:
        return vars_of(held_of(hub, request, session_id).instruct(body.text, body.id))

    @router.patch("/{session_id}/instructions/{instruction_id}", summary="Edit, pause, resume")
    async def change(
        request: Request, session_id: SessionId, instruction_id: PathName, body: ChangeInstruction
    ) -> dict[str, Any]:
        held = held_of(hub, request, session_id)
        state = body.state or "standing"
        changed = held.set_instruction(instruction_id, state)  # refuses one that is not known
        if body.text is not None:
            changed = held.instruct(body.text, instruction_id)
            if body.state == "paused":
                changed = held.set_instruction(instruction_id, "paused")
        return vars_of(changed)

    @router.delete("/{session_id}/instructions/{instruction_id}", summary="Take one back")
    async def remove(
        request: Request, session_id: SessionId, instruction_id: PathName
    ) -> dict[str, Any]:
        return vars_of(held_of(hub, request, session_id).set_instruction(instruction_id, "removed"))


def _events(router: APIRouter, hub: Hub) -> None:
    @router.get("/{session_id}/events", summary="What happened, after a sequence number")
    async def events(
        request: Request,
        session_id: SessionId,
        after: Seq = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 200,
    ) -> dict[str, Any]:
        log = held_of(hub, request, session_id, to_change=False).log
        found = []
        for logged in log.since(after):
            found.append(event_json(logged))
            if len(found) == limit:
                break
        num_missed = max(0, min(log.first_seq, log.last_seq + 1) - after - 1)
        return {"events": found, "num_missed": num_missed, "last_seq": log.last_seq}

    @router.get(
        "/{session_id}/events/stream",
        summary="The same as it happens, as server-sent events",
        response_class=StreamingResponse,
    )
    async def follow(
        request: Request, session_id: SessionId, after: Seq | None = None
    ) -> StreamingResponse:
        held = held_of(hub, request, session_id, to_change=False)
        last = request.headers.get("last-event-id", "")
        after = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else after
        return StreamingResponse(_sse(held, after), media_type="text/event-stream")


async def _sse(held: Held, after: int | None) -> AsyncIterator[str]:
    async with aclosing(held.subscribe(after)) as entries:
        async for entry in entries:
            if isinstance(entry, Missed):
                yield f"event: missed\ndata: {json.dumps({'num': entry.num})}\n\n"
            else:
                plain = json.dumps(event_json(entry), ensure_ascii=False)
                yield f"id: {entry.seq}\ndata: {plain}\n\n"
