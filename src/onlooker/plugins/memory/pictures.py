"""Key frames of a site: JPEG files beside the database, the same under lock and key, or in RAM."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from time import time_ns
from typing import Any, Protocol
from uuid import uuid4

from onlooker.core.errors import BadSettings, MemoryFailed
from onlooker.core.percept import Picture

FOLDER = "pictures"
YOUNG_S = 3600  # another process may be about to name it in the database
NONCE_BYTES = 12


class Pictures(Protocol):
    """Writes, finds and removes key frames."""

    def write(self, picture: Picture) -> str:
        """Store a picture; give its name. One that is there is not written again."""
        ...

    def read(self, name: str) -> bytes | None:
        """Give a JPEG; None if it has gone."""
        ...

    def shown(self, name: str) -> str:
        """Say where it lies, for people."""
        ...

    def remove(self, names: Iterable[str]) -> int:
        """Remove for good; give how many there were."""
        ...

    def strays(self, known: set[str]) -> list[str]:
        """List what nothing names and is not young, such as a kill leaves behind."""
        ...


class PictureShelf:
    """Keeps key frames in RAM."""

    def __init__(self) -> None:
        self._jpegs: dict[str, bytes] = {}

    def write(self, picture: Picture) -> str:
        self._jpegs[picture.id] = picture.jpeg
        return picture.id

    def read(self, name: str) -> bytes | None:
        return self._jpegs.get(name)

    def shown(self, name: str) -> str:
        return name

    def remove(self, names: Iterable[str]) -> int:
        return sum(self._jpegs.pop(name, None) is not None for name in names)

    def strays(self, known: set[str]) -> list[str]:
        return [name for name in self._jpegs if name not in known]


class PictureFolder:
    """Keeps key frames as files, encrypted if there is a key. A file is whole or not there."""

    def __init__(self, folder: Path, key: bytes = b"") -> None:
        self._folder = folder / FOLDER
        self._key = key
        self._cipher: Any = _cipher(key) if key else None

    def write(self, picture: Picture) -> str:
        name = self._name(picture.id)
        path = self._folder / name
        if path.is_file():
            return name
        part = path.with_name(f".{uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part.write_bytes(self._locked(picture.jpeg, name))
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise MemoryFailed(f"a key frame cannot be kept in {path}: {error.strerror}") from None
        return name

    def read(self, name: str) -> bytes | None:
        try:
            data = (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        if self._cipher is None:
            return data
        from cryptography.exceptions import InvalidTag

        try:
            opened = self._cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], name.encode())
        except InvalidTag:
            raise MemoryFailed(f"the key frame {name} is damaged") from None
        return bytes(opened)

    def shown(self, name: str) -> str:
        return str(self._folder / name)

    def remove(self, names: Iterable[str]) -> int:
        num_removed = 0
        for name in names:
            path = self._folder / name
            with suppress(FileNotFoundError):
                size = path.stat().st_size
                with path.open("r+b") as file:
                    file.write(bytes(size))
                    os.fsync(file.fileno())
                path.unlink()
                num_removed += 1
        return num_removed

    def strays(self, known: set[str]) -> list[str]:
        return [name for name in self._files() if name not in known]

    def _files(self) -> Iterator[str]:
        oldest_s = time_ns() / 1e9 - YOUNG_S
        for path in self._folder.glob("*/*") if self._folder.is_dir() else ():
            if path.stat().st_mtime < oldest_s:
                yield f"{path.parent.name}/{path.name}"

    def _name(self, picture_id: str) -> str:
        if not self._key:
            return f"{picture_id[:2]}/{picture_id}.jpg"
        # Not even that a known picture is among them can be told from the names.
        hidden = hashlib.blake2b(picture_id.encode(), digest_size=16, key=self._key).hexdigest()
        return f"{hidden[:2]}/{hidden}.aes"

    def _locked(self, jpeg: bytes, name: str) -> bytes:
        if self._cipher is None:
            return jpeg
        nonce = os.urandom(NONCE_BYTES)
        return nonce + bytes(self._cipher.encrypt(nonce, jpeg, name.encode()))


def _cipher(key: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise BadSettings(
            "an encrypted memory needs cryptography: pip install 'onlooker[encrypted]'"
        ) from None
    return AESGCM(key)
