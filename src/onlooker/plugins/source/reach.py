"""Where an address may lead: every name is looked up and checked when it is connected to."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

import certifi

from onlooker.core.errors import SourceFailed, SourceRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], tuple[str, ...]]  # host, port -> addresses; none: unknown. Blocks

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: ends in an address of IPv4


def resolve(host: str, port: int) -> tuple[str, ...]:
    """Ask the name service."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def trusted_file() -> str:
    """Name the file of those whose certificates are believed."""
    return ssl.get_default_verify_paths().cafile or certifi.where()


def trust(*, verify_tls: bool) -> ssl.SSLContext:
    """Say which certificates are believed; unverified: all."""
    context = ssl.create_default_context(cafile=trusted_file())
    if not verify_tls:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@dataclass(frozen=True, slots=True)
class Reach:
    """Which hosts may be connected to."""

    allowed: tuple[str, ...] | None = None  # hosts, networks; beside public ones. None: all
    resolve: Resolve = resolve

    def addresses_of(self, host: str, port: int) -> tuple[Address, ...]:
        """Look a host up. Connect to what this returns and nothing else: another look lies.

        Raises:
            SourceRefused: an address of it is neither public nor allowed.
            SourceFailed: it has none.
        """
        texts = self.resolve(host, port)
        found = tuple(ipaddress.ip_address(text.partition("%")[0]) for text in texts)
        if not found:
            raise SourceFailed(f"the host {host!r} has no address; check its name and the network")
        if self.allowed is None or host.lower() in {name.lower() for name in self.allowed}:
            return found
        for address in found:
            if not _is_allowed(address, self.allowed):
                raise SourceRefused(
                    f"{host} leads to {address}, which is not public and not allowed: the server's "
                    f"owner can add the host or its network to server.cameras"
                )
        return found


def _is_allowed(address: Address, allowed: tuple[str, ...]) -> bool:
    address = _meant(address)
    for entry in allowed:
        try:
            network = ipaddress.ip_network(entry, strict=False)
        except ValueError:
            continue  # a name
        if address.version == network.version and address in network:
            return True
    return address.is_global and not address.is_multicast


def _meant(address: Address) -> Address:
    """Give the address of IPv4 that one of IPv6 stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address
