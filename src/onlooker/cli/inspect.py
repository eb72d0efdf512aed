"""`onlooker plugins` and `onlooker config`: what is installed, and what can be set."""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from onlooker.cli.options import Json, Recipe, Set, read_settings


def plugins(as_json: Json = False) -> None:
    """List the plug-ins of every port, with the package that each comes from."""
    from onlooker.plugins.loader import PORTS, installed

    rows = [
        {
            "port": kind,
            "name": point.name,
            "class": point.value,
            "origin": f"{point.dist.name} {point.dist.version}" if point.dist else "unknown",
        }
        for kind in PORTS
        for point in sorted(installed(kind), key=lambda point: point.name)
    ]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("port", "name", "class", "origin", box=None, header_style="bold")
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)


def config(
    recipe: Recipe = None,
    overrides: Set = None,
    everything: Annotated[
        bool, typer.Option("--all", help="the settings of every plug-in, not of those in use alone")
    ] = False,
) -> None:
    """Print all settings with their values and what they mean. The output is a recipe."""
    settings = read_settings(recipe, overrides)
    for line in _describe(settings, everything=everything):
        typer.echo(line)


def _describe(settings: Any, *, everything: bool) -> list[str]:
    from pydantic import TypeAdapter

    from onlooker.config import Choice, Players, Sinks
    from onlooker.plugins.loader import installed

    lines = []
    for section, kind in type(settings).model_fields.items():
        value = getattr(settings, section)
        lines += _table(section, TypeAdapter(kind.annotation), value)
        for key, inner in getattr(value, "__dict__", {}).items():
            if is_dataclass(inner):
                lines += _table(f"{section}.{key}", TypeAdapter(type(inner)), inner)
        if section in ("live", "server", "speech"):
            continue
        names = sorted(installed(section).names)
        if not everything and isinstance(value, Choice | Players | Sinks):
            used = (value.use,) if isinstance(value, Choice) else value.use
            names = [name for name in used if name]
        for name in names:
            lines += _plugin_table(section, name, value.table(name))
    return lines


def _plugin_table(section: str, name: str, given: dict[str, Any]) -> list[str]:
    from pydantic import TypeAdapter, ValidationError

    from onlooker.config import explain
    from onlooker.core.errors import BadSettings
    from onlooker.plugins.loader import load

    try:
        kind = load(section, name).Settings
        if not given and (required := [k for k, f in kind.model_fields.items() if f.is_required()]):
            return [f"[{section}.{name}]", *(f"# {key} must be given" for key in required), ""]
        return _table(f"{section}.{name}", TypeAdapter(kind), kind.model_validate(given))
    except ImportError as error:
        return [f"# [{section}.{name}] is not complete: {error}", ""]
    except ValidationError as error:
        raise BadSettings(explain(error, f"{section}.{name}")) from None


def _table(title: str, kind: Any, value: Any) -> list[str]:
    """Write one table of the tree, each key under the sentence that explains it."""
    schema = kind.json_schema()
    fields = schema.get("properties", {})
    plain = kind.dump_python(value, mode="json")
    lines = [f"[{title}]"]
    for key, about in fields.items():
        if key not in plain or is_dataclass(getattr(value, key)):
            continue  # a table of its own
        lines.append(f"# {about.get('description', key)}")
        lines.append(f"{key} = {_toml(plain[key])}" if plain[key] is not None else f"# {key} =")
    return [*lines, ""]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value if not isinstance(value, Path) else str(value), ensure_ascii=False)
