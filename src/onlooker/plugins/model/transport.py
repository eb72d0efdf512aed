"""Requests to an OpenAI-compatible server, and every way in which one can go wrong."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from math import exp
from typing import Any, TypeVar

import httpx
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState
from purgatory.service._async.circuitbreaker import AsyncCircuitBreaker
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from onlooker.core.errors import MalformedDecision, ModelUnavailable
from onlooker.core.event import Usage
from onlooker.plugins.model.reading import Chunk, Token

MAX_REPLY_BYTES = 8 * 2**20  # log-probabilities take about 1 KB a token
_MAX_SHOWN = 200
_DRAIN_S = 0.05

T = TypeVar("T")

Take = Callable[[Chunk], Awaitable[bool]]  # returns whether to go on


class ServerFailed(ModelUnavailable):
    """The server gave no answer. `status` is its HTTP status, if it came so far."""

    def __init__(
        self, message: str, *, status: int | None = None, text: str = "", is_transient: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.text = text  # what the server said
        self.is_transient = is_transient  # trying again may help


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, how often to try."""

    timeout_s: float
    connect_timeout_s: float
    retries: int
    breaker_failures: int
    breaker_pause_s: float


class Transport:
    """One server: connections that are kept, retries before the first token, and a breaker."""

    def __init__(self, url: httpx.URL, key: str, key_names: str, limits: Limits) -> None:
        self._url = url
        # Without what must not be shown.
        self.where = str(self._url.copy_with(userinfo=b"", query=None, fragment=None))
        self._key = key
        self._key_names = key_names
        self._limits = limits
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        timeout = httpx.Timeout(limits.timeout_s, connect=limits.connect_timeout_s)
        # A tick a second, and some are skipped: connections outlive the pauses.
        pool = httpx.Limits(keepalive_expiry=60.0)
        self._client = httpx.AsyncClient(headers=headers, timeout=timeout, limits=pool)
        self._breaker: AsyncCircuitBreaker | None = None

    async def close(self) -> None:
        await self._client.aclose()

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Hold whatever is asked for one decision to the time-out, and to the breaker.

        Raises:
            ModelUnavailable: the time is up, or the server has failed too often.
        """
        limits = self._limits
        if self._breaker is None:
            self._breaker = await AsyncCircuitBreakerFactory(
                limits.breaker_failures,
                limits.breaker_pause_s,
                exclude=[asyncio.CancelledError, MalformedDecision],
            ).get_breaker(self.where)
        try:
            async with self._breaker, asyncio.timeout(limits.timeout_s):
                yield
        except OpenedState:
            raise ModelUnavailable(
                f"{self.where} failed {limits.breaker_failures} times in a row: it is not asked "
                f"again until {limits.breaker_pause_s:g} s have passed; see its log"
            ) from None
        except TimeoutError:
            raise ModelUnavailable(
                f"{self.where} gave no whole answer within timeout_s={limits.timeout_s:g}: raise "
                f"it, or take a smaller model or window"
            ) from None

    async def models(self) -> list[dict[str, Any]]:
        """List the models that the server has."""
        return await self._retrying(self._models)

    async def post(self, body: bytes, take: Take, *, retry_500: bool = True) -> None:
        """Ask for a completion, and hand over its chunks until `take` has enough.

        Raises:
            ServerFailed: no answer, or half of one.
        """
        await self._retrying(self._post, body, take, retry_500=retry_500)

    async def _retrying(
        self, ask: Callable[..., Awaitable[T]], *args: object, retry_500: bool = True
    ) -> T:
        def may_help(error: BaseException) -> bool:
            if not isinstance(error, ServerFailed) or (error.status == 500 and not retry_500):
                return False
            return error.is_transient

        again = AsyncRetrying(
            stop=stop_after_attempt(1 + self._limits.retries),
            wait=wait_random_exponential(multiplier=0.05, max=1.0),
            retry=retry_if_exception(may_help),
            reraise=True,
        )
        return await again(ask, *args)

    async def _models(self) -> list[dict[str, Any]]:
        async with self._answered("GET", "models") as response:
            text = await _read(response)
        try:
            return [dict(model) for model in json.loads(text)["data"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise self._odd(response, text, "a list of models") from None

    async def _post(self, body: bytes, take: Take) -> None:
        num_chunks = 0
        try:
            async with (
                self._answered("POST", "chat/completions", body) as response,
                aclosing(self._chunks(response)) as chunks,
            ):
                async for chunk in chunks:
                    num_chunks += bool(chunk.text)
                    if not await take(chunk):
                        return
        except ServerFailed as error:
            # What was said cannot be taken back.
            error.is_transient &= num_chunks == 0
            raise

    @asynccontextmanager
    async def _answered(
        self, method: str, path: str, body: bytes | None = None
    ) -> AsyncIterator[httpx.Response]:
        """Yield a response with status 200, with everything else made a `ServerFailed`."""
        url = self._url.copy_with(path=f"{self._url.path.rstrip('/')}/{path}")
        try:
            async with self._client.stream(method, url, content=body) as response:
                if response.status_code != 200:
                    raise self._refused(response, await _read(response))
                yield response
        except httpx.TimeoutException as error:
            raise ServerFailed(
                f"{self.where} did not answer in time ({type(error).__name__}): see that it "
                f"runs and is not overloaded, or raise timeout_s or connect_timeout_s",
                is_transient=isinstance(error, httpx.ConnectTimeout),
            ) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            why = str(error) or type(error).__name__
            raise ServerFailed(
                f"{self.where} cannot be reached, or broke off: {self._shown(why)}; see that the "
                f"server runs and that url is right",
                is_transient=True,
            ) from error

    async def _chunks(self, response: httpx.Response) -> AsyncGenerator[Chunk]:
        content_type = response.headers.get("content-type", "")
        if not content_type.startswith("text/event-stream"):
            # Servers that do not stream send the whole answer at once.
            text = await _read(response)
            yield self._chunk(response, text)
            return
        is_finished = False  # not every server says that it is done
        async with aclosing(_events(response)) as events:
            async for data in events:
                if data == "[DONE]":
                    return
                chunk = self._chunk(response, data)
                is_finished |= chunk.finish is not None
                yield chunk
        if not is_finished:
            raise ServerFailed(
                f"{self.where} closed the stream before its end: see its log", is_transient=True
            )

    def _chunk(self, response: httpx.Response, data: str) -> Chunk:
        """Read a streamed chunk, or a whole completion."""
        try:
            plain = json.loads(data)
            if error := plain.get("error"):
                message = error.get("message", error) if isinstance(error, dict) else error
                raise ServerFailed(
                    f"{self.where} failed with {self._shown(str(message))!r}: see its log",
                    text=str(message),
                )
            return _chunk_of(plain)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise self._odd(response, data, "a chat completion") from None

    def _refused(self, response: httpx.Response, text: str) -> ServerFailed:
        status = response.status_code
        remedy = _REMEDIES.get(status, "see the server's log" if status >= 500 else "see url")
        return ServerFailed(
            f"{self.where} answered with status {status}, {self._shown(_message_of(text))!r}: "
            f"{remedy.format(key=self._key_names)}",
            status=status,
            text=text,
            is_transient=status == 429 or status >= 500,
        )

    def _odd(self, response: httpx.Response, text: str, expected: str) -> ServerFailed:
        kind = response.headers.get("content-type", "no content type")
        return ServerFailed(
            f"{self.where} sent {self._shown(text)!r} ({kind}) where {expected} was expected: "
            f"see that url is the base of an OpenAI-compatible API, such as http://HOST:8000/v1"
        )

    def _shown(self, text: str) -> str:
        """Make what a server said fit for a message: short, one line, and without the key."""
        line = " ".join(text.split())
        if self._key:
            line = line.replace(self._key, "***")
        return line if len(line) <= _MAX_SHOWN else f"{line[:_MAX_SHOWN]}..."


_REMEDIES = {
    400: "the request does not suit this model or server; a smaller window_ticks helps if it is "
    "too long or has too many pictures, as does vLLM's --limit-mm-per-prompt",
    401: "set the key in the environment variable {key}",
    403: "the key in the environment variable {key} may not do this",
    404: "see that url ends where the API begins (mostly in /v1), and that name is served there",
    413: "the request is too large: lower max_pixels, quality or window_ticks",
    429: "too many requests, or no credit: wait, or ask less often with period_s or gate",
}


async def _read(response: httpx.Response) -> str:
    """Read a whole reply, up to what a reply may have."""
    data = bytearray()
    async for piece in response.aiter_bytes():
        data += piece
        if len(data) > MAX_REPLY_BYTES:
            break
    return data[:MAX_REPLY_BYTES].decode(errors="replace")


async def _events(response: httpx.Response) -> AsyncGenerator[str]:
    """Yield the data of server-sent events; one line each, as these servers send them.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    num_bytes, rest = 0, b""
    pieces = response.aiter_bytes()
    async for piece in pieces:
        num_bytes += len(piece)
        if num_bytes > MAX_REPLY_BYTES:
            raise MalformedDecision(
                rest.decode(errors="replace"), f"the reply has passed {MAX_REPLY_BYTES} bytes"
            )
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip().decode(errors="replace")
            if data == "[DONE]":
                await _drain(pieces)
            yield data


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read the last bytes of a reply, without which its connection could not be kept."""
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_DRAIN_S):
            async for _ in pieces:
                pass


def _chunk_of(plain: dict[str, Any]) -> Chunk:
    # Without choices come the usage, and what some clouds have to say about the prompt.
    choice = (plain["choices"] or [{}])[0]
    message = choice.get("delta") or choice.get("message") or {}
    return Chunk(
        text=str(message.get("content") or ""),
        tokens=_tokens_of(choice.get("logprobs") or {}),
        finish=choice.get("finish_reason"),
        usage=_usage_of(plain.get("usage")),
    )


def _tokens_of(logprobs: dict[str, Any]) -> tuple[Token, ...]:
    return tuple(
        Token(
            str(token["token"]),
            {
                str(other["token"]): exp(min(0.0, float(other["logprob"])))
                for other in [*(token.get("top_logprobs") or []), token]
            },
        )
        for token in logprobs.get("content") or []
    )


def _usage_of(usage: dict[str, Any] | None) -> Usage | None:
    if not usage:
        return None
    return Usage(
        prompt_tokens=usage.get("prompt_tokens"),
        cached_tokens=(usage.get("prompt_tokens_details") or {}).get("cached_tokens"),
        completion_tokens=usage.get("completion_tokens"),
    )


def _message_of(text: str) -> str:
    """Take the sentence out of an error reply."""
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        error = json.loads(text)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    return re.sub(r"<[^>]*>", " ", text)
