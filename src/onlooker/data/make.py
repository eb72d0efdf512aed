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
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.data.world.families import FAMILIES
from onlooker.data.world.noise import measured, scaled
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

    def __post_init__(self) -> None:
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
            yield Recipe(family, split, self.seed, number // len(cells))

    def made_by(self) -> dict[str, object]:
        """Say what makes the same data set again."""
        return {
            "source": "world",
            "num_streams": self.num_streams,
            "seed": self.seed,
            "splits": list(self.splits),
            "families": list(self.families),
            "noise": self.noise,
        }


def make_world(
    plan: WorldPlan,
    folder: Path,
    advance: Advance = lambda _: None,
    streams_per_shard: int = STREAMS_PER_SHARD,
) -> Stats:
    """Make streams of the world, or go on where making them was stopped.

    Raises:
        BadData: the folder holds something else. OSError: the disk says no.
    """
    writer = DataWriter(folder, plan.made_by(), streams_per_shard)
    done = min(writer.num_written, plan.num_streams)
    advance(done)
    noise = None if plan.noise is None else scaled(measured(), plan.noise)
    for recipe in islice(plan.recipes(), done, None):
        writer.write(make_stream(recipe, noise))
        advance(1)
    return writer.close()


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
