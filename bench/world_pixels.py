"""How do the default eyes err on drawn streams, and what do models make of what they see?

onlooker data make sets/pixels --pixels --streams 48 --split seeds --split phrasings --seed 11
.venv/bin/python -m bench.world_pixels --sprites               # is each cut-out recognised?
.venv/bin/python -m bench.world_pixels sets/pixels --errors    # rates, against the exact truth
.venv/bin/python -m bench.world_pixels sets/pixels --model rules --model nano
"""

from __future__ import annotations

import argparse
import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any, cast

import numpy as np
from PIL import Image

from bench.real_video import open_model
from bench.report import report
from onlooker.core.decision import Delegate, Speak
from onlooker.core.percept import Box, Scene, SceneObject, View
from onlooker.core.ports import Model
from onlooker.data.shards import read_streams
from onlooker.data.stream import LabelledStream
from onlooker.data.suite import item_of
from onlooker.data.world.compose import Recipe
from onlooker.data.world.pixels import BACKGROUNDS, SIZE_PX, drawable, picture, scenario_of
from onlooker.data.world.seen import NEAR, apart
from onlooker.data.world.stage import Stage, Thing
from onlooker.data.world.words import Split
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.replay import play
from onlooker.evaluate.score import Counts, Timing, score
from onlooker.live.settings import LiveSettings
from onlooker.plugins.perception.detector import Detector
from onlooker.plugins.perception.measure import edits
from onlooker.plugins.perception.settings import PerceptionSettings

LATE_S = 5  # seen later than this is not seen
SPOTS = ((0.25, 0.76), (0.5, 0.8), (0.75, 0.84))  # middle and foot, in parts of the picture


@dataclass(slots=True)
class Errors:
    """What went wrong, and of how much."""

    things_s: int = 0  # a second of a thing that is there
    missed_s: int = 0
    lost: int = 0  # told to have left while it was there
    seconds: int = 0
    ghosts: int = 0  # told to enter where nothing is
    found_again: int = 0  # told to enter again, or under another name
    objects: int = 0
    wrong_label: int = 0
    entries: int = 0
    entries_missed: int = 0
    entry_s: list[int] = field(default_factory=list)
    exits: int = 0
    exits_missed: int = 0
    exit_s: list[int] = field(default_factory=list)
    jitter: list[float] = field(default_factory=list)
    lines: int = 0
    lines_missed: int = 0
    line_s: list[int] = field(default_factory=list)
    characters: int = 0
    wrong_characters: int = 0

    def rates(self) -> dict[str, float]:
        """Give the rates that the world's own noise is made of."""
        found = {
            "things_s": self.things_s,
            "missed_s": self.missed_s / self.things_s,
            "entries": self.entries,
            "entries_missed": self.entries_missed / max(1, self.entries),
            "entry_late": fmean(delay > 0 for delay in self.entry_s),
            "entry_delay_s": fmean(self.entry_s),
            "exits": self.exits,
            "exits_missed": self.exits_missed / max(1, self.exits),
            "exit_late": fmean(delay > 0 for delay in self.exit_s),
            "exit_delay_s": fmean(self.exit_s),
            "lost_per_s": self.lost / self.things_s,
            "ghosts_per_s": self.ghosts / self.seconds,
            "found_again_per_thing_s": self.found_again / self.things_s,
            "wrong_label": self.wrong_label / self.objects,
            "jitter": fmean(self.jitter),
            "lines": self.lines,
            "missed_lines": self.lines_missed / max(1, self.lines),
            "line_delay_s": fmean(self.line_s),
            "character_error": self.wrong_characters / max(1, self.characters),
        }
        return {name: round(value, 4) for name, value in found.items()}


def views_of(stream: LabelledStream) -> list[View]:
    return [cast("Scene", turn.percepts[0]).views[0] for turn in stream.turns]


def stage_of(stream: LabelledStream) -> Stage:
    _, family, split, seed, number = stream.item.split("-")
    return scenario_of(Recipe(family, cast("Split", split), int(seed), int(number))).stage


