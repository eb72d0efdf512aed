"""`/v1/chat/completions`, as the released system's clients and stock OpenAI clients know it.

A request with a session is a tick of that session; one without is a session of its own, which
ends with the answer. Nobody shares a session by leaving its name out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel

from onlooker.core.decision import RESPONSE, Delegate, Silent, Speak, render_decision
from onlooker.core.errors import BadSettings, ModelUnavailable, UnknownTask
from onlooker.core.event import Closed, Decided, Event, Failed, Skipped, Speaking
from onlooker.core.moment import Tick
from onlooker.core.prompt import Persona, task_id_of
from onlooker.server.auth import Visitor
from onlooker.server.chat_answer import Answered, chunk, completion
from onlooker.server.chat_request import Asked, ChatRequest, session_of, understand
from onlooker.server.chat_session import Given, GivenSource, RequestClock, RequestTicker
from onlooker.server.guard import visitor_of
from onlooker.server.held import CAMERA, Held
from onlooker.server.hub import Hub, Opening
from onlooker.server.log import Missed
from onlooker.server.refusals import Gone, TooMany

PRINTABLE = " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
MAX_WAITING = 4  # requests of one session that wait for their turn
QUERY, SYSTEM = "query", "system"  # the instructions that requests carry


@dataclass(eq=False)
class Chat:
    """What a session over chat requests has beside the session."""

    held: Held
    ticker: RequestTicker
    source: GivenSource
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    num_waiting: int = 0
    system: str = ""
    told: set[str] = field(default_factory=set)  # tasks whose answers a client has seen


class Chats:
    """The chat sessions of a server."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._of: WeakKeyDictionary[_Key, Chat] = WeakKeyDictionary()
        self._keys: dict[str, _Key] = {}

    def get(self, owner: str, name: str) -> Chat | None:
        """Give a session that is open already."""
        held = self._hub.find_named(owner, "chat", name)
        key = self._keys.get(held.id) if held else None
        return self._of.get(key) if key else None

    def open(self, visitor: Visitor, name: str, persona: Persona | None) -> Chat:
        """Open a session for a visitor; without a name nobody finds it again."""
        clock = RequestClock()
        ticker = RequestTicker(clock, self._hub.settings.live.period_s)
        held = self._hub.open(
            Opening(
                visitor.owner, name, "chat", persona, clock=clock, ticker=ticker, lasts=bool(name)
            )
        )
        source = GivenSource(held.limits)
        held.session.add_stream(CAMERA, source)
        self._keys = {id_: key for id_, key in self._keys.items() if key.held.is_open}
        key = self._keys[held.id] = _Key(held)
        chat = self._of[key] = Chat(held, ticker, source)
        return chat


@dataclass(eq=False)
class _Key:
    """Lives as long as its session is open."""

    held: Held


class ResetRequest(BaseModel, extra="ignore"):
    """Which session to forget; the headers go before it."""

    session_id: str | None = None
    user: str | None = None


class PersonaRequest(ResetRequest):
    """How much a session says unasked."""

    persona: Persona


def chat_router(hub: Hub) -> APIRouter:
    """Make the routes."""
    router, chats = APIRouter(tags=["chat"]), Chats(hub)

    @router.post("/v1/chat/completions", summary="One tick of a session, or a lone question")
    async def completions(request: Request, body: ChatRequest) -> Response:
        visitor = visitor_of(request.state)
        visitor.must("operator")
        # Half a millisecond for a picture; a thread would cost more than it takes off the loop.
        asked = understand(body, request.headers)
        if body.stream:
            turn = _turn(chats, hub, visitor, asked, body.persona)
            answered = await anext(turn)  # so that what is refused is refused with its status
            request.state.session = answered.session
            return StreamingResponse(_sse(answered, turn, body), media_type="text/event-stream")
        async with aclosing(_turn(chats, hub, visitor, asked, body.persona)) as turn:
            newest = Answered()
            async for answered in turn:
                newest = answered
        request.state.session = newest.session  # for logs and traces
        # A header holds no other letters: these come back as percent signs and their bytes.
        headers = {"x-session-id": quote(asked.session, safe=PRINTABLE)} if asked.session else {}
        return JSONResponse(completion(newest, _now()), headers=headers)

    @router.post("/v1/streaming/reset", summary="Forget a session")
    async def reset(request: Request, body: ResetRequest | None = None) -> dict[str, Any]:
        visitor = visitor_of(request.state)
        visitor.must("operator")
        name = _named(request, body)
        chat = chats.get(visitor.owner, name)
        if chat is not None:
            await hub.close(chat.held.id, "the client reset it")
        return {"ok": True, "session_id": name, "removed": chat is not None}

    @router.post("/v1/streaming/persona", summary="How much a session says unasked")
    async def persona(request: Request, body: PersonaRequest) -> dict[str, Any]:
        visitor = visitor_of(request.state)
        visitor.must("operator")
        name = _named(request, body)
        chat = chats.get(visitor.owner, name) or chats.open(visitor, name, body.persona)
        chat.held.set_persona(body.persona)
        return {"ok": True, "session_id": name, "persona": body.persona}

    @router.get("/v1/models", summary="The model that decides")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(hub)]}

    @router.get("/v1/models/{model:path}", summary="The model that decides, by any name")
    async def model(model: str) -> dict[str, Any]:
        return {**_model(hub), "id": model}

    return router


