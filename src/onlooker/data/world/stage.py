"""What truly happens in a stream, second by second: things that come, move and go, and writing.

A thing is there from second `enters` to the second before `leaves`. No two things come or go in
one second, so that every second has at most one piece of news of that kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from onlooker.core.percept import Box
from onlooker.data.world.words import Words

NEVER = 10**6  # seconds


@dataclass(frozen=True, slots=True)
class Zone:
    """A named part of the picture: a column of it, from the top to the bottom."""

    name: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing, when it is there, and how it moves."""

    id: int
    label: str
    enters: int
    leaves: int
    x: float  # of its middle when it enters, in parts of the width
    y: float
    size: float  # its width, in parts of the picture's
    speed: float  # in parts of the width a second; it stops at the edge
    height: float = 0.0  # in parts of the picture's; 0: as its width

    def is_there(self, second: int) -> bool:
        return self.enters <= second < self.leaves

    def box(self, second: float) -> Box:
        """Give its place; it stops before the edge of the picture."""
        half, half_height = self.size / 2, (self.height or self.size) / 2
        x = min(max(self.x + self.speed * (second - self.enters), half), 1 - half)
        y = min(max(self.y, half_height), 1 - half_height)
        return Box(x - half, y - half_height, x + half, y + half_height)


@dataclass(frozen=True, slots=True)
class Writing:
    """A line of text, and when it can be read."""

    id: int
    text: str
    appears: int
    goes: int
    y: float = 0.85

    def is_there(self, second: int) -> bool:
        return self.appears <= second < self.goes

    @property
    def box(self) -> Box:
        return Box(0.3, self.y - 0.04, 0.7, self.y + 0.04)


Fit = Callable[["Stage", Thing], Thing | None]
"""Brings a thing into a form that can be shown on a stage; None if it cannot be."""


def as_it_is(stage: Stage, thing: Thing) -> Thing | None:
    """Show everything as it was thought up."""
    return thing


@dataclass(slots=True)
class Stage:
    """Everything that happens in one stream. Families add writing and things while they set up."""

    name: str
    num_seconds: int
    things: list[Thing]
    zones: tuple[Zone, ...] = ()
    writings: list[Writing] = field(default_factory=list)
    busy: set[int] = field(default_factory=set)  # seconds in which a thing comes or goes
    fit: Fit = as_it_is

    def present(self, second: int, label: str | None = None) -> list[Thing]:
        return [one for one in self.things if one.is_there(second) and label in (None, one.label)]

    def zones_of(self, thing: Thing, second: int) -> tuple[str, ...]:
        if not self.zones:
            return ()
        box = thing.box(second)
        foot = (box.left + box.right) / 2
        return tuple(zone.name for zone in self.zones if zone.left <= foot < zone.right)

    def arrivals(self, label: str, after: int) -> list[Thing]:
        """List who comes after a second, in order. Who was there from the start does not."""
        found = [one for one in self.things if one.label == label and one.enters > max(after, 0)]
        return sorted(found, key=lambda one: one.enters)

    def departures(self, label: str, after: int) -> list[Thing]:
        found = [
            one
            for one in self.things
            if one.label == label and max(after, one.enters) < one.leaves < self.num_seconds
        ]
        return sorted(found, key=lambda one: one.leaves)

    def add(self, thing: Thing) -> bool:
        """Add a thing unless something else comes or goes when it does, or it cannot be shown."""
        own = {second for second in (thing.enters, thing.leaves) if 0 < second < NEVER}
        if own & self.busy:
            return False
        fitted = self.fit(self, thing)
        if fitted is None:
            return False
        self.busy |= own
        self.things.append(fitted)
        return True

    def write(self, text: str, appears: int, goes: int, y: float = 0.85) -> Writing:
        writing = Writing(len(self.writings) + 1, text, appears, goes, y)
        self.writings.append(writing)
        return writing


def build(rng: Random, words: Words, num_seconds: int, fit: Fit = as_it_is) -> Stage:
    """Set up a stream: who is there at first, who comes, and where zones are.

    How often somebody comes is taken at random, from a busy street to an empty yard.
    """
    zones: tuple[Zone, ...] = ()
    if rng.random() < 0.5:
        left = rng.choice((0.0, 0.3, 0.6))
        zones = (Zone(rng.choice(words.zones), left, left + 0.4),)
    name = rng.choice(("cam", "cam", "cam", "door", "street", "kitchen", "screen"))
    stage = Stage(name, num_seconds, [], zones, fit=fit)
    gap_s = rng.choice((5, 9, 15, 30, 60))
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3, 5))):
        stage.add(_thing(rng, stage, rng.choice(words.labels), 0))
    second = 0.0
    while (second := second + 1 + rng.expovariate(1 / gap_s)) < num_seconds - 1:
        stage.add(_thing(rng, stage, rng.choice(words.labels), int(second)))
    return stage


def _thing(rng: Random, stage: Stage, label: str, enters: int) -> Thing:
    stays = 3 + rng.expovariate(1 / rng.choice((4, 10, 25, 60)))
    leaves = enters + int(stays)
    is_walking = rng.random() < 0.6
    x = rng.random()
    speed = 0.0
    if is_walking:
        x = rng.choice((0.05, 0.95)) if enters else x
        speed = rng.uniform(0.03, 0.25) * (1 if x < 0.5 else -1)
    return Thing(
        id=len(stage.things) + 1,
        label=label,
        enters=enters,
        leaves=leaves if leaves < stage.num_seconds else NEVER,
        x=x,
        y=rng.uniform(0.15, 0.85),
        size=rng.uniform(0.08, 0.3),
        speed=speed,
    )
