"""Recordings on the server's disk: listed, read, taken along, deleted."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import RawIOBase
from itertools import takewhile
from math import inf
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from onlooker.core.errors import BadRecording
from onlooker.core.recording import EVENTS_FILE, PICTURES_FILE
from onlooker.server.auth import Visitor

ABOUT_FILE = "about.json"
SOUND = ".opus"  # how the files of sound end, which are called after their streams
MAX_LISTED_EVENTS = 100_000
CHUNK_BYTES = 1 << 20
STEP_BYTES = 1 << 16  # of events, that are rather read than halved
# A decision bears the end of its second and is written when it has been made.
SLACK_S = 30.0
MEDIA_TYPES = {EVENTS_FILE: "application/jsonl", PICTURES_FILE: "video/x-motion-jpeg"}


@dataclass(frozen=True, slots=True)
class Recordings:
    """The recordings below one folder. Every method blocks: call it from a thread."""

    folder: Path

    def all(self, visitor: Visitor) -> list[dict[str, Any]]:
        """Describe all that the visitor may see, the newest first."""
        if not self.folder.is_dir():
            return []
        folders = sorted((path for path in self.folder.iterdir() if path.is_dir()), reverse=True)
        return [_describe(path) for path in folders if visitor.may_see(_owner_of(path))]

    def find(self, name: str, visitor: Visitor) -> Path:
        """Give a recording's folder.

        Raises:
            BadRecording: there is none of this name that the visitor may see.
        """
        path = self.folder / name
        is_name = not name.startswith(".") and path.parent == self.folder
        is_ours = is_name and path.is_dir() and not path.is_symlink()
        if not is_ours or not visitor.may_see(_owner_of(path)):
            raise BadRecording(f"there is no recording {name[:80]!r}")
        return path

    def events(self, path: Path, since_s: float = 0, until_s: float = inf) -> list[dict[str, Any]]:
        """Read the events from `since_s` until before `until_s`, as they stand on disk.

        Only the part of the file around them is read. `places` says of each picture where its bytes
        are in the file of pictures: their first, and how many.

        Raises:
            BadRecording: a line is broken.
        """
        found: list[dict[str, Any]] = []
        with (path / EVENTS_FILE).open("rb") as lines:
            _go_to(lines, since_s - SLACK_S)
            try:
                for line in takewhile(lambda line: line.endswith(b"\n"), lines):
                    event = json.loads(line)
                    time_s = float(event.get("time_s", 0))
                    if time_s > until_s + SLACK_S or len(found) >= MAX_LISTED_EVENTS:
                        break
                    if since_s <= time_s < until_s and event.get("type") != "recording":
                        found.append(event)
            except (ValueError, TypeError, AttributeError) as error:
                raise BadRecording(f"{path.name} is broken: {error}") from error
        return found

    def picture(self, path: Path, picture_id: str) -> bytes | None:
        """Find one picture by its id: every line before it is looked at, and none is read."""
        needle = json.dumps(picture_id).encode()
        with (path / EVENTS_FILE).open("rb") as lines:
            for line in lines:
                if needle not in line or not line.endswith(b"\n"):
                    continue
                place = json.loads(line).get("places", {}).get(picture_id)
                if place is not None:
                    return _bytes_at(path / PICTURES_FILE, *place)
        return None

    def file(self, path: Path, name: str) -> tuple[Path, str] | None:
        """Give a file of a recording with its media type; parts of it may then be read."""
        kind = "audio/ogg" if name.endswith(SOUND) else MEDIA_TYPES.get(name)
        file = path / name
        is_ours = file.parent == path and file.is_file() and not file.is_symlink()
        return (file, kind) if kind and is_ours else None

    def delete(self, path: Path) -> None:
        """Delete a recording, its labels included."""
        shutil.rmtree(path)

    def export(self, path: Path) -> Iterator[bytes]:
        """Yield a ZIP of a recording, piece by piece: it may be larger than memory."""
        sink = _Pieces()
        with zipfile.ZipFile(cast("BinaryIO", sink), "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(path.iterdir()):
                if not file.is_file() or file.is_symlink():
                    continue
                about = zipfile.ZipInfo.from_file(file, f"{path.name}/{file.name}")
                with archive.open(about, "w", force_zip64=True) as to, file.open("rb") as source:
                    while piece := source.read(CHUNK_BYTES):
                        to.write(piece)
                        yield sink.taken()
        yield sink.taken()


class _Pieces(RawIOBase):
    """A file that only goes forward, and whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        pieces, self._pieces = b"".join(self._pieces), []
        return pieces


def write_about(folder: Path, session_id: str, owner: str, name: str) -> None:
    """Write beside a recording whose it is."""
    folder.mkdir(parents=True, exist_ok=True)
    opened = datetime.now(UTC).isoformat(timespec="seconds")
    about = {"session": session_id, "owner": owner, "name": name, "opened": opened}
    (folder / ABOUT_FILE).write_text(json.dumps(about, ensure_ascii=False))


def _about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads((path / ABOUT_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def _owner_of(path: Path) -> str:
    return str(_about(path).get("owner", ""))


def _describe(path: Path) -> dict[str, Any]:
    about = _about(path)
    sizes = [file.stat().st_size for file in path.iterdir() if file.is_file()]
    return {
        "id": path.name,
        "session": about.get("session"),
        "name": about.get("name", ""),
        "started": about.get("opened"),
        "num_bytes": sum(sizes),
        "num_seconds": _num_seconds(path / EVENTS_FILE),
        "sounds": sorted(file.stem for file in path.glob(f"*{SOUND}")),
        "is_whole": all((path / name).is_file() for name in (EVENTS_FILE, PICTURES_FILE)),
    }


def _num_seconds(events: Path) -> float | None:
    """Read the time of the last whole line."""
    try:
        with events.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 65_536))
            lines = [line for line in file.read().split(b"\n")[:-1] if line]
        return float(json.loads(lines[-1])["time_s"]) if lines else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _go_to(lines: IO[bytes], time_s: float) -> None:
    """Go, by halving, to the beginning of a line before which all are older than `time_s`."""
    low, high = 0, lines.seek(0, 2)
    while high - low > STEP_BYTES:
        middle = (low + high) // 2
        lines.seek(middle)
        lines.readline()  # the rest of one
        at = lines.tell()
        if at < high and _time_of(lines.readline()) < time_s:
            low = at
        else:
            high = middle
    lines.seek(low)


def _time_of(line: bytes) -> float:
    """Tell the time of an event; a line that is torn or broken lies behind everything."""
    try:
        return float(json.loads(line)["time_s"])
    except (ValueError, KeyError, TypeError):
        return inf


def _bytes_at(file: Path, offset: int, size: int) -> bytes:
    with file.open("rb") as pictures:
        pictures.seek(offset)
        return pictures.read(size)
