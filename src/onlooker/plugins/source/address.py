"""What a user types to name a source: `[NAME=]ADDRESS`, and which addresses are allowed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from onlooker.core.errors import SourceRefused

_NAMED = re.compile(r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_-]*)=(?P<address>.+)", re.DOTALL)
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):")
_DEVICE = re.compile(r"/dev/(video\d+|v4l/.+)")
_ON_DISK = ("file", "images", "sound")


@dataclass(frozen=True, slots=True)
class Address:
    """A source as it was typed, and what that says about it."""

    stream: str  # its name in the session
    scheme: str  # the plug-in that reads it
    location: str  # as typed, without the name


def parse_address(typed: str) -> Address:
    """Read `[NAME=]ADDRESS`.

    What has no scheme is a camera if it is one of Linux's video devices, else a file; a file with
    a colon in its name is `./a:b.mp4`. Without a NAME the stream is called after the file, the
    host, or whatever else says most.

    Raises:
        SourceRefused: nothing is named.
    """
    named = _NAMED.fullmatch(typed.strip())
    name, location = (named["name"], named["address"].strip()) if named else ("", typed.strip())
    if not location:
        raise SourceRefused(
            f"{typed!r} names no source; expected such as clip.mp4 or door=rtsp://…"
        )
    scheme = _scheme_of(location)
    return Address(name or _name_of(scheme, location), scheme, location)


def refuse_unless_allowed(address: Address, allow: Collection[str], roots: Iterable[Path]) -> None:
    """Check an address against the settings.

    Args:
        address: what somebody wants to watch.
        allow: the schemes that may be used.
        roots: the folders that files and folders of pictures must lie in; links are followed.

    Raises:
        SourceRefused: says what is allowed.
    """
    if address.scheme not in allow:
        raise SourceRefused(
            f"{shown(address.location)}: the scheme {address.scheme!r} is not allowed; "
            f"allowed: {', '.join(sorted(allow)) or 'none'}. Add it to source.allow"
        )
    if address.scheme not in _ON_DISK:
        return
    path = path_of(address.location).resolve()
    folders = [root.expanduser().resolve() for root in roots]
    if not any(path.is_relative_to(folder) for folder in folders):
        raise SourceRefused(
            f"{path} lies outside the folders that may be read: "
            f"{', '.join(map(str, folders)) or 'none'}. Add its folder to source.roots"
        )


def path_of(location: str) -> Path:
    """Find the path in `clip.mp4`, `file:clip.mp4`, `file:///home/me/clip.mp4`, `images:folder`."""
    for scheme in _ON_DISK:
        if location.lower().startswith(f"{scheme}:"):
            location = location[len(scheme) + 1 :]
            if location.startswith("//"):
                location = unquote(urlsplit(location).path)
            break
    return Path(location).expanduser()


def shown(location: str) -> str:
    """Write an address for people to read: without user, password, and what follows a `?`."""
    if "://" not in location:
        return location
    scheme, _, rest = location.partition("://")
    place, _, _ = rest.partition("?")
    host, slash, path = place.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.rpartition('@')[2]}"


def _scheme_of(location: str) -> str:
    found = _SCHEME.match(location)
    if found:
        return found["scheme"].lower()
    return "v4l2" if _DEVICE.fullmatch(location) else "file"


def _name_of(scheme: str, location: str) -> str:
    rest = location.partition(":")[2] if _SCHEME.match(location) else location
    if scheme == "file":
        best = path_of(location).stem
    elif rest.startswith("//"):
        best = shown(location).partition("://")[2].partition("/")[0].rpartition(":")[0]
        best = best or shown(location).partition("://")[2].partition("/")[0]
    else:
        best = rest.partition("?")[0].rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9_]+", "-", best).strip("-") or scheme
