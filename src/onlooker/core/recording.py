"""A session on disk: `events.jsonl`, one event a line, and `pictures.mjpeg`, JPEG after JPEG.

Live writes it, data labels it, training learns from it, evaluation replays it. A picture's bytes
are written before the line that names them, and a line is written whole, so whatever stands in
the file after a kill can be read; a torn last line is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from onlooker.core.errors import BadRecording
from onlooker.core.event import Event, Perceived
from onlooker.core.percept import Picture, Pictures
from onlooker.core.wire import from_json, to_json

VERSION = 1
EVENTS_FILE = "events.jsonl"
PICTURES_FILE = "pictures.mjpeg"


class RecordingWriter:
    """Appends events to a new recording, in `folder`.

    Raises:
        BadRecording: the folder holds a recording already.
        OSError: the disk says no; what was written before stays readable.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            # Unbuffered: what has been written survives the process.
            self._events: IO[bytes] = (folder / EVENTS_FILE).open("xb", buffering=0)
        except FileExistsError:
            raise BadRecording(f"{folder} holds a recording already: name another folder") from None
        self._pictures: IO[bytes] = (folder / PICTURES_FILE).open("wb", buffering=0)
        self._places: dict[str, tuple[int, int]] = {}  # picture id -> offset, size
        self._max_bytes = max_bytes
        self._num_bytes = 0
        self._write_line({"type": "recording", "version": VERSION})

    def write(self, event: Event) -> None:
        """Write an event.

        Raises:
            BadRecording: the recording has reached its size.
        """
        if self._num_bytes >= self._max_bytes:
            raise BadRecording(
                f"the recording has reached max_bytes={self._max_bytes}: start another or raise it"
            )
        plain = to_json(event)
        if isinstance(event, Perceived):
            plain["places"] = {
                picture.id: self._place(picture)
                for percept in event.percepts
                if isinstance(percept, Pictures)
                for picture in percept.pictures
            }
        self._write_line(plain)

    def close(self) -> None:
        self._events.close()
        self._pictures.close()

    def _place(self, picture: Picture) -> tuple[int, int]:
        """Say where a picture stands; one that came before is not written again."""
        if picture.id not in self._places:
            offset = self._pictures.tell()
            _write_all(self._pictures, picture.jpeg)
            self._num_bytes += len(picture.jpeg)
            self._places[picture.id] = (offset, len(picture.jpeg))
            # Repeats come close together; memory stays bounded.
            if len(self._places) > 1000:
                del self._places[next(iter(self._places))]
        return self._places[picture.id]

    def _write_line(self, plain: dict[str, Any]) -> None:
        line = json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        start = self._events.tell()
        try:
            _write_all(self._events, line)
        except OSError:
            # A full disk takes half a line; with more behind it the file could not be read.
            self._events.seek(start)
            self._events.truncate()
            raise
        self._num_bytes += len(line)


def read_recording(folder: Path) -> Iterator[Event]:
    """Yield the events of a recording, pictures included.

    A picture's id is made anew from its bytes, so that one that was changed does not pass for
    the one that was seen.

    Raises:
        BadRecording: there is none, or a line of it is broken; the message says which.
    """
    for name in (EVENTS_FILE, PICTURES_FILE):
        if not (folder / name).is_file():
            raise BadRecording(f"{folder} holds no {name}: it is no recording, or not all of it")
    with (folder / EVENTS_FILE).open("rb") as lines, (folder / PICTURES_FILE).open("rb") as jpegs:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return  # torn by a kill in the middle of the write
            try:
                plain = json.loads(line)
                if number == 1:
                    _check_header(plain)
                else:
                    yield _event_of(plain, jpegs)
            except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
                raise BadRecording(f"{folder / EVENTS_FILE}:{number}: {error}") from error


def _check_header(plain: dict[str, Any]) -> None:
    if plain.get("type") != "recording" or plain.get("version") != VERSION:
        raise ValueError(f"expected a recording of version {VERSION}, found {plain}")


def _event_of(plain: dict[str, Any], jpegs: IO[bytes]) -> Event:
    if not isinstance(plain, dict):
        raise TypeError(f"expected an event, found {plain!r}")
    places = plain.pop("places", {})

    def jpeg_of(picture_id: str) -> bytes:
        offset, size = places[picture_id]
        jpegs.seek(offset)
        jpeg = jpegs.read(size)
        if len(jpeg) != size:
            raise ValueError(f"{PICTURES_FILE} ends before picture {picture_id}")
        return jpeg

    return from_json(plain, jpeg_of)


def _write_all(file: IO[bytes], data: bytes) -> None:
    """Write all of `data`; an unbuffered write may take only a part."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]
