"""The command line. Commands read arguments, call one function and print.

Exit codes: 0 the session ended in good order; 1 it could not be done, and one line says why;
2 wrong usage or settings; 130 interrupted twice.
"""

from __future__ import annotations

import os
import sys

import typer

from onlooker.cli import memory, perception
from onlooker.cli.data import data
from onlooker.cli.demo import demo
from onlooker.cli.evaluate import evaluate
from onlooker.cli.inspect import config, plugins
from onlooker.cli.replay import replay
from onlooker.cli.serve import serve
from onlooker.cli.train import train
from onlooker.cli.watch import watch
from onlooker.core.errors import BadSettings, OnlookerError, SourceRefused, UnknownPlugin

app = typer.Typer(
    name="onlooker",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="An always-present video assistant: once a second it decides by itself whether to "
    "speak, stay silent or delegate a hard question.",
)
for command in (demo, watch, serve, replay, plugins, config):
    app.command()(command)
app.add_typer(perception.app, name="perception")
app.add_typer(memory.app, name="memory")
app.add_typer(data, name="data")
app.add_typer(evaluate, name="evaluate")
app.add_typer(train, name="train")


def main() -> None:
    """Run a command. Our errors are one line; bugs keep their traceback."""
    try:
        app()
    except OnlookerError as error:
        print(f"onlooker: {error}", file=sys.stderr)  # noqa: T201
        is_usage = isinstance(error, BadSettings | UnknownPlugin | SourceRefused)
        raise SystemExit(2 if is_usage else 1) from None
    except BrokenPipeError:
        # Whoever read our output has gone: nothing is wrong, and nothing more can be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
