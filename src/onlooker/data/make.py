"""Make a data set: of the world, or of public annotations and their videos."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from onlooker.data.annotations import Annotation, read_annotations
from onlooker.data.convert import MAX_SECONDS, convert
from onlooker.data.shards import STREAMS_PER_SHARD, DataWriter, Problem, Stats
from onlooker.data.stream import BadData, LabelledStream
from onlooker.data.world.compose import Medium, Recipe, make_stream
from onlooker.data.world.families import FAMILIES
from onlooker.data.world.noise import measured, scaled
from onlooker.data.world.pixels import scenario_of
from onlooker.data.world.seen import Eyes, seen_by
from onlooker.data.world.words import SPLITS, Split

Advance = Callable[[int], None]
DurationOf = Callable[[Path], float]
"""The duration of a video in seconds. Raises BadData or OSError if it cannot be read."""


@dataclass(frozen=True, slots=True)
class WorldPlan:
    """Which streams of the world to make."""

    num_streams: int
    seed: int = 0
    splits: tuple[Split, ...] = ("train",)
    families: tuple[str, ...] = tuple(FAMILIES)
    noise: float | None = None  # times what was measured; None: none, some or all of it by stream
    looks_hz: int | None = None  # frames of it that are drawn and looked at; None: none are drawn

    def __post_init__(self) -> None:
        if self.looks_hz is not None and (self.noise is not None or not 0 < self.looks_hz <= 30):
            raise BadData(
                f"looks_hz={self.looks_hz}, noise={self.noise}: look at 1 to 30 frames a second; "
                f"the noise of what is drawn is that of the eyes"
            )
        if self.noise is not None and not 0 <= self.noise <= 10:
            raise BadData(f"noise={self.noise}: give 0 to 10 times what was measured")
        if self.num_streams < 1:
            raise BadData(f"num_streams={self.num_streams}: make at least one")
        for given, known in ((self.splits, SPLITS), (self.families, tuple(FAMILIES))):
            if not given or (unknown := set(given) - set(known)):
                raise BadData(
                    f"{sorted(unknown) if given else 'nothing'} is asked for; "
                    f"known: {', '.join(known)}"
                )

    def recipes(self) -> Iterator[Recipe]:
        """Yield all recipes, families and splits in turns, so that every shard holds them all."""
        cells = [(family, split) for split in self.splits for family in self.families]
        for number in range(self.num_streams):
            family, split = cells[number % len(cells)]
            yield Recipe(family, split, self.seed, number // len(cells), self.medium)

    @property
    def medium(self) -> Medium:
        return "pixels" if self.looks_hz else "world"

    def made_by(self) -> dict[str, object]:
        """Say what makes the same data set again."""
        seen: dict[str, object] = {"looks_hz": self.looks_hz} if self.looks_hz else {}
        return {
            "source": self.medium,
            "num_streams": self.num_streams,
            "seed": self.seed,
            "splits": list(self.splits),
            "families": list(self.families),
            "noise": self.noise,
            **seen,
        }


def make_world(
    plan: WorldPlan,
    folder: Path,
    advance: Advance = lambda _: None,
    streams_per_shard: int = STREAMS_PER_SHARD,
    eyes: Eyes | None = None,
) -> Stats:
    """Make streams of the world, or go on where making them was stopped.

    Args:
        plan: which.
        folder: of the data set.
        advance: is told of every stream that is done.
        streams_per_shard: what is lost at most when making is stopped.
        eyes: look at what is drawn, if the plan says that it is.

    Raises:
        BadData: the folder holds something else. OSError: the disk says no.
    """
    writer = DataWriter(folder, plan.made_by(), streams_per_shard)
    done = min(writer.num_written, plan.num_streams)
    advance(done)
    make = _maker(plan, eyes)
    for recipe in islice(plan.recipes(), done, None):
        writer.write(make(recipe))
        advance(1)
    return writer.close()


def _maker(plan: WorldPlan, eyes: Eyes | None) -> Callable[[Recipe], LabelledStream]:
    if plan.looks_hz is None:
        noise = None if plan.noise is None else scaled(measured(), plan.noise)
        return lambda recipe: make_stream(recipe, noise)
    if eyes is None:
        raise BadData("the plan draws streams, and no eyes are given to look at them")
    looking, looks_hz = eyes, plan.looks_hz
    return lambda recipe: seen_by(looking, scenario_of(recipe), fps=looks_hz)


def convert_all(
    files: Sequence[Path],
    videos: Path,
    folder: Path,
    duration_of: DurationOf,
    advance: Advance = lambda _: None,
) -> tuple[Stats, list[Problem]]:
    """Convert files of annotations. What cannot be read or lies outside its video is listed.

    Args:
        files: of annotations, in the released schema.
        videos: the folder below which the annotated videos lie.
        folder: of the data set. One that was stopped goes on after its last complete shard.
        duration_of: how long a video lasts; a video is asked for once.
        advance: is told of every annotation that is done.

    Raises:
        BadData: a file holds no annotations, or the folder holds something else.
    """
    made_by = {"source": "annotations", "files": [file.name for file in files]}
    writer = DataWriter(folder, {**made_by, "max_seconds": MAX_SECONDS})
    problems: list[Problem] = []
    left = writer.num_written
    for stream in _converted(files, videos, duration_of, problems, advance):
        if left:
            left -= 1
        else:
            writer.write(stream)
    return writer.close(problems), problems


def _converted(
    files: Iterable[Path],
    videos: Path,
    duration_of: DurationOf,
    problems: list[Problem],
    advance: Advance,
) -> Iterator[LabelledStream]:
    durations: dict[str, float] = {}
    items: set[str] = set()
    for file in files:
        for one in read_annotations(file):
            advance(1)
            try:
                if isinstance(one, BadData):
                    raise one
                if one.path not in durations:
                    durations[one.path] = duration_of(videos / one.path)
                stream = convert(one, durations[one.path]).stream
            except (BadData, OSError) as error:
                name = one.path if isinstance(one, Annotation) else file.name
                problems.append(Problem(name, str(error)))
                continue
            if stream.item in items:
                problems.append(Problem(one.path, f"{stream.item!r} stands there already"))
                continue
            items.add(stream.item)
            yield stream
