"""Options that several commands share, and what they mean as settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from onlooker.config import Settings, load_settings

Model = Annotated[str | None, typer.Option("--model", help="model plug-in, see `onlooker plugins`")]
ModelUrl = Annotated[
    str | None,
    typer.Option("--model-url", help="OpenAI-compatible server, such as http://127.0.0.1:8000/v1"),
]
ModelName = Annotated[
    str | None, typer.Option("--model-name", help="model id on that server; its first if left out")
]
Recipe = Annotated[
    Path | None, typer.Option("--recipe", help="settings in TOML, such as recipes/watch.toml")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="one setting, as section.key=value; see `onlooker config`"),
]
Json = Annotated[bool, typer.Option("--json", help="print one event a line, as JSON")]


def read_settings(
    recipe: Path | None,
    overrides: list[str] | None,
    model: tuple[str | None, str | None, str | None] = (None, None, None),
    more: dict[str, Any] | None = None,
) -> Settings:
    """Lay a command's options over its recipe; `model` is plug-in, URL and name."""
    plugin, url, name = model
    given = list(overrides or ())
    given += _quoted({"model.use": plugin, **(more or {})})
    use = load_settings(recipe, given).model.use
    given += _quoted({f"model.{use}.url": url, f"model.{use}.name": name})
    return load_settings(recipe, given)


def _quoted(values: dict[str, Any]) -> list[str]:
    # A JSON value is a TOML value, for all that options can be.
    return [f"{key}={json.dumps(value)}" for key, value in values.items() if value is not None]
