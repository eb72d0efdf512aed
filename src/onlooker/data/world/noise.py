"""How eyes err: what is seen of a stage, with misses, lost tracks, ghosts and misread letters."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.resources import files
from random import Random

from onlooker.core.percept import Box, SceneObject, SceneText, View
from onlooker.data.stream import BadData
from onlooker.data.world.stage import NEVER, Stage, Thing, Writing
from onlooker.data.world.words import KIN

MEASURED_FILE = "plugins/perception/assets/noise.json"
LOOKS_S = (0.15, 0.4, 0.65, 0.9)  # when a second's frames are looked at
NEWEST_S = 0.9
LIKE = {"o": "0", "0": "o", "l": "1", "1": "l", "i": "l", "e": "c", "s": "5", "b": "6", "m": "n"}
_NOBODY = Thing(0, "", 0, NEVER, 0.5, 0.5, 0.1, 0.0)


@dataclass(frozen=True, slots=True)
class Noise:
    """Rates, at one second a look. All 0: sees everything at once and as it is."""

    entry_late: float = 0.0  # share of arrivals that are seen a second late
    exit_late: float = 0.0
    missed: float = 0.0  # share of things that are never seen
    lost_per_s: float = 0.0  # of each thing: it goes, and comes back with another id
    ghosts_per_s: float = 0.0
    wrong_label: float = 0.0  # share of sightings under the name of something like it
    jitter: float = 0.0  # of a middle, standard deviation in parts of the size
    character_error: float = 0.0
    missed_lines: float = 0.0  # share of lines that are never read


CLEAN = Noise()


@cache
def measured() -> Noise:
    """Read what was measured of the real eyes on real video.

    Raises:
        BadData: the file of measurements lacks a rate.
    """
    path = files("onlooker").joinpath(MEASURED_FILE)
    rates = json.loads(path.read_text(encoding="utf-8"))
    try:
        return Noise(
            entry_late=rates["entry_delay_s"],
            exit_late=rates["exit_delay_s"],
            missed=rates["missed_entries"],
            lost_per_s=rates["false_exits_per_s"] / PEOPLE_MEASURED,
            ghosts_per_s=rates["false_entries_per_s"] / 2,
            wrong_label=rates["wrong_label"],
            jitter=rates["jitter"],
            character_error=rates["text_character_error"],
            missed_lines=rates["text_missed_lines"],
        )
    except KeyError as error:
        raise BadData(f"{MEASURED_FILE} lacks {error}: measure the eyes again") from error


PEOPLE_MEASURED = 4.0  # at a time on average, in the clips on which the rates were measured
# People walk out of a real picture bit by bit. What vanishes at once is told to have gone a second
# later, because eyes wait: measured on drawn streams, see docs/data.md.
VANISHED_LATE = 0.97


def scaled(noise: Noise, scale: float) -> Noise:
    return Noise(**{name: rate * scale for name, rate in asdict(noise).items()})


# More than a quarter of what was measured in crowds, and on a quiet street an arrival that is seen
# is likelier an error than not: a model that learns from that keeps silent.
SCALES = (0.0, 0.0, 0.1, 0.25)


def noise_for(rng: Random) -> Noise:
    """Take the noise of one stream: none, or some of what was measured in crowded streets."""
    noise = scaled(measured(), rng.choice(SCALES))
    return replace(noise, exit_late=rng.choice((noise.exit_late, noise.exit_late, VANISHED_LATE)))


@dataclass(slots=True)
class Seen:
    """What the eyes made of a stage."""

    views: list[View] = field(default_factory=list)  # one a second
    comes: dict[int, int] = field(default_factory=dict)  # thing -> second of its first sighting
    goes: dict[int, int] = field(default_factory=dict)  # thing -> second in which it is missed
    reads: dict[int, int] = field(default_factory=dict)  # writing -> second
    read_as: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Sighting:
    """A thing as it is followed, without a break, from `start` to the second before `end`."""

    thing: Thing
    label: str
    start: int
    end: int
    since_s: float
    track_id: int = 0


def perceive(stage: Stage, noise: Noise, rng: Random) -> Seen:
    """Look at a stage."""
    seen = Seen()
    sightings: list[_Sighting] = []
    for thing in stage.things:
        found = _sightings(thing, stage, noise, rng)
        sightings += found
        _note(seen, thing, found)
    sightings += _ghosts(stage, noise, rng)
    sightings.sort(key=lambda one: (one.start, one.thing.id))
    for number, one in enumerate(sightings, start=1):
        one.track_id = number
    lines = [_read(writing, noise, rng, seen) for writing in stage.writings]
    by_second = _by_second(sightings, stage.num_seconds)
    seen.views = [
        _view(stage, second, *by_second[second], _Lines(lines, noise.jitter, rng))
        for second in range(stage.num_seconds)
    ]
    return seen


def _note(seen: Seen, thing: Thing, found: list[_Sighting]) -> None:
    """Note when a thing is first and last seen for what it is."""
    right = [one for one in found if one.label == thing.label]
    if right:
        seen.comes[thing.id] = right[0].start
    if right and right[-1].end >= thing.leaves:
        seen.goes[thing.id] = right[-1].end


@dataclass(frozen=True, slots=True)
class _Lines:
    """The writing that is read, and what makes boxes tremble."""

    lines: list[tuple[Writing, str, int]]
    jitter: float
    rng: Random


def _sightings(thing: Thing, stage: Stage, noise: Noise, rng: Random) -> list[_Sighting]:
    if rng.random() < noise.missed:
        return []
    start = thing.enters + (thing.enters > 0 and rng.random() < noise.entry_late)
    end = thing.leaves
    if end < stage.num_seconds:
        end += rng.random() < noise.exit_late
    found: list[_Sighting] = []
    while start < end:
        until = end
        if noise.lost_per_s:
            lost = start + 2 + int(rng.expovariate(noise.lost_per_s))
            until = lost if lost < min(end, stage.num_seconds) else end
        label = _taken_for(thing.label, rng) if rng.random() < noise.wrong_label else thing.label
        found.append(_Sighting(thing, label, start, until, start + rng.choice(LOOKS_S)))
        start = until + rng.randrange(1, 4)
    return found


def _ghosts(stage: Stage, noise: Noise, rng: Random) -> list[_Sighting]:
    ghosts: list[_Sighting] = []
    if not noise.ghosts_per_s or not stage.things:
        return ghosts
    second = rng.expovariate(noise.ghosts_per_s)
    while second < stage.num_seconds:
        like = rng.choice(stage.things)
        start, lasts = int(second), rng.randrange(1, 4)
        ghost = Thing(10_000, like.label, start, NEVER, rng.random(), rng.random(), 0.12, 0.0)
        ghosts.append(_Sighting(ghost, like.label, start, start + lasts, start + NEWEST_S))
        second += 1 + rng.expovariate(noise.ghosts_per_s)
    return ghosts


def _by_second(
    sightings: list[_Sighting], num_seconds: int
) -> list[tuple[list[_Sighting], list[_Sighting], list[_Sighting]]]:
    """List for each second who is there, who is new, and who has gone."""
    rows: list[tuple[list[_Sighting], list[_Sighting], list[_Sighting]]] = [
        ([], [], []) for _ in range(num_seconds)
    ]
    for one in sightings:
        for second in range(one.start, min(one.end, num_seconds)):
            rows[second][0].append(one)
        if one.start < num_seconds:
            rows[one.start][1].append(one)
        if one.end < num_seconds:
            rows[one.end][2].append(one)
    return rows


def _view(
    stage: Stage,
    second: int,
    there: list[_Sighting],
    new: list[_Sighting],
    gone: list[_Sighting],
    lines: _Lines,
) -> View:
    now_s = second + NEWEST_S
    objects = {one.track_id: _object(stage, one, second, lines) for one in there}
    texts = tuple(
        SceneText(text, writing.box, 0.9, first + NEWEST_S)
        for writing, text, first in lines.lines
        if first <= second < writing.goes
    )
    return View(
        stream=stage.name,
        time_s=now_s,
        objects=tuple(objects.values()),
        entered=tuple(objects[one.track_id] for one in new),
        left=tuple(_object(stage, one, second - 1, lines) for one in gone),
        texts=texts,
    )


def _object(stage: Stage, one: _Sighting, second: int, lines: _Lines) -> SceneObject:
    box = one.thing.box(second)
    if lines.jitter:
        shift = lines.rng.gauss(0, lines.jitter) * one.thing.size
        box = Box(max(0.0, box.left + shift), box.top, min(1.0, box.right + shift), box.bottom)
    zones = stage.zones_of(one.thing, second)
    return SceneObject(one.label, one.track_id, box, 0.8, one.since_s, zones)


def _read(writing: Writing, noise: Noise, rng: Random, seen: Seen) -> tuple[Writing, str, int]:
    first = writing.appears
    if rng.random() < noise.missed_lines:
        return writing, "", NEVER
    text = "".join(
        LIKE.get(letter, letter) if rng.random() < noise.character_error else letter
        for letter in writing.text
    )
    seen.reads[writing.id] = first
    seen.read_as[writing.id] = text
    return writing, text, first


def _taken_for(label: str, rng: Random) -> str:
    kin = next((group for group in KIN if label in group), (label,))
    others = [other for other in kin if other != label]
    return rng.choice(others) if others else label
