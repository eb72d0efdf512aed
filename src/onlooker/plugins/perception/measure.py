"""How well scenes agree with labels: pure functions, from views and truth to numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, pstdev

from onlooker.core.percept import SceneObject, View
from onlooker.plugins.perception.labels import Labels

NEAR_S = 2  # seconds that an event may be told early or late


@dataclass(frozen=True, slots=True)
class Hits:
    """Events told and true, matched."""

    num_right: int
    num_told: int
    num_true: int
    delays_s: tuple[int, ...] = ()

    @property
    def precision(self) -> float:
        return self.num_right / self.num_told if self.num_told else 1.0

    @property
    def recall(self) -> float:
        return self.num_right / self.num_true if self.num_true else 1.0

    def __add__(self, other: Hits) -> Hits:
        return Hits(
            self.num_right + other.num_right,
            self.num_told + other.num_told,
            self.num_true + other.num_true,
            self.delays_s + other.delays_s,
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """How well text was read."""

    num_errors: int  # characters put in, left out or changed
    num_characters: int  # in truth
    num_lines: int
    num_missed: int  # lines of which less than half was read
    num_ghosts: int  # lines read where none are

    @property
    def character_error(self) -> float:
        return self.num_errors / max(1, self.num_characters)


def people_of(view: View) -> int:
    return sum(thing.label == "person" for thing in view.objects)


def share_within(counts: Sequence[int], labels: Labels, slack: int = 1) -> float:
    """Give the share of seconds whose count of people is off by `slack` at most."""
    pairs = zip(counts, labels.seconds, strict=True)
    return fmean(abs(count - second.people) <= slack for count, second in pairs)


def entries(views: Sequence[View], labels: Labels) -> Hits:
    """Match the people told to enter. Those who are there from the start enter nothing."""
    told = _times(views, lambda view: view.entered)
    return match(told, _repeat(second.entered for second in labels.seconds))


def exits(views: Sequence[View], labels: Labels) -> Hits:
    """Match the people told to leave."""
    told = _times(views, lambda view: view.left)
    return match(told, _repeat(second.left for second in labels.seconds))


def match(told: Sequence[int], true: Sequence[int], near_s: int = NEAR_S) -> Hits:
    """Match events in time, each at most once, the nearest first."""
    pairs = sorted(
        (abs(when - really), index, at)
        for index, when in enumerate(told)
        for at, really in enumerate(true)
        if abs(when - really) <= near_s
    )
    used_told: set[int] = set()
    used_true: set[int] = set()
    delays = []
    for _, index, at in pairs:
        if index not in used_told and at not in used_true:
            used_told.add(index)
            used_true.add(at)
            delays.append(told[index] - true[at])
    return Hits(len(delays), len(told), len(true), tuple(delays))


def reading(views: Sequence[View], labels: Labels) -> Reading:
    """Compare the lines read with those shown, each with the nearest that is left."""
    errors = characters = lines = missed = ghosts = 0
    for view, second in zip(views, labels.seconds, strict=True):
        if not second.is_legible:
            continue
        left = [text.text for text in view.texts]
        for true in second.texts:
            nearest = min(left, key=lambda text: edits(text, true), default="")
            distance = min(edits(nearest, true), len(true))
            if nearest and distance < len(true) / 2:
                left.remove(nearest)
            else:
                distance, missed = len(true), missed + 1
            errors, characters, lines = errors + distance, characters + len(true), lines + 1
        ghosts += len(left)
    return Reading(errors, characters, lines, missed, ghosts)


def edits(one: str, other: str) -> int:
    """Count the characters to put in, leave out or change (Levenshtein)."""
    row = list(range(len(other) + 1))
    for index, character in enumerate(one, start=1):
        diagonal, row[0] = row[0], index
        for at, there in enumerate(other, start=1):
            diagonal, row[at] = (
                row[at],
                min(row[at] + 1, row[at - 1] + 1, diagonal + (character != there)),
            )
    return row[-1]


def misses_and_ghosts(counts: Sequence[int], labels: Labels) -> tuple[int, int, int]:
    """Count people-seconds that were overlooked, imagined, and true."""
    pairs = list(zip(counts, (second.people for second in labels.seconds), strict=True))
    overlooked = sum(max(0, true - count) for count, true in pairs)
    imagined = sum(max(0, count - true) for count, true in pairs)
    return overlooked, imagined, sum(true for _, true in pairs)


def wrong_labels(views: Sequence[View], labels: Labels) -> tuple[int, int]:
    """Count sightings under a name of which the clip shows nothing, and all."""
    true = {"person", *labels.also}
    seen = [thing.label for view in views for thing in view.objects]
    return sum(label not in true for label in seen), len(seen)


def gaps(views: Sequence[View]) -> tuple[int, int]:
    """Count looks at which a thing was not found and its old place stood in for it, and all."""
    stale = looked = 0
    for before, after in pairwise(views):
        known = {thing.track_id: thing for thing in before.objects}
        for thing in after.objects:
            if thing.track_id in known and after.change > 0:
                looked += 1
                old = known[thing.track_id]
                stale += (old.box, old.score) == (thing.box, thing.score)
    return stale, looked


def jitter(views: Sequence[View], labels: Iterable[str]) -> float:
    """Say how much the middles of things that stand still are told to move.

    Returns:
        the standard deviation in parts of the thing's size, over both axes and all such things.
    """
    tracks: dict[int, list[SceneObject]] = {}
    for view in views:
        for thing in view.objects:
            if thing.label in labels:
                tracks.setdefault(thing.track_id, []).append(thing)
    spreads = []
    for seen in tracks.values():
        if len(seen) >= 10:
            boxes = [thing.box for thing in seen]
            wide = fmean(box.right - box.left for box in boxes)
            high = fmean(box.bottom - box.top for box in boxes)
            spreads.append(pstdev((box.left + box.right) / 2 for box in boxes) / wide)
            spreads.append(pstdev((box.top + box.bottom) / 2 for box in boxes) / high)
    return fmean(spreads) if spreads else 0.0


def _times(views: Sequence[View], part: Callable[[View], tuple[SceneObject, ...]]) -> list[int]:
    people = (sum(thing.label == "person" for thing in part(view)) for view in views)
    return [second for second in _repeat(people) if second > 0]


def _repeat(counts: Iterable[int]) -> list[int]:
    return [second for second, count in enumerate(counts) for _ in range(count)]
