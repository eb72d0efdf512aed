"""What truly happens in a clip, a second at a time, as somebody saw it who looked.

    # Anything after a hash that stands alone.
    clip vtest.avi
    also car, truck            other labels that are truly there
    0 3                        second 0: three people
    1 4 +1                     a fourth has come since
    2 3 -1 | EXIT | Way out    one has left; two lines of text are shown
    3 3 | ?                    there is writing that nobody can be asked to read

A second is judged by its middle frame. People count when a third of them can be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from onlooker.core.errors import OnlookerError

UNREADABLE = "?"
_COMMENT = re.compile(r"(?:^|\s)#(?:\s|$)")
_SECOND = re.compile(
    r"(?P<second>\d+) +(?P<people>\d+)(?: +\+(?P<entered>\d+))?(?: +-(?P<left>\d+))?"
    r"(?: *\|(?P<texts>.*))?"
)


class BadLabels(OnlookerError):
    """A file of labels says something that cannot be."""


@dataclass(frozen=True, slots=True)
class Second:
    """What a second shows."""

    people: int
    entered: int = 0  # since the second before
    left: int = 0
    texts: tuple[str, ...] = ()

    @property
    def is_legible(self) -> bool:
        return UNREADABLE not in self.texts


@dataclass(frozen=True, slots=True)
class Labels:
    """The truth about a clip."""

    clip: str
    also: tuple[str, ...]
    seconds: tuple[Second, ...]


def read_labels(path: Path) -> Labels:
    """Read a file of labels.

    Raises:
        BadLabels: a line cannot be read, a second is missing, or the counts do not add up.
    """
    clip = ""
    also: tuple[str, ...] = ()
    seconds: list[Second] = []
    for number, line in _lines(path):
        word, _, rest = line.partition(" ")
        if word == "clip":
            clip = rest.strip()
        elif word == "also":
            also = tuple(label.strip() for label in rest.split(","))
        else:
            second = _read_second(line, f"{path}:{number}")
            if second[0] != len(seconds):
                raise BadLabels(f"{path}:{number}: second {len(seconds)} is missing before it")
            seconds.append(second[1])
    if not clip or not seconds:
        raise BadLabels(f"{path} names no clip, or labels none of its seconds")
    for at, (before, after) in enumerate(pairwise(seconds), start=1):
        if before.people + after.entered - after.left != after.people:
            raise BadLabels(
                f"{path}: second {at} has {after.people} people, and {before.people} "
                f"+{after.entered} -{after.left} are not as many"
            )
    return Labels(clip, also, tuple(seconds))


def write_labels(labels: Labels) -> str:
    """Write labels as `read_labels` reads them."""
    lines = [f"clip {labels.clip}"]
    if labels.also:
        lines.append(f"also {', '.join(labels.also)}")
    for at, second in enumerate(labels.seconds):
        parts = [f"{at} {second.people}"]
        parts += [f"+{second.entered}"] if second.entered else []
        parts += [f"-{second.left}"] if second.left else []
        parts += [f"| {text}" for text in second.texts]
        lines.append(" ".join(parts))
    return "\n".join(lines) + "\n"


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if stripped := _COMMENT.split(line)[0].strip():
            yield number, stripped


def _read_second(line: str, at: str) -> tuple[int, Second]:
    found = _SECOND.fullmatch(line)
    if not found:
        raise BadLabels(f"{at}: {line!r} is not 'SECOND PEOPLE +ENTERED -LEFT | TEXT | TEXT'")
    texts = tuple(text.strip() for text in (found["texts"] or "").split("|") if text.strip())
    second = Second(
        int(found["people"]), int(found["entered"] or 0), int(found["left"] or 0), texts
    )
    return int(found["second"]), second
