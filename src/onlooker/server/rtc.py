"""`/v1/realtime/calls`: WebRTC calls by SDP over HTTP, as OpenAI has it, with trickle by PATCH."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from aiortc import RTCIceServer
from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData

from onlooker.core.errors import BadSettings
from onlooker.server.auth import TICKET_S, Tokens, Visitor
from onlooker.server.held import CAMERA
from onlooker.server.hub import Hub, TooManySessions, UnknownSession
from onlooker.server.realtime import admission, join, resume_token_of
from onlooker.server.realtime_session import Terms, change_session
from onlooker.server.rtc_call import BadOffer, Call, Manner
from onlooker.server.wire import BadEvent, GivenSession, Name

MAX_SDP_BYTES = 64 * 1024
MAX_CHANNEL_BYTES = 256 * 1024  # of one message on a data channel: no browser sends more
SDP = "application/sdp"
TURN_USERNAME, TURN_CREDENTIAL = "ONLOOKER_TURN_USERNAME", "ONLOOKER_TURN_CREDENTIAL"
_NAMES: TypeAdapter[tuple[str, ...]] = TypeAdapter(tuple[Name, ...])

log = logging.getLogger("onlooker.server")


class Calls:
    """All calls of a server."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._admit = admission(hub)
        self._calls: dict[str, tuple[Call, Visitor]] = {}

    async def begin(self, visitor: Visitor, offer: str, request: Request) -> tuple[Call, str]:
        """Take an offer, and give the call with our answer.

        Raises:
            BadOffer, BadEvent, UnknownSession, TooManySessions, Forbidden, BadSettings: why not.
        """
        if len(self._calls) >= self._hub.limits.max_sessions:
            raise TooManySessions(f"{len(self._calls)} calls are held, which is max_sessions")
        manner = _manner(self._hub, request.query_params)
        token = resume_token_of(request.headers)
        held, terms = join(self._hub, visitor, request.query_params, token, self._admit)
        terms.max_message_bytes = MAX_CHANNEL_BYTES
        call = Call(self._hub, held, replace(manner, terms=terms))
        is_new = not request.query_params.get("session")
        try:
            answer = await call.answer(offer)
        except BadOffer:
            if is_new:
                held.session.stop("its offer could not be taken")
            raise
        self._calls[call.id] = (call, visitor)
        try:
            self._hub.spawn(self._hold(call))
        except TooManySessions:
            await call.close()
            raise
        return call, answer

    def find(self, call_id: str, visitor: Visitor) -> Call:
        """Give a call to whom it belongs.

        Raises:
            UnknownSession: there is none.
        """
        call, owner = self._calls.get(call_id, (None, None))
        if call is None or owner != visitor:
            raise UnknownSession(call_id)
        return call

    async def _hold(self, call: Call) -> None:
        """Hold a call to its end. A bug in one is none of the others' business."""
        try:
            await call.run()
        except Exception as error:
            log.exception("call broke", extra={"session": call.held.id}, exc_info=error)
        finally:
            self._calls.pop(call.id, None)


