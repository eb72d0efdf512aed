"""HTTP calls to a brain. Whatever goes wrong is a `BrainFailed`, and no message shows the key."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from onlooker.core.endpoint import read_key
from onlooker.core.errors import BrainFailed

KEY = "ONLOOKER_BRAIN_KEY"
ODD = "the background brain gave no usable answer"

_UNREACHABLE = "the background brain cannot be reached"
_REFUSED = "the background brain did not take the question"
_BUSY = (429, 502, 503, 504)
_MAX_SHOWN = 300
_GET_TIMEOUT_S = 10.0
_MAX_REFUSAL_BYTES = 64 * 2**10
_REMEDIES = {
    401: "set its key in the environment variable {key}",
    403: "the key in the environment variable {key} may not do this",
    404: "see that url and name are right",
    413: "the task is too large: lower brain.tasks.num_pictures or max_picture_bytes",
    429: "too many requests, or no credit: wait",
}


class Refused(BrainFailed):
    """The server answered with another status than 200."""

    def __init__(self, message: str, status: int, text: str) -> None:
        super().__init__(message, _REFUSED if status < 500 else _UNREACHABLE)
        self.status = status
        self.text = text


class _Unreached(BrainFailed):
    """Nothing was answered yet, and trying again may help."""


class Calls:
    """Calls to one URL, which share their connections."""

    def __init__(self, url: str, key_env: str, connect_timeout_s: float, retries: int) -> None:
        self._url = httpx.URL(url)
        self.where = str(self._url.copy_with(userinfo=b"", query=None, fragment=None))
        self._key_env = key_env or KEY
        self._key = read_key(self._key_env)
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        # The session's time-out bounds a task; a brain may think in silence for long.
        timeout = httpx.Timeout(None, connect=connect_timeout_s)
        self._client = httpx.AsyncClient(headers=headers, timeout=timeout)
        self._retries = retries

    async def close(self) -> None:
        await self._client.aclose()

    async def post(self, body: bytes, max_bytes: int) -> AsyncGenerator[str]:
        """Send JSON, and yield the data of each server-sent event, or the whole of a plain answer.

        Raises:
            BrainFailed: no answer, one that breaks off, or one of more than `max_bytes`.
        """
        async with self._answered(body) as response:
            kind = response.headers.get("content-type", "")
            if kind.startswith("text/event-stream"):
                async with aclosing(self._events(response, max_bytes)) as events:
                    async for data in events:
                        yield data
                return
            whole = bytearray()
            async for piece in response.aiter_bytes():
                whole += piece
                self._check(len(whole), max_bytes)
            yield whole.decode(errors="replace")

    async def get(self, url: str) -> str:
        """Read something small; empty if it is not to be had."""
        try:
            response = await self._client.get(url, timeout=_GET_TIMEOUT_S)
        except httpx.HTTPError:
            return ""
        return response.text[:_MAX_REFUSAL_BYTES] if response.status_code == 200 else ""

    def odd(self, data: str, expected: str) -> BrainFailed:
        """Say that an answer is not what it should be."""
        return BrainFailed(f"{self.where} sent {self.shown(data)!r}, expected {expected}", ODD)

    @asynccontextmanager
    async def _answered(self, body: bytes) -> AsyncIterator[httpx.Response]:
        again = AsyncRetrying(
            stop=stop_after_attempt(1 + self._retries),
            wait=wait_random_exponential(multiplier=0.1, max=2.0),
            retry=retry_if_exception_type(_Unreached),
            reraise=True,
        )
        response: httpx.Response = await again(self._send, body)
        try:
            if response.status_code != 200:
                raise await self._refusal(response)
            yield response
        except (httpx.HTTPError, httpx.StreamError) as error:
            why = self.shown(str(error) or type(error).__name__)
            raise BrainFailed(f"{self.where} broke off: {why}", _UNREACHABLE) from None
        finally:
            await response.aclose()

    async def _send(self, body: bytes) -> httpx.Response:
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream, */*"}
        request = self._client.build_request("POST", self._url, content=body, headers=headers)
        try:
            response = await self._client.send(request, stream=True)
            if response.status_code in _BUSY and self._retries:
                refusal = await self._refusal(response)
                await response.aclose()
                raise _Unreached(str(refusal), refusal.spoken)
        except httpx.HTTPError as error:
            why = self.shown(str(error) or type(error).__name__)
            raise _Unreached(
                f"{self.where} cannot be reached: {why}; see that it runs and that url is right",
                _UNREACHABLE,
            ) from None
        return response

    async def _refusal(self, response: httpx.Response) -> Refused:
        text = bytearray()
        async for piece in response.aiter_bytes():
            text += piece
            if len(text) > _MAX_REFUSAL_BYTES:
                break
        said, status = text.decode(errors="replace"), response.status_code
        remedy = _REMEDIES.get(status, "see its log" if status >= 500 else "see url")
        return Refused(
            f"{self.where} answered with status {status}, {self.shown(said)!r}: "
            f"{remedy.format(key=self._key_env)}",
            status,
            said,
        )

    async def _events(self, response: httpx.Response, max_bytes: int) -> AsyncGenerator[str]:
        """Yield the data of server-sent events.

        Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
        """
        num_bytes, rest, data = 0, b"", list[str]()
        async for piece in response.aiter_bytes():
            num_bytes += len(piece)
            self._check(num_bytes, max_bytes)
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                text = line.rstrip(b"\r").decode(errors="replace")
                if text.startswith("data:"):
                    data.append(text[5:].removeprefix(" "))
                elif not text and data:
                    yield "\n".join(data)
                    data = []
        if data:
            yield "\n".join(data)

    def _check(self, num_bytes: int, max_bytes: int) -> None:
        if num_bytes > max_bytes:
            raise BrainFailed(
                f"{self.where} sent more than max_answer_bytes={max_bytes}: raise it, or have it "
                f"answer in fewer words",
                "the background brain's answer was too long",
            )

    def shown(self, text: str) -> str:
        """Make what a server said fit for a message: short, one line, and without the key."""
        line = " ".join(text.split())
        line = line.replace(self._key, "***") if self._key else line
        return line if len(line) <= _MAX_SHOWN else f"{line[:_MAX_SHOWN]}..."
