"""Key frames beside the database: one JPEG each, named for its content."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from time import time_ns
from uuid import uuid4

from onlooker.core.errors import MemoryFailed
from onlooker.core.percept import Picture

FOLDER = "pictures"
YOUNG_S = 3600  # another process may be about to name it in the database


class PictureFolder:
    """Writes, finds and removes key frames. A file is whole or not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def write(self, picture: Picture) -> str:
        """Store a picture; give its name. One that is there is not written again."""
        name = f"{picture.id[:2]}/{picture.id}.jpg"
        path = self._folder / name
        if path.is_file():
            return name
        part = path.with_name(f".{uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part.write_bytes(picture.jpeg)
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise MemoryFailed(f"a key frame cannot be kept in {path}: {error.strerror}") from None
        return name

    def path(self, name: str) -> Path:
        return self._folder / name

    def remove(self, names: Iterable[str]) -> int:
        """Overwrite and remove; give how many there were."""
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
        """List files that nothing names and that are not young, such as a kill leaves behind."""
        if not self._folder.is_dir():
            return []
        oldest_s = time_ns() / 1e9 - YOUNG_S
        return [
            name
            for path in self._folder.glob("*/*")
            if (name := f"{path.parent.name}/{path.name}") not in known
            and path.stat().st_mtime < oldest_s
        ]
