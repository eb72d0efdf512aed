"""Camera addresses that visitors name: checked before anything is opened, and when it is.

A name is looked up here, and every address of it is checked, so that a visitor hears at once what
is wrong. The source looks up and checks again, for every connection that it makes: see
plugins/source/web.py and relay.py.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from onlooker.assemble import source_of as build_source
from onlooker.config import Settings
from onlooker.core.errors import SourceFailed, SourceRefused
from onlooker.core.ports import Source
from onlooker.plugins.source.address import parse_address, shown
from onlooker.plugins.source.network import NetworkSource
from onlooker.plugins.source.reach import Reach, Resolve

RESOLVE_TIMEOUT_S = 5.0
PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
MAX_LENGTH = 2000


async def source_of(settings: Settings, typed: str, resolve: Resolve) -> Source:
    """Build the source for an address that a visitor named.

    Raises:
        SourceRefused: its scheme or host is none that may be watched; says how to allow it.
        UnknownPlugin, BadSettings, SourceFailed: as of any source.
    """
    if len(typed) > MAX_LENGTH or any(ord(char) < 32 for char in typed):
        raise SourceRefused("that is no address of a camera: it is too long, or not of one line")
    address = parse_address(typed)
    if address.scheme not in settings.server.schemes:
        raise SourceRefused(
            f"{shown(address.location)}: visitors may name {', '.join(settings.server.schemes)} "
            f"addresses; the server's owner can add {address.scheme!r} to server.schemes"
        )
    reach = Reach(settings.server.cameras, resolve)
    if address.scheme in PORTS:
        await check(address.location, reach)
    source = await asyncio.to_thread(build_source, settings.source, address)
    if isinstance(source, NetworkSource):
        source.reach = reach
    return source


async def check(location: str, reach: Reach) -> None:
    """Check where an address leads.

    Raises:
        SourceRefused: it leads to a host that may not be watched, or nowhere.
    """
    try:
        parts = urlsplit(location)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme.lower()]
    except (ValueError, KeyError):
        raise SourceRefused(f"{shown(location)!r} is no address of a camera") from None
    if not host:
        raise SourceRefused(f"{shown(location)!r} names no host")
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
            await asyncio.to_thread(reach.addresses_of, host, port)
    except (SourceFailed, TimeoutError):
        raise SourceRefused(f"{host}: no such host is known here: check its name") from None