def calls_router(hub: Hub, tokens: Tokens) -> APIRouter:
    """Make the routes of calls, and of the tickets that pages bring to them and to the socket."""
    router = APIRouter(tags=["realtime"])
    calls = Calls(hub)

    @router.post("/v1/realtime/calls", status_code=201, response_class=Response)
    async def begin(request: Request) -> Response:
        """Begin a call: an SDP offer in, an SDP answer back, the call's address in `Location`."""
        visitor: Visitor = request.state.visitor
        offer, session = await _offer_of(request)
        call, answer = await calls.begin(visitor, offer, request)
        if session is not None and call.may_act:
            await change_session(call.held, session)
        headers = {"Location": f"/v1/realtime/calls/{call.id}", "Onlooker-Session": call.held.id}
        return Response(answer, 201, headers, media_type=SDP)

    @router.patch("/v1/realtime/calls/{call_id}", status_code=204, response_class=Response)
    async def trickle(call_id: str, request: Request) -> Response:
        """Add candidates to a call, as `application/trickle-ice-sdpfrag`."""
        call = calls.find(call_id, request.state.visitor)
        await call.add_candidates(_text(await request.body()))
        return Response(status_code=204)

    @router.delete("/v1/realtime/calls/{call_id}", status_code=204, response_class=Response)
    async def end(call_id: str, request: Request) -> Response:
        """End a call; its session goes on for a while."""
        await calls.find(call_id, request.state.visitor).close()
        return Response(status_code=204)

    @router.post("/v1/realtime/calls/{call_id}/hangup", status_code=200, response_class=Response)
    async def hang_up(call_id: str, request: Request) -> Response:
        """The same, as OpenAI has it."""
        await calls.find(call_id, request.state.visitor).close()
        return Response(status_code=200)

    @router.post("/v1/realtime/client_secrets")
    async def ticket(request: Request) -> dict[str, str | int | dict[str, str]]:
        """Give a ticket that stands for the caller's token for a minute."""
        until = datetime.now(UTC) + timedelta(seconds=TICKET_S)
        return {
            "value": tokens.ticket(request.state.visitor),
            "expires_at": int(until.timestamp()),
            "session": {"type": "realtime", "object": "realtime.session"},
        }

    @router.get("/v1/realtime/ice_servers")
    async def ice_servers(request: Request) -> dict[str, list[dict[str, str | list[str] | None]]]:
        """Tell a client which STUN and TURN servers it may use: none, unless they are set."""
        visitor: Visitor = request.state.visitor
        visitor.must("operator")
        servers: list[dict[str, str | list[str] | None]] = [
            {"urls": server.urls, "username": server.username, "credential": server.credential}
            for server in _ice_servers(hub)
        ]
        return {"ice_servers": servers}

    return router


async def _offer_of(request: Request) -> tuple[str, GivenSession | None]:
    """Read an offer, alone or in a form with a session beside it.

    Raises:
        BadOffer: there is none, or it is too long.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return _text(await request.body()), None
    async with request.form(max_files=2, max_fields=2, max_part_size=MAX_SDP_BYTES) as form:
        offer, session = await _field(form, "sdp"), await _field(form, "session")
    if not session:
        return _text(offer), None
    try:
        return _text(offer), GivenSession.model_validate_json(session)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadEvent("invalid_value", f"session: {first['msg']}", "session") from None


async def _field(form: FormData, name: str) -> bytes:
    value = form.get(name) or ""
    return value.encode() if isinstance(value, str) else await value.read()


def _text(body: bytes) -> str:
    if not body or len(body) > MAX_SDP_BYTES:
        raise BadOffer(f"{len(body)} bytes of SDP: expected 1 to {MAX_SDP_BYTES}")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise BadOffer("the SDP is no text") from None


def _manner(hub: Hub, query: Mapping[str, str]) -> Manner:
    """Read what a visitor says of a call to come."""
    named = query.get("streams", "")
    try:
        names = _NAMES.validate_python(tuple(filter(None, named.split(","))))
    except ValidationError:
        raise BadSettings("streams: names of letters, digits, '.', '-', separated by ','") from None
    return Manner(
        Terms(MAX_CHANNEL_BYTES), cameras=names or (CAMERA,), ice_servers=tuple(_ice_servers(hub))
    )


def _ice_servers(hub: Hub) -> list[RTCIceServer]:
    """Give the servers of the settings; what a TURN server asks for is in the environment."""
    username, credential = os.environ.get(TURN_USERNAME), os.environ.get(TURN_CREDENTIAL)
    return [
        RTCIceServer(urls=url, username=username, credential=credential)
        if url.startswith("turn")
        else RTCIceServer(urls=url)
        for url in hub.limits.ice_servers
    ]
