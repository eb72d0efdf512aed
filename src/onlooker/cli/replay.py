"""`onlooker replay`: decide on a recording again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlooker.cli.options import Json, Model, ModelName, ModelUrl, Recipe, Set, read_settings
from onlooker.core.errors import OnlookerError

if TYPE_CHECKING:
    from onlooker.live.replay import Replayed

MAX_SHOWN = 20


def replay(
    recording: Annotated[Path, typer.Argument(help="a folder that `watch --record` wrote")],
    model: Model = None,
    model_url: ModelUrl = None,
    model_name: ModelName = None,
    as_json: Json = False,
    recipe: Recipe = None,
    overrides: Set = None,
) -> None:
    """Replay a recording: the same decisions, offline, or those of another model.

    Without a model, what was decided is decided again, and every prompt is rebuilt and
    compared with the one that was read: it proves that nothing is missing or changed.
    With --model, --model-url or --model-name, that model decides anew, and the two are compared.

    Exit code 1: a replay without another model came out differently.
    """
    from onlooker.assemble import model_of, sinks_of
    from onlooker.core.recording import read_recording
    from onlooker.live.replay import replay as replay_events

    sink = ["jsonl" if as_json else "console"]
    chosen = (model, model_url, model_name)
    settings = read_settings(recipe, overrides, chosen, {"sink.use": sink})
    other = model_of(settings) if any(chosen) else None
    events = read_recording(recording)
    replayed = asyncio.run(replay_events(events, other, sinks_of(settings)))
    _print(replayed, is_other=other is not None)
    if other is None and not replayed.is_identical:
        raise OnlookerError(f"{recording} does not replay to the same decisions")


def _print(replayed: Replayed, *, is_other: bool) -> None:
    for difference in replayed.differences[:MAX_SHOWN]:
        cause = "" if difference.is_same_prompt else " (the prompt differs)"
        typer.echo(f"tick {difference.tick}{cause}", err=True)
        typer.echo(f"  recorded  {difference.recorded}", err=True)
        typer.echo(f"  replayed  {difference.replayed}", err=True)
    if (num_more := len(replayed.differences) - MAX_SHOWN) > 0:
        typer.echo(f"... and {num_more} more", err=True)
    typer.echo(
        f"{replayed.num_ticks} ticks: {replayed.num_same_decision} decisions the same, "
        f"{replayed.num_same_prompt} prompts the same"
        + ("" if is_other or replayed.is_identical else ": not a faithful replay")
        + ("" if replayed.is_complete else "; the recording breaks off before its end"),
        err=True,
    )
