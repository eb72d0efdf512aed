"""Write the page's types of events from core/event.py, as core/wire.py puts them on the wire.

`python web/event_types.py` writes `src/api/events.ts`; `--check` says whether that is current.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from onlooker.core.decision import Action, Decision
from onlooker.core.event import EVENTS
from onlooker.core.percept import Percept
from onlooker.core.wire import type_of

TARGET = Path(__file__).parent / "src" / "api" / "events.ts"
HEAD = (
    "// Written by web/event_types.py from core/event.py. Do not edit: `make web` writes it anew.\n"
)
_PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}


def written() -> str:
    """Write every event, and every class that an event holds, as TypeScript."""
    told: dict[type, str] = {}
    for kind in EVENTS:
        _tell(kind, told)
    union = "\n  | ".join(kind.__name__ for kind in EVENTS)
    return "\n".join([HEAD, *told.values(), f"export type WireEvent =\n  | {union};\n"])


def _tell(kind: type, told: dict[type, str]) -> None:
    if kind in told:
        return
    lines = list(_lines(kind, told))
    told[kind] = "\n".join([f"export interface {kind.__name__} {{", *lines, "}\n"])


def _lines(kind: type, told: dict[type, str]) -> Iterator[str]:
    if kind in EVENTS or kind in get_args(Percept):
        yield f'  type: "{type_of(kind)}";'
    hints = get_type_hints(kind)
    for field in fields(kind):
        hint = hints[field.name]
        if field.name == "jpeg":
            continue
        if hint == Decision:
            yield f"  action: {_name(Action, told)};"
            yield "  text: string | null;"
            yield "  question: string | null;"
        else:
            yield f"  {field.name}: {_name(hint, told)};"


def _name(hint: Any, told: dict[type, str]) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is Literal:
        return " | ".join(f'"{value}"' for value in args)
    if origin in (Union, types.UnionType):
        return " | ".join(_name(arg, told) for arg in args)
    if origin is tuple:
        item = _name(args[0], told)
        return f"({item})[]" if " | " in item else f"{item}[]"
    if is_dataclass(hint) and isinstance(hint, type):
        _tell(hint, told)
        return hint.__name__
    return "Record<string, unknown>" if origin is dict else "unknown"


def main() -> None:
    """Write the types, or check them."""
    if "--check" in sys.argv[1:]:
        if TARGET.read_text() != written():
            raise SystemExit(f"{TARGET.name} is not current: run python web/event_types.py")
        return
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(written())


if __name__ == "__main__":
    main()
