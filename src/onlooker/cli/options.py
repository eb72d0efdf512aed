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
Brain = Annotated[
    str | None,
    typer.Option("--brain", help="brain plug-in for hard questions, see `onlooker plugins`"),
]
BrainUrl = Annotated[
    str | None,
    typer.Option("--brain-url", help="its server; without --brain an OpenAI-compatible one"),
]
BrainName = Annotated[str | None, typer.Option("--brain-name", help="model id on that server")]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        help="what happened earlier: ram (until the session ends; the default), disk (your data "
        "folder, see `onlooker memory`), a folder of your choice, another plug-in, or none",
    ),
]
Persona = Annotated[
    str | None, typer.Option(help="silent, default or talkative: how much it says unasked")
]
Perception = Annotated[
    str | None, typer.Option(help="perception plug-in that sees a scene, such as default")
]
Recipe = Annotated[
    Path | None, typer.Option("--recipe", help="settings in TOML, such as recipes/watch.toml")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="one setting, as section.key=value; see `onlooker config`"),
]
Json = Annotated[bool, typer.Option("--json", help="print one event a line, as JSON")]


Chosen = tuple[str | None, str | None, str | None]


def read_settings(
    recipe: Path | None,
    overrides: list[str] | None,
    model: Chosen = (None, None, None),
    more: dict[str, Any] | None = None,
    brain: Chosen = (None, None, None),
) -> Settings:
    """Lay a command's options over its recipe; a `Chosen` is plug-in, URL and name."""
    given = list(overrides or ())
    given += _quoted({"model.use": model[0], "brain.use": brain[0], **(more or {})})
    settings = load_settings(recipe, given)
    has_server = any(model[1:]) or settings.model.table("openai")
    if has_server and "use" not in settings.model.model_fields_set:
        given += _quoted({"model.use": "openai"})
        settings = load_settings(recipe, given)
    brain_use = settings.brain.use
    if not brain_use and any(brain):
        brain_use = "openai"
        given += _quoted({"brain.use": brain_use})
    for path, (_, url, name) in (
        (f"model.{settings.model.use}", model),
        (f"brain.{brain_use}", brain),
    ):
        given += _quoted({f"{path}.url": url, f"{path}.name": name})
    return load_settings(recipe, given)


def memory_settings(given: str | None) -> dict[str, Any]:
    """Say what `--memory` means as settings; a folder is one that no plug-in is called by."""
    from onlooker.plugins.loader import installed

    known = {"none": "", "disk": "sqlite", **{name: name for name in installed("memory").names}}
    if given is None or given in known:
        return {"memory.use": None if given is None else known[given]}
    return {"memory.use": "sqlite", "memory.sqlite.folder": given}


def sinks_of(given: Settings, *, as_json: bool, is_recorded: bool) -> list[str]:
    """Lay `--json` and `--record` over the sinks that the settings choose; console if none."""
    chosen = given.sink.use if "use" in given.sink.model_fields_set else ["console"]
    shown = ["jsonl" if as_json and sink == "console" else sink for sink in chosen]
    if as_json and "jsonl" not in shown:
        shown.append("jsonl")
    return list(dict.fromkeys([*shown, *(["recorder"] if is_recorded else [])]))


def _quoted(values: dict[str, Any]) -> list[str]:
    # A JSON value is a TOML value, for all that options can be.
    return [f"{key}={json.dumps(value)}" for key, value in values.items() if value is not None]
