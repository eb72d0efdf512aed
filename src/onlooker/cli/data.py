"""`onlooker data`: make, convert, check, show and count labelled seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlooker.core.errors import OnlookerError

if TYPE_CHECKING:
    from onlooker.data.make import Advance
    from onlooker.data.shards import Problem, Stats

MAX_LISTED = 20
SEEN_PER_SHARD = 24  # looking takes seconds a stream: a stop shall not lose minutes

data = typer.Typer(no_args_is_help=True, help="Make and look at labelled seconds.")
Folder = Annotated[Path, typer.Argument(help="of the data set")]


@data.command()
def make(
    folder: Folder,
    num_streams: Annotated[int, typer.Option("--streams", min=1, help="how many to make")] = 1000,
    seed: Annotated[int, typer.Option(help="another seed, other streams")] = 0,
    split: Annotated[
        list[str] | None,
        typer.Option(help="train, seeds, phrasings, classes, heldout; may be given again"),
    ] = None,
    family: Annotated[
        list[str] | None, typer.Option(help="a family of tasks; may be given again; all if none")
    ] = None,
    noise: Annotated[
        float | None,
        typer.Option(help="how badly it is seen, times what was measured; mixed if left out"),
    ] = None,
    pixels: Annotated[
        bool,
        typer.Option("--pixels", help="draw every stream and let the default eyes look at it"),
    ] = False,
    looks: Annotated[
        int, typer.Option(min=1, max=30, help="frames a second that they look at, with --pixels")
    ] = 1,
) -> None:
    """Make streams of the rule-made world. Stopped, it goes on where it was."""
    from onlooker.data.make import WorldPlan, make_world
    from onlooker.data.shards import STREAMS_PER_SHARD
    from onlooker.data.world.families import FAMILIES

    splits, families = tuple(split or ("train",)), tuple(family or FAMILIES)
    looks_hz = looks if pixels else None
    plan = WorldPlan(num_streams, seed, splits, families, noise, looks_hz)  # type: ignore[arg-type]
    eyes = None
    if pixels:
        from onlooker.cli.eyes import default_eyes

        eyes = default_eyes()
    with _progress("streams", num_streams) as advance:
        per_shard = SEEN_PER_SHARD if pixels else STREAMS_PER_SHARD
        stats = make_world(plan, folder, advance, per_shard, eyes)
    _print_stats(stats)


@data.command()
def convert(
    annotations: Annotated[list[Path], typer.Argument(help="files in the released schema")],
    videos: Annotated[Path, typer.Option(help="the folder below which the videos lie")],
    folder: Annotated[Path, typer.Option("--to", help="of the data set")],
) -> None:
    """Convert released annotations to labelled seconds; broken videos are skipped and listed."""
    from onlooker.data.make import convert_all
    from onlooker.data.videos import duration_of

    with _progress("annotations", None) as advance:
        stats, problems = convert_all(annotations, videos, folder, duration_of, advance)
    _print_stats(stats)
    _print_problems(problems)


@data.command()
def check(folder: Folder) -> None:
    """Read all of a data set. Exit code 1: something is wrong with it."""
    from onlooker.data.shards import check as check_all

    problems = list(check_all(folder))
    _print_problems(problems)
    if problems:
        raise OnlookerError(f"{folder} has {len(problems)} problems")
    typer.echo(f"{folder} is in good order")


@data.command()
def show(
    folder: Folder,
    num_streams: Annotated[int, typer.Option("--streams", min=1, help="how many to show")] = 3,
    family: Annotated[list[str] | None, typer.Option(help="only of this family")] = None,
    shows_all: Annotated[bool, typer.Option("--all", help="quiet seconds, too")] = False,
) -> None:
    """Print streams as conversations."""
    from itertools import islice

    from onlooker.data.shards import read_streams
    from onlooker.data.show import show as lines_of

    for stream in islice(read_streams(folder, family or ()), num_streams):
        for line in lines_of(stream, shows_all=shows_all):
            typer.echo(line)
        typer.echo()


@data.command()
def stats(folder: Folder) -> None:
    """Count streams, seconds and speech, by family and split."""
    from onlooker.data.shards import read_card, stats_of

    read_card(folder)
    counted, problems = stats_of(folder)
    _print_stats(counted)
    _print_problems(problems)


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda number: bar.advance(task, number)


def _print_stats(counted: Stats) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "streams", "seconds", "spoken", "delegated")
    for by in (counted.by_split, counted.by_family):
        for name, row in sorted(by.items()):
            table.add_row(name, *map(str, row.values()))
        table.add_section()
    totals = (counted.num_streams, counted.num_seconds, counted.num_spoken, counted.num_delegated)
    table.add_row("all", *map(str, totals))
    Console().print(table)


def _print_problems(problems: Sequence[Problem]) -> None:
    for problem in problems[:MAX_LISTED]:
        typer.echo(f"{problem.where}: {problem.why}", err=True)
    if (num_more := len(problems) - MAX_LISTED) > 0:
        typer.echo(f"... and {num_more} more", err=True)
