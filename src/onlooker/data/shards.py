"""A data set on disk: shards of streams, each written whole or not at all, and a card.

    NAME/data.json             version, how it was made, counts
    NAME/card.md               the same for people
    NAME/shard-00000.parquet   streams, one a row

A shard is written beside its place and then moved there; what stands under its name is complete.
Making a data set goes on after the last complete shard.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onlooker.data.rows import Plain, from_row, to_row
from onlooker.data.stream import BadData, LabelledStream

VERSION = 1
CARD_FILE = "data.json"
STREAMS_PER_SHARD = 500
ROWS_PER_GROUP = 64
_COUNTED = ("num_seconds", "num_spoken", "num_delegated")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was left out, and why."""

    where: str
    why: str


@dataclass(slots=True)
class Stats:
    """What a data set holds."""

    num_streams: int = 0
    num_seconds: int = 0
    num_spoken: int = 0
    num_delegated: int = 0
    by_family: dict[str, Counter[str]] = field(default_factory=dict)
    by_split: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, row: Plain) -> None:
        """Count a row."""
        self.num_streams += 1
        for name in _COUNTED:
            setattr(self, name, getattr(self, name) + row[name])
        for table, key in ((self.by_family, row["family"]), (self.by_split, row["split"])):
            counts = table.setdefault(key, Counter())
            counts["num_streams"] += 1
            counts.update({name: row[name] for name in _COUNTED})


