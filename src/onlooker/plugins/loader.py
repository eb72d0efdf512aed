"""From a plug-in's name to its class: one at a time, so that nobody imports what they don't use."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any

from onlooker.core.errors import UnknownPlugin

PORTS = (
    "source",
    "codec",
    "perception",
    "model",
    "brain",
    "memory",
    "summariser",
    "voice",
    "player",
    "transcriber",
    "sink",
)


def installed(kind: str) -> EntryPoints:
    """List the plug-ins of a port, ours and everybody's."""
    return entry_points(group=f"onlooker.{kind}")


def load(kind: str, name: str) -> Any:
    """Import one plug-in class and nothing else.

    Args:
        kind: a port in lower case, such as "model".
        name: an entry point's name, or "package.module:Class" for one that has none yet.

    Raises:
        UnknownPlugin: no such name; the message lists those installed.
    """
    if ":" in name:
        return EntryPoint(name, name, f"onlooker.{kind}").load()
    known = installed(kind)
    if name not in known.names:
        raise UnknownPlugin(kind, name, known.names)
    return known[name].load()
