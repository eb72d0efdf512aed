"""What a web server sends, as files that FFmpeg can read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import SEEK_CUR, SEEK_END, SEEK_SET, BytesIO
from math import inf
from typing import Protocol
from urllib.parse import urljoin

import httpx

from onlooker.core.errors import SourceFailed

MAX_PLAYLIST_BYTES = 2_000_000
NEAR_BYTES = 262_144  # forward from here it is quicker to read on than to ask anew
MAX_REREAD_BYTES = 32_000_000  # what is larger is not read twice, for a server that skips nothing
CHUNK_BYTES = 65_536

Once = Callable[[SourceFailed], None]  # raises the first failure alone


class Readable(Protocol):
    """What FFmpeg needs of a file. PyAV copies what `read` gives: never more than `size`."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class Named(BytesIO):
    """A whole playlist, and where it lay in the end: what it names begins there."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


class Body:
    """An answer that is read as it comes; from anywhere in it, where the server allows that."""

    def __init__(
        self, response: httpx.Response, ask: Callable[[int], httpx.Response], once: Once
    ) -> None:
        self._ask = ask  # for the same, from a byte on; raises SourceFailed
        self._once = once
        self.name = str(response.url)
        self.status = response.status_code
        self._is_in_pieces = "bytes" in response.headers.get("accept-ranges", "").lower()
        length = response.headers.get("content-length", "")
        is_number = length.isascii() and length.isdigit() and len(length) < 19
        self._num_bytes = int(length) if is_number else None
        self._at = self._next = 0  # where the answer is, and where the reader is
        self._rest = memoryview(b"")
        self._take(response)

    def read(self, size: int, /) -> bytes:
        """Give some bytes, at most `size`; none at the end.

        Raises:
            SourceFailed: it broke off; the first time.
        """
        try:
            return self._read(size)
        except SourceFailed as error:
            self._once(error)
            return b""

    def seekable(self) -> bool:
        most = inf if self._is_in_pieces else MAX_REREAD_BYTES
        return self._num_bytes is not None and self._num_bytes <= most

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """Read on elsewhere; the server is asked when something is read."""
        begin = {SEEK_SET: 0, SEEK_CUR: self._next, SEEK_END: self._num_bytes or 0}[whence]
        self._next = max(0, begin + offset)
        return self._next

    def tell(self) -> int:
        return self._next

    def close(self) -> None:
        self._response.close()

    def is_playlist(self) -> bool:
        """Whether it is one of HLS, as FFmpeg tells it."""
        begin = b"#EXTM3U"
        while len(self._rest) < len(begin) and (more := self._chunk()):
            self._rest = memoryview(bytes(self._rest) + more)
        return bytes(self._rest[: len(begin)]) == begin

    def playlist(self) -> Named:
        """Read all of it; with whole addresses, as FFmpeg cannot know where it lay in the end.

        Raises:
            SourceFailed: it is too large, or broke off.
        """
        text = b""
        while piece := self._read(CHUNK_BYTES):
            text += piece
            if len(text) > MAX_PLAYLIST_BYTES:
                raise SourceFailed(f"its playlist is larger than {MAX_PLAYLIST_BYTES} bytes")
        self.close()
        return Named(_absolute(text.decode(errors="replace"), self.name).encode(), self.name)

    def _read(self, size: int) -> bytes:
        if self._next != self._at:
            self._go_to(self._next)
        if not self._rest:
            self._rest = memoryview(self._chunk())
        piece = self._pass(size)
        self._next = self._at
        return piece

    def _go_to(self, place: int) -> None:
        if not 0 < place - self._at <= NEAR_BYTES:
            self._response.close()
            response = self._ask(place)
            self._take(response)
            self._at = place if response.status_code == httpx.codes.PARTIAL_CONTENT else 0
            if response.status_code >= 400:
                raise SourceFailed(f"the server answered {response.status_code} in its midst")
        while self._at < place:
            self._rest = self._rest or memoryview(self._chunk())
            if not self._pass(place - self._at):
                self._at = place  # beyond its end, where nothing is

    def _pass(self, size: int) -> bytes:
        piece, self._rest = bytes(self._rest[:size]), self._rest[size:]
        self._at += len(piece)
        return piece

    def _take(self, response: httpx.Response) -> None:
        self._response = response
        self._chunks: Iterator[bytes] = response.iter_raw()
        self._rest = memoryview(b"")

    def _chunk(self) -> bytes:
        return next(filter(None, self._chunks), b"")


class Decrypted:
    """A segment of AES-128 in CBC, as FFmpeg's `crypto` reads it."""

    def __init__(self, body: Readable, key: bytes, first: bytes) -> None:
        try:
            from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
            from cryptography.hazmat.primitives.padding import PKCS7
        except ModuleNotFoundError:
            raise SourceFailed(
                "its segments are encrypted: pip install 'onlooker[encrypted]' to read them"
            ) from None
        self._body = body
        self._cipher = Cipher(algorithms.AES(key), modes.CBC(first)).decryptor()
        self._unpad = PKCS7(128).unpadder()
        self._rest, self._is_over = b"", False

    def read(self, size: int, /) -> bytes:
        """Give some bytes, at most `size`; none at the end."""
        while not self._rest and not self._is_over:
            piece = self._body.read(CHUNK_BYTES)
            self._is_over = not piece
            # The padding is in the last block, which the unpadder holds back until then.
            self._rest = self._unpad.update(self._cipher.update(piece)) if piece else self._last()
        given, self._rest = self._rest[:size], self._rest[size:]
        return given

    def close(self) -> None:
        self._body.close()

    def _last(self) -> bytes:
        with suppress(ValueError):  # it was cut off: what came before is good
            self._cipher.finalize()
            return self._unpad.finalize()
        return b""


def _absolute(text: str, base: str) -> str:
    """Make every address in a playlist a whole one."""
    lines = []
    for line in text.splitlines():
        if line.startswith("#"):
            full = re.sub(r'URI="([^"]*)"', lambda found: f'URI="{_full(base, found[1])}"', line)
            lines.append(full)
        else:
            lines.append(_full(base, line.strip()) if line.strip() else "")
    return "\n".join(lines) + "\n"


def _full(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        return address  # FFmpeg will not read it either