class Watch:
    """Follows the things of one stream through its views."""

    def __init__(self, stage: Stage, errors: Errors) -> None:
        self._stage, self._errors = stage, errors
        self._tracks: dict[int, int] = {}  # track -> thing
        self._seen: dict[int, int] = {}  # thing -> second
        self._gone: dict[int, int] = {}
        self._middles: dict[int, list[tuple[float, float]]] = defaultdict(list)

    def look(self, second: int, view: View) -> None:
        errors = self._errors
        errors.seconds += 1
        self._leavings(second, view)
        there = self._stage.present(second)
        taken = dict(_matched(there, second, view.objects))
        for thing in there:
            one = taken.get(thing.id)
            errors.things_s += 1
            errors.missed_s += one is None
            if one is not None:
                self._tracks[one.track_id] = thing.id
                self._seen.setdefault(thing.id, second)
                if not thing.speed:
                    self._middles[thing.id].append(_off(thing, second, one.box))
        used = {one.track_id for one in taken.values()}
        entered = {one.track_id for one in view.entered}
        errors.objects += len(view.objects)
        for one in view.objects:
            near = [thing for thing in there if apart(thing.box(second), one.box) <= NEAR]
            is_new, is_taken = one.track_id in entered, one.track_id in used
            errors.wrong_label += (
                bool(near) and not is_taken and all(thing.label != one.label for thing in near)
            )
            errors.ghosts += is_new and not near and not is_taken
            is_again = is_taken and self._seen[self._tracks[one.track_id]] < second
            errors.found_again += is_new and (is_again or (bool(near) and not is_taken))

    def end(self) -> None:
        """Sum up who came and who went."""
        errors, last = self._errors, self._stage.num_seconds - LATE_S
        for thing in self._stage.things:
            if 0 < thing.enters < last:
                errors.entries += 1
                delay = self._seen.get(thing.id, thing.enters + 99) - thing.enters
                _note(delay, errors.entry_s)
                errors.entries_missed += delay > LATE_S
            if thing.leaves < last and thing.id in self._seen:
                errors.exits += 1
                delay = self._gone.get(thing.id, thing.leaves + 99) - thing.leaves
                _note(delay, errors.exit_s)
                errors.exits_missed += delay > LATE_S
        for middles in self._middles.values():
            if len(middles) >= 5:
                errors.jitter += [pstdev(axis) for axis in zip(*middles, strict=True)]

    def _leavings(self, second: int, view: View) -> None:
        for one in view.left:
            thing_id = self._tracks.get(one.track_id)
            for thing in self._stage.things:
                if thing.id == thing_id:
                    self._errors.lost += thing.is_there(second)
                    if second >= thing.leaves:
                        self._gone.setdefault(thing.id, second)


def _note(delay: int, delays: list[int]) -> None:
    if delay <= LATE_S:
        delays.append(delay)


def _off(thing: Thing, second: int, box: Box) -> tuple[float, float]:
    """Tell how far off the middle of a thing is, in parts of its size."""
    true = thing.box(second)
    wide, high = true.right - true.left, true.bottom - true.top
    across = (box.left + box.right - true.left - true.right) / 2 / wide
    return across, (box.top + box.bottom - true.top - true.bottom) / 2 / high


def _matched(
    there: Sequence[Thing], second: int, objects: Sequence[SceneObject]
) -> Iterator[tuple[int, SceneObject]]:
    pairs = sorted(
        (apart(thing.box(second), one.box), thing.id, one.track_id, one)
        for thing in there
        for one in objects
        if one.label == thing.label
    )
    used: set[tuple[str, int]] = set()
    for distance, thing_id, track_id, one in pairs:
        names = {("thing", thing_id), ("track", track_id)}
        if distance <= NEAR and not names & used:
            used |= names
            yield thing_id, one


def note_texts(stage: Stage, views: Sequence[View], errors: Errors) -> None:
    for writing in stage.writings:
        true, found = writing.text.casefold(), None
        until = min(writing.goes, len(views), writing.appears + LATE_S + 1)
        for second in range(writing.appears, until):
            read = [text.text.casefold() for text in views[second].texts]
            nearest = min(read, key=lambda text: edits(text, true), default="")
            if edits(nearest, true) < len(true) / 2:
                found = (second - writing.appears, edits(nearest, true))
                break
        errors.lines += 1
        errors.lines_missed += found is None
        if found is not None:
            errors.line_s.append(found[0])
            errors.characters += len(true)
            errors.wrong_characters += found[1]


def measured(seen: Iterable[tuple[Stage, LabelledStream]]) -> Errors:
    errors = Errors()
    for stage, stream in seen:
        views = views_of(stream)
        watch = Watch(stage, errors)
        for second, view in enumerate(views):
            watch.look(second, view)
        watch.end()
        note_texts(stage, views, errors)
    return errors


