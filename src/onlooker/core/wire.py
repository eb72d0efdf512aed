"""Events as plain JSON values, and back.

Every dataclass becomes an object with its fields; where a field may hold one of several classes
the object says which under `type`. A decision lies flat in its event: `action`, `text`, `question`.
Pictures travel without their bytes: whoever stores those hands them back through `jpeg_of`.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from onlooker.core.decision import Decision, action_of, decide
from onlooker.core.event import EVENTS, Event
from onlooker.core.percept import Percept, Picture

JpegOf = Callable[[str], bytes]  # picture id -> its bytes


def type_of(kind: type) -> str:
    """Name a class on the wire: `StreamHealth` is `stream_health`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


_EVENT_OF_TYPE = {type_of(kind): kind for kind in EVENTS}


def to_json(event: Event) -> dict[str, Any]:
    """Turn an event into values that `json.dumps` takes."""
    plain = {"type": type_of(type(event)), **_plain(event)}
    if (decision := getattr(event, "decision", None)) is not None:
        at = list(plain).index("decision")
        flat = {
            "action": action_of(decision),
            "text": getattr(decision, "text", None),
            "question": getattr(decision, "question", None),
        }
        items = list(plain.items())
        plain = dict(items[:at]) | flat | dict(items[at + 1 :])
    return plain


def from_json(plain: dict[str, Any], jpeg_of: JpegOf = lambda _: b"") -> Event:
    """Read an event back.

    Raises:
        ValueError, KeyError, TypeError: the values are no event of ours.
    """
    kind: Any = _EVENT_OF_TYPE[plain["type"]]
    given = {key: value for key, value in plain.items() if key != "type"}
    if "decision" in _hints(kind):
        flat = (given.pop("action"), given.pop("text"), given.pop("question"))
        given["decision"] = decide(*flat)
    return cast("Event", _build(kind, given, jpeg_of))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {
            field.name: _tagged(getattr(value, field.name))
            for field in fields(value)
            if field.name != "jpeg"
        }
    if isinstance(value, tuple):
        return [_tagged(item) for item in value]
    return value


def _tagged(value: Any) -> Any:
    """Name the class where a reader could not know it."""
    plain = _plain(value)
    return {"type": type_of(type(value)), **plain} if _is_alternative(type(value)) else plain


def _is_alternative(kind: type) -> bool:
    return kind in get_args(Percept)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _build(hint: Any, plain: Any, jpeg_of: JpegOf) -> Any:
    """Make what `hint` says out of plain values."""
    if hint is Any or plain is None or hint == Decision:
        return plain
    origin, args = get_origin(hint), get_args(hint)
    if origin is tuple:
        return tuple(_build(args[0], item, jpeg_of) for item in plain)
    if origin in (Union, types.UnionType):
        return _build(_alternative(args, plain), plain, jpeg_of)
    if origin in (Literal, dict):
        return plain
    if is_dataclass(hint):
        return _build_dataclass(hint, plain, jpeg_of)
    return hint(plain)


def _alternative(kinds: tuple[Any, ...], plain: Any) -> Any:
    kinds = tuple(kind for kind in kinds if kind is not type(None))
    if len(kinds) == 1:
        return kinds[0]
    return {type_of(kind): kind for kind in kinds}[plain["type"]]


def _build_dataclass(kind: Any, plain: Any, jpeg_of: JpegOf) -> Any:
    if not isinstance(plain, dict):
        raise TypeError(f"expected a {type_of(kind)}, found {plain!r}")
    hints = _hints(kind)
    given = {key: value for key, value in plain.items() if key != "type"}
    if kind is Picture:
        given["jpeg"] = jpeg_of(given["id"])
        if given["jpeg"]:
            del given["id"]  # it names the bytes, and those may have changed
        hints = {**hints, "jpeg": Any}
    if unknown := given.keys() - hints.keys():
        raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    return kind(**{key: _build(hints[key], value, jpeg_of) for key, value in given.items()})
