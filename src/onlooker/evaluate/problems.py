"""What could not be scored. It is counted and listed, never silently scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from onlooker.core.errors import OnlookerError

ProblemKind = Literal[
    "bad_annotation",
    "bad_prediction",
    "duplicate_item",
    "frames_differ",
    "judge_failed",
    "missing_prediction",
    "missing_video",
    "ticks_failed",
    "time_beyond_video",
    "unknown_item",
]


class BadTruth(OnlookerError, ValueError):
    """A label, or a file of labels, cannot be what it says."""


class OfficialScriptStops(OnlookerError):
    """The official script raises an exception on this input, and so gives no score at all."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that was left out of a score."""

    kind: ProblemKind
    item: str | None  # None: the line could not be read so far
    detail: str


def count(problems: Iterable[Problem]) -> dict[str, int]:
    """Say how many problems there are of each kind, in the order of their names."""
    return dict(sorted(Counter(problem.kind for problem in problems).items()))