def errors_of(folder: Path) -> None:
    errors = measured((stage_of(stream), stream) for stream in read_streams(folder))
    report("world_pixels", what="errors", **errors.rates())


@dataclass(slots=True)
class Sum:
    """Of one family."""

    num_streams: int = 0
    counts: Counts = field(default_factory=lambda: Counts(num_items=0))
    timing: Timing = Timing(1.0, 0, 0, 0)
    best: Timing = Timing(1.0, 0, 0, 0)  # of the labels: who sees no more can do no better

    def row(self) -> dict[str, Any]:
        counts, quiet_h = self.counts, self.counts.quiet_s / 3600
        alarms = counts.num_quiet_false_alarms / quiet_h if quiet_h else None
        return {
            "streams": self.num_streams,
            "seconds": round(counts.duration_s),
            "due": self.timing.num_expected,
            "said": self.timing.num_counted,
            "f1": round(self.timing.f1, 3),
            "f1_of_labels": round(self.best.f1, 3),
            "right_words": f"{counts.num_contents_right} of {counts.num_contents}",
            "false_alarms_per_quiet_h": alarms and round(alarms, 1),
        }


def scores_of(folder: Path, name: str) -> None:
    model = open_model(name)
    sums: dict[str, Sum] = defaultdict(Sum)
    for stream in read_streams(folder):
        said = asyncio.run(played(stream, model))
        one, best = score(stream.truth, said), score(stream.truth, said_by_labels(stream))
        for family in (stream.family, "all"):
            total = sums[family]
            total.num_streams += 1
            total.counts += one.counts
            total.timing += one.timings[0]
            total.best += best.timings[0]
    for family, total in sums.items():
        report("world_pixels", what="scores", model=name, family=family, **total.row())
    asyncio.run(model.close())


async def played(stream: LabelledStream, model: Model) -> Prediction:
    """Play a stream as suites do."""
    item = item_of(stream)
    settings = LiveSettings(persona=item.persona)
    line = await play(item.turns, model, brain=item.brain, settings=settings, past=item.past)
    return line.prediction(stream.item)


def said_by_labels(stream: LabelledStream) -> Prediction:
    said: list[Emission] = []
    for turn in stream.turns:
        match turn.decision:
            case Speak(text):
                said.append(Emission(turn.tick.end_s, text))
            case Delegate(text, question):
                said.append(Emission(turn.tick.end_s, text, "delegate", question))
    return Prediction(stream.item, tuple(said))


def sprites() -> None:
    """Look for each cut-out on all backgrounds, in three places, at its least and greatest size."""
    detector = Detector(PerceptionSettings())
    rng = np.random.default_rng(0)
    for label, drawn in drawable().items():
        for name in drawn.names:
            for height in drawn.heights:
                found = [
                    _recognised(detector, label, Shown(name, height, spot, background), rng)
                    for background in BACKGROUNDS
                    for spot in SPOTS
                ]
                report("world_pixels", what="sprite", sprite=name, height=height,
                       recognised=round(fmean(found), 2), looks=len(found))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """One cut-out somewhere."""

    name: str
    height: float
    spot: tuple[float, float]
    background: str


def _recognised(detector: Detector, label: str, shown: Shown, rng: np.random.Generator) -> bool:
    name, height, spot = shown.name, shown.height, shown.spot
    whole = picture(name)
    width, height_px = SIZE_PX[0], round(height * SIZE_PX[1])
    size_px = (round(height_px * whole.width / whole.height), height_px)
    image = picture(f"background-{shown.background}", SIZE_PX).copy()
    sprite = picture(name, size_px, is_flipped=spot[0] > 0.6)
    left = min(max(round(spot[0] * width - size_px[0] / 2), 0), width - size_px[0])
    image.paste(sprite, (left, round(spot[1] * SIZE_PX[1]) - height_px), sprite)
    noisy = np.asarray(image, np.float32) + rng.normal(0, 2, (*image.size[::-1], 1))
    seen = detector.detect(Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)))
    return any(one.label == label and one.score >= 0.5 for one in seen)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path, nargs="?", help="of a data set made with --pixels")
    arguments.add_argument("--sprites", action="store_true")
    arguments.add_argument("--errors", action="store_true")
    arguments.add_argument("--model", action="append", default=[])
    given = arguments.parse_args()
    if given.sprites:
        sprites()
    if given.errors:
        errors_of(given.folder)
    for name in given.model:
        scores_of(given.folder, name)


if __name__ == "__main__":
    main()
