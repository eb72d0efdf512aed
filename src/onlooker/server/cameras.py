"""Camera addresses that visitors name: checked before anything is opened.

A name is resolved here, every address of it is checked, and what is opened carries the address
instead of the name where the protocol allows it, so that a second answer of the name service
cannot lead elsewhere.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

from onlooker.assemble import source_of as build_source
from onlooker.config import Settings
from onlooker.core.errors import SourceRefused
from onlooker.core.ports import Source
from onlooker.plugins.source.address import parse_address, shown

Resolve = Callable[[str, int], Awaitable[tuple[str, ...]]]  # host, port -> addresses
RESOLVE_TIMEOUT_S = 5.0
PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
MAX_LENGTH = 2000

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


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
    if address.scheme in PORTS:
        location = await pinned(address.location, settings.server.cameras, resolve)
        address = replace(address, location=location)
    return await asyncio.to_thread(build_source, settings.source, address)


async def pinned(location: str, allowed: Iterable[str], resolve: Resolve) -> str:
    """Check where an address leads, and write that into it.

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
    found = await _addresses_of(host, port, resolve)
    if not found:
        raise SourceRefused(f"{host}: no such host is known here: check its name")
    if host.lower() not in {name.lower() for name in allowed}:
        for address in found:
            if not _is_allowed(address, allowed):
                raise SourceRefused(
                    f"{host} leads to {address}, which is not public and not allowed: the server's "
                    f"owner can add the host or its network to server.cameras"
                )
    if parts.scheme.lower() == "https":
        return location  # the certificate is checked against the name, and so is who answers
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    shown_host = f"[{found[0]}]" if found[0].version == 6 else str(found[0])
    suffix = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{user}{shown_host}{suffix}"))


async def resolve(host: str, port: int) -> tuple[str, ...]:
    """Ask the name service."""
    running = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
            found = await running.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


async def _addresses_of(host: str, port: int, resolve: Resolve) -> tuple[Address, ...]:
    texts = await resolve(host, port)
    return tuple(ipaddress.ip_address(text.partition("%")[0]) for text in texts)


def _is_allowed(address: Address, allowed: Iterable[str]) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    for entry in allowed:
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            continue  # a name
        if address.version == network.version and address in network:
            return True
    return address.is_global and not address.is_multicast
