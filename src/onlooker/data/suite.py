"""Suites: streams of the world and of real clips, made anew from a recipe of a few lines each.

A recipe names each stream by what makes it, with the sha256 of its frames; nothing is downloaded
but real clips. It lies in the package under `data/suites`, or in a file of the same form; a folder
that `onlooker data make` wrote is a suite as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Literal

from onlooker.core.media import VideoFrame
from onlooker.core.moment import Instruction, Tick, Utterance
from onlooker.core.prompt import Turn
from onlooker.data.answers import brain_of
from onlooker.data.make import Advance
from onlooker.data.shards import CARD_FILE, read_streams
from onlooker.data.stream import BadData, LabelledStream
from onlooker.data.windows import notes
from onlooker.data.world.compose import Recipe, label
from onlooker.data.world.noise import measured, perceive
from onlooker.data.world.pixels import rendered, scenario_of
from onlooker.evaluate import truth as truths
from onlooker.evaluate.replay import Past
from onlooker.evaluate.suite import FramesDigest, Item, ItemMissing, Place, Suite

SUITES = "suites"
MAX_STREAMS = 2000  # of a data set that is played as a suite

Percepts = Literal["pixels", "symbolic"]
Plain = dict[str, Any]
Film = Callable[[Mapping[str, Any]], Iterator[VideoFrame]]
"""Gives the frames of a real clip: `name`, `start_s`, `seconds`, `captions`. Raises ItemMissing."""


def suites() -> list[str]:
    """Name the suites that come with the package."""
    return sorted(
        path.name.removesuffix(".json")
        for path in files(__package__).joinpath(SUITES).iterdir()
        if path.name.endswith(".json")
    )


def read_suite(name: str, percepts: Percepts, film: Film) -> Suite:
    """Find a suite by its name, or read a recipe or a data set.

    Args:
        name: of a suite of the package, a recipe's file, or a data set's folder.
        percepts: frames for the real eyes, or scenes as the world's model of them gives;
            the latter leaves real clips out.
        film: fetches and decodes real clips.

    Raises:
        BadData: there is none, or it cannot be read.
    """
    if (Path(name) / CARD_FILE).is_file():
        return DataSet(Path(name))
    found = files(__package__).joinpath(SUITES, f"{name}.json")
    path = Path(name) if name not in suites() else found
    try:
        text = path.read_text(encoding="utf-8")
        recipe = json.loads(text)
        made = {_name_of(entry): entry for entry in recipe["items"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        known = ", ".join(suites())
        raise BadData(
            f"there is no suite {name!r}: {error}; known: {known}, or name a recipe's file or a "
            f"folder that `onlooker data make` wrote"
        ) from error
    if percepts == "symbolic":
        made = {item: entry for item, entry in made.items() if "world" in entry}
    digest = hashlib.sha256(f"{percepts}\n{text}".encode()).hexdigest()
    return Recipes(f"{recipe['name']}", digest, percepts, made, film)


def with_digests(entries: Iterable[Plain], film: Film, advance: Advance) -> Iterator[Plain]:
    """Draw every entry of a recipe, and note the sha256 of its frames.

    Raises:
        ItemMissing: a clip cannot be had.
    """
    for entry in entries:
        name = _name_of(entry)
        item = Recipes("", "", "pixels", {name: entry | {"frames_sha256": ""}}, film).open(name)
        digest = FramesDigest()
        for frame in item.frames() if item.frames else ():
            digest.add(frame)
        advance(1)
        yield entry | {"frames_sha256": digest.hex}


@dataclass(frozen=True, slots=True)
class Recipes:
    """A suite of recipes."""

    name: str
    digest: str
    percepts: Percepts
    entries: Mapping[str, Plain]
    film: Film

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(self.entries)

    def family_of(self, item: str) -> str:
        return str(self.entries[item]["family"])

    def open(self, item: str) -> Item:
        """Make one item.

        Raises:
            ItemMissing: its clip cannot be had.
        """
        entry = self.entries[item]
        if "clip" in entry:
            return self._of_clip(entry)
        scenario = scenario_of(Recipe(**entry["world"]))
        stage = scenario.stage
        made = item_of(label(scenario, perceive(stage, measured(), Random(item))))  # noqa: S311
        if self.percepts == "symbolic":
            return made
        return replace(
            made,
            turns=tuple(replace(turn, percepts=()) for turn in made.turns),
            frames=lambda: rendered(scenario),
            frames_sha256=entry.get("frames_sha256", ""),
            places=tuple(Place(zone.name, zone.left, zone.right) for zone in stage.zones),
        )

    def _of_clip(self, entry: Plain) -> Item:
        truth = truths.from_json(entry["truth"])
        return Item(
            truth,
            tuple(_turns(truth, tuple(_said(entry)))),
            persona=entry.get("persona", "default"),
            past=Past(note=notes),
            frames=lambda: self.film(entry["clip"]),
            frames_sha256=entry.get("frames_sha256", ""),
        )


class DataSet:
    """A data set as a suite: what its streams hold is what is seen."""

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        self.digest = hashlib.sha256((folder / CARD_FILE).read_bytes()).hexdigest()
        streams = islice(read_streams(folder), MAX_STREAMS)
        self._streams = {stream.item: stream for stream in streams}

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(self._streams)

    def family_of(self, item: str) -> str:
        return self._streams[item].family

    def open(self, item: str) -> Item:
        """Take one stream.

        Raises:
            ItemMissing: its pictures lie in a video.
        """
        stream = self._streams[item]
        if stream.video:
            raise ItemMissing(f"{stream.video.path} is not part of the data set: label scenes")
        return item_of(stream)


def item_of(stream: LabelledStream) -> Item:
    """Make a labelled stream an item to play, with its scenes as what is seen."""
    return Item(
        stream.truth,
        stream.turns,
        persona=stream.persona,
        brain=brain_of(stream),
        past=Past(stream.memory, notes),
    )


def _name_of(entry: Plain) -> str:
    return str(entry["truth"]["item"]) if "clip" in entry else Recipe(**entry["world"]).item


def _said(entry: Plain) -> Iterator[Utterance]:
    yield from (Utterance(text, float(at_s)) for at_s, text in entry.get("heard", ()))
    overheard = entry.get("overheard", ())
    yield from (Utterance(text, float(at_s), "scene") for at_s, text in overheard)


def _turns(truth: truths.Truth, said: Iterable[Utterance]) -> Iterator[Turn]:
    """Give the seconds of a clip with what is said in them."""
    said = tuple(said)
    for index in range(int(truth.duration_s)):
        tick = Tick(index, float(index), index + 1.0)
        yield Turn(
            tick,
            heard=tuple(one for one in said if tick.start_s <= one.time_s < tick.end_s),
            instructed=tuple(
                Instruction(one.id, one.text, one.since_s)
                for one in truth.instructions
                if tick.start_s <= one.since_s < tick.end_s
            ),
        )
