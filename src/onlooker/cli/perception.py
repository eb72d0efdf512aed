"""`onlooker perception`: see what the eyes see."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onlooker.cli.options import Recipe, Set, read_settings

app = typer.Typer(no_args_is_help=True, help="See what the eyes see.")


@app.callback()
def _perception() -> None:
    """Keep `show` a command of its own, beside those to come."""


@app.command()
def show(
    video: Annotated[Path, typer.Argument(help="a video file")],
    out: Annotated[
        Path, typer.Option(help="folder for the annotated video and the strip of its moments")
    ] = Path("perception-out"),
    looks_hz: Annotated[
        float, typer.Option(min=0.1, max=30, help="how often it looks, in times a second")
    ] = 4.0,
    recipe: Recipe = None,
    overrides: Set = None,
) -> None:
    """Write a video with boxes, zones and text drawn in, and a strip of its key frames.

    Try: onlooker perception show clip.mp4 --set perception.default.watch='["person"]'
    """
    from onlooker.assemble import check_tables, settings_of
    from onlooker.plugins.perception.show import show as draw

    settings = read_settings(recipe, overrides)
    check_tables(settings)
    shown = draw(video, out, settings_of("perception", "default", settings.perception), looks_hz)
    typer.echo(f"{shown.video}: {shown.num_frames} frames as they are seen")
    typer.echo(f"{shown.strip}: {shown.num_key_frames} moments")
