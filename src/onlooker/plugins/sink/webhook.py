"""Events for other systems: signed HTTP calls, as standardwebhooks.com describes them."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

import httpx
from pydantic import BaseModel, Field, field_validator
from standardwebhooks import Webhook
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from onlooker.core.decision import Silent
from onlooker.core.errors import BadSettings, SinkFailed
from onlooker.core.event import Decided, Event, Opened, Perceived
from onlooker.core.percept import Picture, Pictures
from onlooker.core.wire import to_json, type_of

SECRET = "ONLOOKER_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable that holds it
TRY_AGAIN = (408, 425, 429)  # of the 4xx: those that say so
GONE = 410

EventType = Literal[
    "opened",
    "decided",
    "skipped",
    "failed",
    "stream_health",
    "task_asked",
    "task_progress",
    "task_answered",
    "closed",
]


class WebhookSettings(BaseModel, frozen=True, extra="forbid"):
    """Who is told, and of what. The secret comes from the environment: ONLOOKER_WEBHOOK_SECRET."""

    url: str = Field(description="where to POST: http or https, without user and password")
    events: tuple[EventType, ...] = Field(
        default=("decided", "stream_health", "failed"), description="types of events that are sent"
    )
    silent: bool = Field(default=False, description="send decisions to be silent, too")
    snapshot: bool = Field(default=False, description="add the newest picture, as JPEG in base64")
    max_snapshot_bytes: int = Field(
        default=1_000_000,
        ge=1,
        description="a larger JPEG is left out, and its size is told instead",
    )
    timeout_s: float = Field(
        default=10.0, gt=0, le=120, description="for one attempt, from start to end"
    )
    max_attempts: int = Field(
        default=5, ge=1, le=20, description="for one event; a single one while the receiver is down"
    )
    first_wait_s: float = Field(
        default=1.0, ge=0, description="at most before the second attempt; doubled then"
    )
    longest_wait_s: float = Field(default=30.0, ge=0, description="between two attempts, at most")

    @field_validator("url")
    @classmethod
    def _is_plain_http(cls, url: str) -> str:
        parsed = httpx.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError("expected http://HOST/... or https://HOST/...")
        if parsed.userinfo:
            raise ValueError(f"a password does not belong here: calls are signed with {SECRET}")
        return url


class _Unanswered(Exception):
    """Worth another attempt."""


class WebhookSink:
    """Tells a receiver of events, signed, and again until it has got them.

    The body is `{"type", "timestamp", "data"}`, where `data` is the event with its session's id
    and perhaps a snapshot. All attempts for an event carry the same `webhook-id`, so that a
    receiver can drop what it has seen. Redirects aren't followed; 410 ends the calls.

    Raises:
        BadSettings: the environment has no secret, or none that is base64.
    """

    Settings = WebhookSettings

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._signer = _signer()
        self._client = httpx.AsyncClient(
            timeout=settings.timeout_s, headers={"user-agent": "onlooker"}, follow_redirects=False
        )
        # A path may be as secret as a password, so messages name no more than this.
        url = httpx.URL(settings.url)
        self._receiver = f"{url.scheme}://{url.netloc.decode()}"
        self._session = ""
        self._newest: dict[str, Picture] = {}  # by stream
        self._is_up = True
        self._is_gone = False

    async def accept(self, event: Event) -> None:
        if isinstance(event, Opened):
            self._session = event.session
        if isinstance(event, Perceived) and self._settings.snapshot:
            self._keep_newest(event)
        if self._is_gone or not self._is_wanted(event):
            return
        message_id = f"msg_{uuid4().hex}"
        body = json.dumps(self._message(event), ensure_ascii=False)
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(_Unanswered),
            stop=stop_after_attempt(self._settings.max_attempts if self._is_up else 1),
            wait=wait_random_exponential(
                multiplier=self._settings.first_wait_s, max=self._settings.longest_wait_s
            ),
            reraise=True,
        )
        try:
            async for attempt in attempts:
                with attempt:
                    await self._post(message_id, body)
            self._is_up = True
        except _Unanswered as error:
            self._is_up = False
            tried = attempts.statistics["attempt_number"]
            raise SinkFailed(
                f"{self._receiver} took no {type_of(type(event))} event in {tried} attempts "
                f"(last: {error}); check that it runs and answers with 2xx"
            ) from None

    async def close(self) -> None:
        await self._client.aclose()

    def _is_wanted(self, event: Event) -> bool:
        if isinstance(event, Decided) and isinstance(event.decision, Silent):
            return self._settings.silent and "decided" in self._settings.events
        return type_of(type(event)) in self._settings.events

    def _message(self, event: Event) -> dict[str, Any]:
        data = {"session": self._session, **to_json(event)}
        if self._settings.snapshot:
            data |= self._snapshot(event.stream)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        return {"type": data["type"], "timestamp": now, "data": data}

    async def _post(self, message_id: str, body: str) -> None:
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(message_id, now, body),
        }
        try:
            async with (
                asyncio.timeout(self._settings.timeout_s),
                # The answer's body is never read: it may have no end.
                self._client.stream(
                    "POST", self._settings.url, content=body, headers=headers
                ) as answer,
            ):
                status = answer.status_code
        except (TimeoutError, httpx.TimeoutException):
            raise _Unanswered(f"no answer in {self._settings.timeout_s} s") from None
        except httpx.HTTPError as error:
            raise _Unanswered(f"{type(error).__name__}: {error}") from None
        self._judge(status)

    def _judge(self, status: int) -> None:
        if 200 <= status < 300:
            return
        if status >= 500 or status in TRY_AGAIN:
            raise _Unanswered(f"status {status}")
        if status == GONE:
            self._is_gone = True
            raise SinkFailed(f"{self._receiver} is gone (status 410): nothing more is sent to it")
        why = "redirects are not followed: name the final url" if status < 400 else "it refuses"
        raise SinkFailed(f"{self._receiver} answered with status {status}, expected 2xx: {why}")

    def _keep_newest(self, event: Perceived) -> None:
        for percept in event.percepts:
            if isinstance(percept, Pictures):
                self._newest |= {picture.stream: picture for picture in percept.pictures}

    def _snapshot(self, stream: str | None) -> dict[str, Any]:
        """Give the newest picture of the stream that the event is about, or of all."""
        pictures = [p for p in self._newest.values() if stream in (None, p.stream)]
        if not pictures:
            return {}
        newest = max(pictures, key=lambda picture: picture.time_s)
        about = {"stream": newest.stream, "time_s": newest.time_s, "num_bytes": len(newest.jpeg)}
        if len(newest.jpeg) > self._settings.max_snapshot_bytes:
            return {"snapshot": {**about, "jpeg_base64": None}}
        return {"snapshot": {**about, "jpeg_base64": base64.b64encode(newest.jpeg).decode()}}


def _signer() -> Webhook:
    remedy = (
        f"set it to 'whsec_' and 24 or more random bytes in base64, for the receiver as well: "
        f'export {SECRET}="whsec_$(openssl rand -base64 32)"'
    )
    secret = os.environ.get(SECRET, "")
    if not secret:
        raise BadSettings(f"calls are signed, and the environment has no {SECRET}: {remedy}")
    try:
        digits = secret.removeprefix("whsec_").rstrip("=")
        key = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadSettings(f"{SECRET} is not base64: {remedy}") from None
    if len(key) < 24:
        raise BadSettings(f"{SECRET} holds {len(key)} bytes, too few to be safe: {remedy}")
    return Webhook(key)