async def _turn(
    chats: Chats, hub: Hub, visitor: Visitor, asked: Asked, persona: Persona | None
) -> AsyncGenerator[Answered]:
    """Put a request to its session; yield how far the answer is, and then the answer."""
    chat = chats.get(visitor.owner, asked.session) if asked.session else None
    chat = chat or chats.open(visitor, asked.session, persona)
    try:
        async with _in_turn(chat), asyncio.timeout(hub.limits.request_timeout_s):
            tick, after_seq = await _give(chat, asked, persona)
            yield Answered(session=chat.held.id, model=hub.model_name)
            said = ""
            async for event in _events_of(chat.held, tick, after_seq):
                if isinstance(event, Speaking):
                    said = said + event.text if said else f"{RESPONSE} {event.text}"
                    yield Answered(session=chat.held.id, model=hub.model_name, content=said)
                else:
                    yield _answered(hub, chat, tick, event, asked)
                    return
    except TimeoutError:
        limit_s = hub.limits.request_timeout_s
        raise ModelUnavailable(
            f"no decision within {limit_s:g} s: server.request_timeout_s"
        ) from None
    finally:
        if not asked.session:
            chat.held.session.stop("its one question is answered")


@asynccontextmanager
async def _in_turn(chat: Chat) -> AsyncIterator[None]:
    """One request after the other, and not too many that wait."""
    if chat.num_waiting >= MAX_WAITING:
        raise TooMany(
            f"{MAX_WAITING} requests of this session wait already: send frames no faster than "
            f"they are decided on"
        )
    chat.num_waiting += 1
    try:
        async with chat.turn:
            yield
    finally:
        chat.num_waiting -= 1


async def _give(chat: Chat, asked: Asked, persona: Persona | None) -> tuple[Tick, int]:
    """Hand a request to the session: pictures first, then words, then the tick."""
    held = chat.held
    if persona and persona != held.persona:
        held.set_persona(persona)
    held.touch(is_input=True)
    tick = chat.ticker.span(*(asked.span or (None, None)))
    shift_s = tick.start_s - (asked.span[0] if asked.span else tick.start_s)
    step_s = (tick.end_s - tick.start_s) / max(1, len(asked.images))
    given = [
        Given(image, span[0] + shift_s if span else tick.start_s + number * step_s)
        for number, (image, span) in enumerate(zip(asked.images, asked.spans, strict=False))
    ]
    await chat.source.give(CAMERA, given)
    if asked.system != chat.system:
        chat.system = asked.system
        if asked.system:
            held.instruct(asked.system, SYSTEM)
        else:
            held.set_instruction(SYSTEM, "removed")
    if asked.text:
        held.instruct(asked.text, QUERY)
    after_seq = held.log.last_seq
    if not held.is_open:
        raise Gone("the session has ended: send the request again, and a new one begins")
    chat.ticker.ask(tick)
    return tick, after_seq


async def _events_of(held: Held, tick: Tick, after_seq: int) -> AsyncIterator[Event]:
    """Yield what is said in a tick, and what the tick comes to."""
    async with aclosing(held.subscribe(after_seq)) as entries:
        async for entry in entries:
            if isinstance(entry, Missed):
                continue
            event = entry.event
            if isinstance(event, Closed):
                break
            if event.tick != tick.index:
                continue
            if isinstance(event, Failed) and event.part not in ("model", "perception"):
                continue
            if isinstance(event, Speaking | Decided | Failed | Skipped):
                yield event
            if isinstance(event, Decided | Failed | Skipped):
                return
    raise Gone("the session ended before it had decided: send the request again")


def _answered(hub: Hub, chat: Chat, tick: Tick, event: Event, asked: Asked) -> Answered:
    decided = event if isinstance(event, Decided) else None
    decision = decided.decision if decided else Silent()
    if isinstance(decision, Delegate) and not asked.may_delegate:
        with suppress(UnknownTask):  # it was answered, or refused, at once
            chat.held.cancel_task(task_id_of(tick.index))
        decision = Speak(decision.text)
    tasks = {
        task.id: task
        for task in chat.held.kept.tasks.values()
        if task.status != "pending" and task.id not in chat.told
    }
    chat.told = (chat.told | set(tasks)) & set(chat.held.kept.tasks)
    return Answered(
        session=chat.held.id,
        model=hub.model_name,
        content=render_decision(decision),
        decision=decision,
        decided=decided,
        tick=tick,
        failed=event.error if isinstance(event, Failed) else "",
        skipped=event.reason if isinstance(event, Skipped) else "",
        tasks=tuple(tasks.values()),
        is_whole=True,
    )


async def _sse(
    first: Answered, turn: AsyncGenerator[Answered], body: ChatRequest
) -> AsyncIterator[str]:
    """Write the answer as it comes, piece by piece, as server-sent events."""
    created, sent = _now(), ""
    with_usage = bool((body.stream_options or {}).get("include_usage"))
    async with aclosing(turn):
        yield _event(chunk(first, created, {"role": "assistant", "content": ""}))
        try:
            async for answered in turn:
                piece = answered.content.removeprefix(sent)
                sent = answered.content
                if piece:
                    yield _event(chunk(answered, created, {"content": piece}))
                if answered.is_whole:
                    yield _event(chunk(answered, created, {}, is_last=True))
                    if with_usage:
                        yield _event(chunk(answered, created, None, is_last=True))
        except (ModelUnavailable, Gone) as error:
            yield _event({"error": {"message": str(error), "type": "server_error"}})
    yield "data: [DONE]\n\n"


def _event(plain: dict[str, Any]) -> str:
    return f"data: {json.dumps(plain, ensure_ascii=False)}\n\n"


def _named(request: Request, body: ResetRequest | None) -> str:
    given = body.session_id or body.user if body else None
    name = session_of(request.headers, given)
    if not name:
        raise BadSettings("name the session: header x-streaming-session, or session_id")
    return name


def _model(hub: Hub) -> dict[str, Any]:
    return {"id": hub.model_name, "object": "model", "created": 0, "owned_by": "onlooker"}


def _now() -> int:
    return int(datetime.now(UTC).timestamp())
