"""`onlooker evaluate compare`: rate two runs by hand or by a judge, blind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onlooker.core.errors import BadSettings, OnlookerError

if TYPE_CHECKING:
    from onlooker.core.media import VideoFrame
    from onlooker.core.ports import Judge
    from onlooker.evaluate.pairs import Pair
    from onlooker.evaluate.rating_page import Film

MAX_LISTED = 20


def compare(
    one: Annotated[Path, typer.Argument(help="a run's folder")],
    other: Annotated[Path, typer.Argument(help="another run's, of the same suite")],
    rater: Annotated[str, typer.Option(help="who rates: a name, for agreement")] = "me",
    to: Annotated[
        Path | None, typer.Option(help="file of ratings; several raters may share it")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="pairs at most")] = None,
    seed: Annotated[int, typer.Option(help="of the order and of the sides")] = 0,
    judge: Annotated[str | None, typer.Option(help="judge plug-in that rates instead")] = None,
    judge_url: Annotated[str | None, typer.Option(help="server of the judge")] = None,
    judge_name: Annotated[str | None, typer.Option(help="model id on that server")] = None,
    port: Annotated[int, typer.Option(help="of the page; 0: any that is free")] = 0,
    only_tally: Annotated[bool, typer.Option("--tally", help="add up, and rate nothing")] = False,
) -> None:
    """Say pair by pair which of two runs you would rather have had, not knowing which is which.

    Opens a local page; what was rated is kept line by line, and the next start goes on. Prints
    wins, ties and losses of ONE, and how far raters agree.
    """
    from onlooker.cli.evaluate import judge_of
    from onlooker.evaluate.pairs import pairs, read_ratings, tally
    from onlooker.evaluate.result import score_run
    from onlooker.evaluate.run import read_run

    ratings = to or one / f"against-{other.name}.jsonl"
    if not only_tally:
        runs = [read_run(folder) for folder in (one, other)]
        abouts = [about for about, _ in runs]
        if abouts[0].get("digest") != abouts[1].get("digest"):
            raise BadSettings(f"{one} and {other} are runs of different suites")
        scored = [score_run(done) for _, done in runs]
        name = judge_name or judge or rater
        both = pairs(scored[0].truths, scored[0].predictions, scored[1].predictions, name, seed)[
            :limit
        ]
        grader = judge_of(judge, judge_url, judge_name)
        if grader:
            _judge(both, grader, name, ratings)
        else:
            _serve(both, name, ratings, _film_of(abouts[0]), port)
    typer.echo(json.dumps(tally(read_ratings(ratings)), ensure_ascii=False, indent=1))


def _judge(pairs: list[Pair], judge: Judge, rater: str, to: Path) -> None:
    from onlooker.evaluate.pairs import append_rating, judged, read_ratings
    from onlooker.evaluate.problems import Problem

    done = {rating.item for rating in read_ratings(to) if rating.rater == rater}
    failed: list[Problem] = []
    for found in judged((pair for pair in pairs if pair.truth.item not in done), judge, rater):
        if isinstance(found, Problem):
            failed.append(found)
        else:
            append_rating(to, found)
    judge.close()
    for problem in failed[:MAX_LISTED]:
        typer.echo(f"{problem.item}: {problem.detail}", err=True)
    if failed:
        typer.echo(f"the judge failed on {len(failed)} of {len(pairs)} pairs", err=True)
    if failed and len(failed) == len(pairs):
        raise OnlookerError(f"the judge rated nothing: {failed[-1].detail}")


def _serve(pairs: list[Pair], rater: str, to: Path, film: Film, port: int) -> None:
    from onlooker.evaluate.pairs import read_ratings
    from onlooker.evaluate.rating_page import RatingPage

    page = RatingPage(pairs, rater, to, film, port)
    page.skip_rated(read_ratings(to))
    typer.echo(f"{len(pairs)} pairs to rate; Ctrl-C when you are done:\n  {page.url}", err=True)
    try:
        page.serve()
    except KeyboardInterrupt:
        typer.echo("", err=True)


def _film_of(about: dict[str, Any]) -> Film:
    """Draw an item's pictures again, if its suite has any."""
    from onlooker.cli.evaluate import film
    from onlooker.data.stream import BadData
    from onlooker.data.suite import read_suite
    from onlooker.evaluate.suite import ItemMissing

    def frames(item: str) -> Iterator[VideoFrame]:
        try:
            made = read_suite(str(about["about"]["from"]), "pixels", film).open(item)
        except (BadData, ItemMissing, KeyError):
            return
        yield from made.frames() if made.frames else ()

    return frames
