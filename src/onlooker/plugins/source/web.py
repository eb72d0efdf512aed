"""What FFmpeg reads over HTTP, fetched for it: FFmpeg itself has no network then.

Every connection is made here, those of redirections, playlists, segments and keys as well: to an
address that was looked up and checked at that moment, with the certificate checked against the
name. So a name service that changes its mind leads nowhere.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO

import httpcore
import httpx

from onlooker.core.errors import SourceFailed, SourceRefused
from onlooker.plugins.source.body import Body, Decrypted, Named, Readable
from onlooker.plugins.source.reach import Reach, trust

MAX_HOPS = 5  # redirections of one request, the asking for a password included
ENCRYPTED = "crypto+"  # what FFmpeg writes before the address of an encrypted segment


@dataclass(frozen=True, slots=True)
class Patience:
    """For how long to wait, and whose certificates to believe."""

    connect_s: float
    read_s: float
    verify_tls: bool = True


class Web:
    """Opens addresses for one container. Blocks: for a thread.

    What FFmpeg asks for fails once at most: PyAV prints the second of two errors in a call of
    FFmpeg, address and all. What is read after a failure is empty.
    """

    def __init__(self, reach: Reach, patience: Patience) -> None:
        self._client = httpx.Client(
            transport=_Checked(reach, patience),
            headers={"User-Agent": "onlooker", "Accept-Encoding": "identity"},
            trust_env=False,  # a proxy would look names up by itself
        )
        self._has_failed = False
        self._home = httpx.URL()  # what may be told the password
        self._auth: httpx.DigestAuth | httpx.BasicAuth | None = None
        self._password: tuple[str, str] | None = None

    def open(self, url: str) -> Body | Named:
        """Open what a user named, password included.

        Raises:
            SourceFailed: why it cannot be read, without its address.
        """
        named = _url(url)
        if named.userinfo:
            self._password = (named.username, named.password)
        self._home = named.copy_with(username=None, password=None)
        body = self._opened(str(self._home))
        if isinstance(body, Body) and body.status >= 400:
            body.close()
            raise SourceFailed(_refusal(body.status))
        return body

    def open_nested(self, url: str, _flags: int, options: Mapping[str, str]) -> Readable:
        """Open what FFmpeg found in a playlist; what a server does not have any more is empty.

        Raises:
            SourceFailed: the first time that something leads where it must not, or breaks.
        """
        try:
            body = self._opened(url.removeprefix(ENCRYPTED))
            if isinstance(body, Body) and body.status >= 400:
                body.close()
                return BytesIO()
            if url.startswith(ENCRYPTED):
                return Decrypted(body, *(bytes.fromhex(options[name]) for name in ("key", "iv")))
        except SourceFailed as error:
            self._once(error)
            return BytesIO()
        return body

    def close(self) -> None:
        self._client.close()

    def _once(self, error: SourceFailed) -> None:
        if not self._has_failed:
            self._has_failed = True
            raise error

    def _opened(self, url: str) -> Body | Named:
        body = Body(self._get(url, 0), partial(self._get, url), self._once)
        try:
            return body.playlist() if body.status < 400 and body.is_playlist() else body
        except SourceFailed:
            body.close()
            raise

    def _get(self, url: str, start_byte: int) -> httpx.Response:
        """Ask for something, from a byte on, wherever it may lead."""
        request = self._client.build_request("GET", _url(url))
        if start_byte:
            request.headers["Range"] = f"bytes={start_byte}-"
        may_answer = True
        for _ in range(MAX_HOPS + 1):
            try:
                response = self._client.send(self._signed(request), stream=True, auth=None)
            except httpx.HTTPError:
                raise SourceFailed("it redirects to what is no address") from None
            after = response.next_request
            if response.status_code == httpx.codes.UNAUTHORIZED and may_answer:
                after, may_answer = self._answer(request, response), False
            if after is None:
                return response
            response.close()  # unread: nobody knows how much it is
            request = after
        raise SourceFailed(f"it redirects more than {MAX_HOPS} times")

    def _is_home(self, url: httpx.URL) -> bool:
        is_as_safe = url.scheme in ("https", self._home.scheme)
        return is_as_safe and (url.host, url.port) == (self._home.host, self._home.port)

    def _signed(self, request: httpx.Request) -> httpx.Request:
        if self._auth and self._is_home(request.url):
            return next(self._auth.auth_flow(request))
        return request

    def _answer(self, request: httpx.Request, response: httpx.Response) -> httpx.Request | None:
        """Give the password as it was asked for; None if nobody has told us one."""
        if self._password is None or not self._is_home(request.url):
            return None
        asked = response.headers.get("www-authenticate", "").lower()
        kind = httpx.DigestAuth if asked.startswith("digest") else httpx.BasicAuth
        self._auth = kind(*self._password)
        if isinstance(self._auth, httpx.DigestAuth):
            flow = self._auth.auth_flow(request)
            next(flow)
            try:
                flow.send(response)  # it learns what is asked
            except StopIteration:
                return None
            except (httpx.ProtocolError, NotImplementedError, LookupError, ValueError):
                response.close()
                raise SourceFailed("it asks for a password in a way not known here") from None
        return request


class _Checked(httpx.BaseTransport):
    """Connects to nothing that was not checked, and says why as people would."""

    def __init__(self, reach: Reach, patience: Patience) -> None:
        self._patience = patience
        context = trust(verify_tls=patience.verify_tls)
        self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=_Network(reach))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        if url.scheme not in ("http", "https"):
            raise SourceFailed(f"it leads to {url.scheme}:, which is neither http nor https")
        # Until it answers, and then, as httpcore reads this again, between its pieces.
        timeout = dict.fromkeys(("connect", "pool", "write", "read"), self._patience.connect_s)
        asked = httpcore.Request(
            request.method,
            httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            extensions={"timeout": timeout},
        )
        with _explaining(timeout):
            response = self._pool.handle_request(asked)
        timeout["read"] = self._patience.read_s
        return httpx.Response(
            response.status, headers=response.headers, stream=_Stream(response, timeout)
        )

    def close(self) -> None:
        self._pool.close()


class _Stream(httpx.SyncByteStream):
    """What is sent, piece by piece."""

    def __init__(self, response: httpcore.Response, timeout: Mapping[str, float]) -> None:
        self._response = response
        self._timeout = timeout

    def __iter__(self) -> Iterator[bytes]:
        with _explaining(self._timeout):
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _Network(httpcore.NetworkBackend):
    """Looks names up, and connects to the addresses that were checked."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._tcp = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError()
        for address in self._reach.addresses_of(host, port):
            try:
                return self._tcp.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


@contextmanager
def _explaining(timeout: Mapping[str, float]) -> Iterator[None]:
    """Turn what may happen on a network into one sentence, without any address."""
    try:
        yield
    except SourceRefused as error:
        raise SourceFailed(str(error)) from None
    except httpcore.TimeoutException:
        raise SourceFailed(f"no answer within {timeout['read']:g} s") from None
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise SourceFailed(_reason(error)) from None


def _reason(error: Exception) -> str:
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, ssl.SSLError):
            return "no secure connection; for a certificate of your own set verify_tls to false"
        if isinstance(below, OSError) and below.errno:
            return os.strerror(below.errno).lower()
        below = below.__cause__ or below.__context__
    return "what it sends is no HTTP; check the address"


def _refusal(status: int) -> str:
    if status == httpx.codes.UNAUTHORIZED:
        return "the server answered 401: it wants a user and a password that it knows"
    return f"the server answered {status}: check the address"


def _url(url: str) -> httpx.URL:
    try:
        return httpx.URL(url)
    except httpx.InvalidURL:
        raise SourceFailed("that is no address of the web; check how it is written") from None
