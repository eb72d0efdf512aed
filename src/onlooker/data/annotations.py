"""The schema of the released annotations, read with patience; Streamo's data come in it, too.

    {"video_name": "a.mp4", "video_path": "", "task_type": "chat", "source": "YouCook2",
     "question": [{"content": "...", "time": "3"}],
     "response": [{"content": "...", "time": "5,6,7"}, [{"content": "...", "time": 9.5}]]}

A time is a number of seconds, as a number or in words, or several with commas between them; a
list may be nested one level.

Source: the released annotations and their converter, github.com/jd-opensource/JoyAI-VL-Interaction.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from onlooker.data.stream import BadData

MAX_TIMES = 10_000  # of one item


@dataclass(frozen=True, slots=True)
class Said:
    """Something asked or answered, and when."""

    content: str
    time_s: float


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is annotated of one video."""

    video_name: str
    task_type: str
    source: str
    questions: tuple[Said, ...]
    responses: tuple[Said, ...]
    video_path: str = ""

    @property
    def path(self) -> str:
        """Where the video is looked for, below the folder of all videos."""
        return self.video_path or str(PurePosixPath(self.source or ".") / self.video_name)


def read_annotations(path: Path) -> Iterator[Annotation | BadData]:
    """Yield what a file annotates; in the place of an entry that cannot be read, why.

    Raises:
        BadData: the file is no JSON list, or holds nothing.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadData(f"{path}: {error}: fetch the file again") from error
    if not isinstance(entries, list) or not entries:
        raise BadData(f"{path} holds no annotation: expected a JSON list of objects")
    for number, entry in enumerate(entries):
        try:
            yield read_annotation(entry)
        except BadData as error:
            yield BadData(f"{path.name}, entry {number}: {error}")


def read_annotation(entry: Any) -> Annotation:
    """Read one entry.

    Raises:
        BadData: a field is missing or cannot be what it says.
    """
    if not isinstance(entry, dict):
        raise BadData(f"expected an object, found {str(entry)[:60]!r}")
    video_name = _text(entry, "video_name")
    if not video_name or PurePosixPath(video_name).name != video_name:
        raise BadData(f"video_name is {video_name!r}: expected the name of a file, no path")
    video_path = _text(entry, "video_path")
    source = _text(entry, "source")
    for name, value in (("video_path", video_path), ("source", source)):
        place = PurePosixPath(value)
        if ".." in place.parts or place.is_absolute():
            raise BadData(f"{name} is {value!r}: it leads out of the folder of videos")
    return Annotation(
        video_name=video_name,
        video_path=video_path,
        task_type=_text(entry, "task_type"),
        source=source,
        questions=tuple(_said(entry.get("question"), "question")),
        responses=tuple(_said(entry.get("response"), "response")),
    )


def _said(items: Any, name: str) -> Iterator[Said]:
    """Yield what a list of items says, once for each of their times."""
    if items is None:
        return
    if not isinstance(items, list):
        raise BadData(f"{name} is {str(items)[:60]!r}: expected a list")
    for item in items:
        for one in item if isinstance(item, list) else [item]:
            if not isinstance(one, dict):
                raise BadData(f"{name} holds {str(one)[:60]!r}: expected content and time")
            content = " ".join(_text(one, "content").split())
            if not content:
                raise BadData(f"{name} has an item without content: {str(one)[:60]!r}")
            for time_s in _times(one.get("time"), name):
                yield Said(content, time_s)


def _times(value: Any, name: str) -> Iterator[float]:
    parts = value if isinstance(value, list) else [value]
    if isinstance(value, str):
        parts = [part for part in value.split(",") if part.strip()]
    if not parts or len(parts) > MAX_TIMES:
        raise BadData(f"{name} has {len(parts)} times: expected 1 to {MAX_TIMES}")
    for part in parts:
        try:
            time_s = float("nan") if isinstance(part, bool) else float(part)
        except (TypeError, ValueError):
            time_s = math.nan
        if not 0 <= time_s < math.inf:
            raise BadData(f"{name} has the time {part!r}: expected seconds from 0")
        yield time_s


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name, "")
    if not isinstance(value, str):
        raise BadData(f"{name} is {str(value)[:60]!r}: expected a text")
    return value.strip()
