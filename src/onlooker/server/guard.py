"""What every request passes first: host, origin, token, rate, size, time; and the headers back."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Collection
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onlooker.config import ServerSettings
from onlooker.core.errors import OnlookerError
from onlooker.server.auth import Tokens, Unauthorised, Visitor, bearer_of
from onlooker.server.refusals import answer, status_of

PRIVATE = ("/v1/", "/metrics", "/openapi.json", "/docs")
BODY_TIMEOUT_S = 30.0  # for a whole body to arrive

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob: mediastream:; connect-src 'self'; font-src 'self'; "
    "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
API_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self)",
}

log = logging.getLogger("onlooker.access")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request goes no further."""

    status: int
    message: str


class TooLarge(OnlookerError):
    """A body is larger than what is taken."""


class Guard:
    """Wraps the whole app. What it lets pass has its `Visitor` in `scope["state"]`."""

    def __init__(
        self, app: ASGIApp, tokens: Tokens, settings: ServerSettings, hosts: Collection[str] = ()
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._settings = settings
        names = {"localhost", socket.gethostname().lower(), *settings.hosts, *hosts}
        self._hosts = {name.lower() for name in names}
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._rate, self._refused = parse(settings.rate), parse(settings.rate_refused)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        call = _Call(scope, send, began_s=perf_counter())
        refusal = self._refusal(scope)
        try:
            if refusal is not None:
                await self._refuse(call, receive, refusal)
            elif scope["type"] == "http":
                body = _Body(receive, self._settings.max_body_bytes)
                await self._app(scope, body.receive, call.send)
            else:
                await self._app(scope, receive, send)
        finally:
            call.tell()

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_our_name(host):
            return Refusal(421, f"we are not called {_short(host)!r} here: see server.hosts")
        origin = headers.get("origin")
        if origin is not None and not self._is_our_page(origin, host):
            return Refusal(403, f"a page of {_short(origin)} may not talk to us: server.origins")
        if not _is_private(scope["path"]):
            return None
        if _length_of(headers) > self._settings.max_body_bytes:
            return Refusal(413, f"at most {self._settings.max_body_bytes} bytes are taken")
        return self._refuse_visitor(scope, headers)

    def _refuse_visitor(self, scope: Scope, headers: Headers) -> Refusal | None:
        """Find out who it is, and whether they ask too much."""
        address = (scope.get("client") or ("",))[0]
        if not self._limiter.test(self._refused, "refused", address):
            return Refusal(429, "too many wrong tokens from your address: wait a minute")
        try:
            visitor = self._tokens.visitor(bearer_of(headers))
        except Unauthorised as error:
            if bearer_of(headers):
                self._limiter.hit(self._refused, "refused", address)
            return Refusal(status_of(error), str(error))
        if not self._limiter.hit(self._rate, visitor.owner, address):
            return Refusal(429, f"more than {self._settings.rate} requests: see server.rate")
        scope.setdefault("state", {})["visitor"] = visitor
        return None

    async def _refuse(self, call: _Call, receive: Receive, refusal: Refusal) -> None:
        response: Response = answer(refusal.status, refusal.message)
        if call.scope["type"] == "websocket":
            if "websocket.http.response" in call.scope.get("extensions", {}):
                await _denied(response, call.scope, receive, call.send)
            else:
                await call.send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        await response(call.scope, receive, call.send)

    def _is_our_name(self, host: str) -> bool:
        """Only names that are ours: another one is a page that had its own name lead to us."""
        name = _hostname(host)
        if name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _is_our_page(self, origin: str, host: str) -> bool:
        if origin in self._settings.origins:
            return True
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


@dataclass
class _Call:
    """One request on its way: what is sent back, and what is logged."""

    scope: Scope
    _send: Send
    began_s: float
    status: int = 0

    async def send(self, message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            self.status = int(message["status"])
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            is_page = not _is_private(self.scope["path"])
            headers.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else API_POLICY)
            if not is_page:
                headers.setdefault("Cache-Control", "no-store")
        await self._send(message)

    def tell(self) -> None:
        """Log the request: its path, never its query, headers or body."""
        took_s = perf_counter() - self.began_s
        state = self.scope.get("state", {})
        if seen := state.get("metrics"):
            seen.tell_request(self.scope, self.status, took_s)
        visitor: Visitor | None = state.get("visitor")
        log.info(
            "%s %s",
            self.scope.get("method", "WS"),
            self.scope["path"][:200],
            extra={
                "status": self.status,
                "took_ms": round(took_s * 1e3, 1),
                "owner": visitor.owner if visitor else None,
                "request": uuid4().hex[:8],
                "session": (self.scope.get("path_params") or {}).get("session_id")
                or state.get("session"),
            },
        )


class _Body:
    """Counts what arrives, and does not wait for ever."""

    def __init__(self, receive: Receive, max_bytes: int) -> None:
        self._receive = receive
        self._left = max_bytes
        self._until_s = perf_counter() + BODY_TIMEOUT_S
        self._is_whole = False

    async def receive(self) -> Message:
        if self._is_whole:
            return await self._receive()
        try:
            async with asyncio.timeout(max(0.0, self._until_s - perf_counter())):
                message = await self._receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise TooLarge("the body is larger than server.max_body_bytes")
            self._is_whole = not message.get("more_body", False)
        return message


async def _denied(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a socket's opening with an HTTP response."""

    async def as_denial(message: Message) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    await response(dict(scope) | {"type": "http", "method": "GET"}, receive, as_denial)


def visitor_of(scope_state: Any) -> Visitor:
    """Give the visitor that the guard let pass."""
    visitor: Visitor = scope_state.visitor
    return visitor


def _is_private(path: str) -> bool:
    return path.startswith(PRIVATE) or path == "/v1"


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _length_of(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() else 0


def _short(text: str) -> str:
    return text[:80]