class DataWriter:
    """Writes streams to a data set, a shard at a time.

    Raises:
        BadData: the folder holds a data set that was made otherwise.
    """

    def __init__(
        self, folder: Path, made_by: dict[str, Any], streams_per_shard: int = STREAMS_PER_SHARD
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        made_by = {**made_by, "streams_per_shard": streams_per_shard}
        self._folder, self._made_by, self._per_shard = folder, made_by, streams_per_shard
        self._rows: list[Plain] = []
        card = folder / CARD_FILE
        if card.exists():
            before = read_card(folder)["made_by"]
            if before != made_by:
                raise BadData(
                    f"{folder} holds a data set made by {before}, not by {made_by}: "
                    f"name another folder"
                )
        elif any(folder.glob("shard-*.parquet")):
            raise BadData(f"{folder} holds shards without {CARD_FILE}: name another folder")
        else:
            _write_whole(card, _card(made_by, Stats(), is_complete=False))
        for torn in folder.glob("*.part"):
            torn.unlink()
        self._num_shards = len(shards_of(folder))

    @property
    def num_written(self) -> int:
        """How many streams stand in complete shards: where to go on."""
        return self._num_shards * self._per_shard

    def write(self, stream: LabelledStream) -> None:
        """Take a stream; every so many of them become a shard."""
        self._rows.append(to_row(stream))
        if len(self._rows) >= self._per_shard:
            self._write_shard()

    def close(self, problems: Sequence[Problem] = ()) -> Stats:
        """Write what is left, and the card."""
        if self._rows:
            self._write_shard()
        stats, broken = stats_of(self._folder)
        card = _card(self._made_by, stats, is_complete=True)
        left_out = [{"where": one.where, "why": one.why} for one in (*problems, *broken)]
        _write_whole(self._folder / CARD_FILE, {**card, "left_out": left_out})
        (self._folder / "card.md").write_text(_card_text(card, stats), encoding="utf-8")
        return stats

    def _write_shard(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._folder / f"shard-{self._num_shards:05d}.parquet"
        part = path.with_suffix(".part")
        table = pa.Table.from_pylist(self._rows, schema=_schema())
        pq.write_table(table, part, compression="zstd", row_group_size=ROWS_PER_GROUP)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
        self._num_shards += 1
        self._rows = []


def shards_of(folder: Path) -> list[Path]:
    """List the shards of a data set, in order."""
    return sorted(folder.glob("shard-*.parquet"))


def read_card(folder: Path) -> dict[str, Any]:
    """Read what a data set says of itself.

    Raises:
        BadData: there is none, or it is of another version.
    """
    try:
        card: dict[str, Any] = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
        version = card["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadData(
            f"{folder} is no data set: {error}: make one with `onlooker data make`"
        ) from error
    if version != VERSION:
        raise BadData(f"{folder} is of version {version}, expected {VERSION}: make it again")
    return card


def read_streams(
    folder: Path, families: Iterable[str] = (), splits: Iterable[str] = ()
) -> Iterator[LabelledStream]:
    """Yield the streams of a data set, in order, those of some families and splits if named.

    Raises:
        BadData: there is no data set, it holds nothing, or a shard or row is broken.
    """
    wanted = {"family": frozenset(families), "split": frozenset(splits)}
    read_card(folder)
    shards = shards_of(folder)
    if not shards:
        raise BadData(f"{folder} holds no shard: its making was stopped early; make it again")
    for path in shards:
        for row in read_rows(path):
            if all(not names or row[name] in names for name, names in wanted.items()):
                yield from_row(row)


def read_rows(path: Path, columns: list[str] | None = None) -> Iterator[Plain]:
    """Yield the rows of a shard.

    Raises:
        BadData: it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS_PER_GROUP, columns=columns):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise BadData(f"{path} cannot be read: {error}: make it again") from error


def stats_of(folder: Path) -> tuple[Stats, list[Problem]]:
    """Count what a data set holds; broken shards are listed."""
    stats, problems = Stats(), []
    for path in shards_of(folder):
        try:
            for row in read_rows(path, ["family", "split", *_COUNTED]):
                stats.add(row)
        except BadData as error:
            problems.append(Problem(path.name, str(error)))
    return stats, problems


def check(folder: Path) -> Iterator[Problem]:
    """Read all of a data set, and yield everything that is wrong with it."""
    read_card(folder)
    items: set[str] = set()
    for path in shards_of(folder):
        try:
            for row in read_rows(path):
                if row["item"] in items:
                    yield Problem(path.name, f"a second stream is called {row['item']!r}")
                items.add(row["item"])
                yield from _problems_of(row, path)
        except BadData as error:
            yield Problem(path.name, str(error))
    if not items:
        yield Problem(str(folder), "it holds no stream: make it again")


def _problems_of(row: Plain, path: Path) -> Iterator[Problem]:
    try:
        stream = from_row(row)
    except BadData as error:
        yield Problem(path.name, str(error))
        return
    counts = {name: row[name] for name in _COUNTED}
    counted = to_row(stream)
    if counts != {name: counted[name] for name in _COUNTED}:
        yield Problem(path.name, f"stream {stream.item!r} is not what its row counts: {counts}")
    end_s = stream.turns[-1].tick.end_s
    for event in stream.truth.events:
        if event.onset_s > end_s:
            yield Problem(path.name, f"event {event.id!r} of {stream.item!r} is after its end")


def _schema() -> Any:
    import pyarrow as pa

    text, number = pa.string(), pa.int32()
    turn = pa.struct(
        [
            ("tick", number),
            ("start_s", pa.float64()),
            ("end_s", pa.float64()),
            *((name, text) for name in ("words", "scene", "decision")),
        ]
    )
    names = ("item", "family", "split", "source", "persona")
    return pa.schema(
        [(name, text) for name in names]
        + [("memory", pa.list_(text)), ("video_path", text), ("video_fps", number)]
        + [(name, number) for name in _COUNTED]
        + [("truth", text), ("turns", pa.list_(turn))]
    )


def _card(made_by: dict[str, Any], stats: Stats, *, is_complete: bool) -> dict[str, Any]:
    return {
        "version": VERSION,
        "made_by": made_by,
        "is_complete": is_complete,
        "num_streams": stats.num_streams,
        **{name: getattr(stats, name) for name in _COUNTED},
        "by_family": {name: dict(counts) for name, counts in sorted(stats.by_family.items())},
        "by_split": {name: dict(counts) for name, counts in sorted(stats.by_split.items())},
    }


def _card_text(card: dict[str, Any], stats: Stats) -> str:
    made = "\n".join(f"- {name}: {value}" for name, value in card["made_by"].items())
    rows = [
        f"| {name} | {one['num_streams']} | {one['num_seconds']} | {one['num_spoken']} "
        f"| {one['num_delegated']} |"
        for table in (stats.by_family, stats.by_split)
        for name, one in sorted(table.items())
    ]
    return "\n".join(
        [
            f"# Data set, version {VERSION}\n",
            "Streams whose every second says what is right. Made by:\n",
            f"{made}\n",
            f"{stats.num_streams} streams, {stats.num_seconds} seconds.\n",
            "| family or split | streams | seconds | spoken | delegated |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _write_whole(path: Path, plain: dict[str, Any]) -> None:
    part = path.with_suffix(".json.part")
    part.write_text(json.dumps(plain, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)
