"""Who is it, and what may they do. Tokens are kept as digests and compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Literal

from onlooker.core.errors import OnlookerError

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")  # each may do what those before it may

TICKET_S = 60.0
MAX_TICKETS = 1000
ENVIRONMENT: dict[str, Role] = {
    "ONLOOKER_TOKEN": "admin",
    "ONLOOKER_OPERATOR_TOKEN": "operator",
    "ONLOOKER_VIEWER_TOKEN": "viewer",
}
MIN_TOKEN = 16


class Unauthorised(OnlookerError):
    """No token, or a wrong one."""


class Forbidden(OnlookerError):
    """The token is good, and its role may not do that."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who calls."""

    owner: str  # names whose sessions are theirs: a digest of the token, never the token
    role: Role

    def may(self, role: Role) -> bool:
        """Whether they may do what `role` may."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def must(self, role: Role) -> None:
        """Refuse those who may not.

        Raises:
            Forbidden: says which role it takes.
        """
        if not self.may(role):
            raise Forbidden(f"this takes the role {role!r}; your token has {self.role!r}")

    def may_see(self, owner: str) -> bool:
        """Whether a session of this owner is theirs to see: their own; of viewers, everybody's."""
        return self.owner == owner or self.role in ("viewer", "admin")


LOCAL = Visitor("local", "admin")  # with --no-auth, on loopback


@dataclass(frozen=True, slots=True)
class _Ticket:
    visitor: Visitor
    until_s: float  # monotonic


@dataclass
class Tokens:
    """Everybody who may come in. Without a digest, whoever reaches us is `LOCAL`."""

    digests: dict[bytes, Visitor] = field(default_factory=dict, repr=False)
    _tickets: dict[bytes, _Ticket] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, tokens: Mapping[str, Role]) -> Tokens:
        """Take tokens in; they are forgotten, their digests are kept."""
        made = cls()
        for token, role in tokens.items():
            if len(token) < MIN_TOKEN:
                raise Unauthorised(
                    f"a token of {len(token)} characters can be guessed: at least {MIN_TOKEN}"
                )
            key = _digest(token)
            made.digests[key] = Visitor(key.hex()[:12], role)
        return made

    @property
    def is_open(self) -> bool:
        """Whether nobody is asked for a token."""
        return not self.digests

    def visitor(self, token: str | None) -> Visitor:
        """Tell who brings this token, or this ticket.

        Raises:
            Unauthorised: nobody.
        """
        if self.is_open:
            return LOCAL
        if not token:
            raise Unauthorised("a token is needed: send it as 'Authorization: Bearer TOKEN'")
        given = _digest(token)
        found: Visitor | None = None
        for known, visitor in self.digests.items():  # all of them, so that time tells nothing
            if hmac.compare_digest(known, given):
                found = visitor
        if found is None:
            found = self._ticket_holder(given)
        if found is None:
            raise Unauthorised("the token is not known here: look at what the server printed")
        return found

    def ticket(self, visitor: Visitor) -> str:
        """Make a ticket that stands for the visitor's token for a minute: for browsers' sockets."""
        now_s = monotonic()
        self._tickets = {key: kept for key, kept in self._tickets.items() if kept.until_s > now_s}
        while len(self._tickets) >= MAX_TICKETS:
            del self._tickets[next(iter(self._tickets))]
        ticket = f"ek_{secrets.token_urlsafe(24)}"
        self._tickets[_digest(ticket)] = _Ticket(visitor, now_s + TICKET_S)
        return ticket

    def _ticket_holder(self, given: bytes) -> Visitor | None:
        kept = self._tickets.get(given)
        return kept.visitor if kept and kept.until_s > monotonic() else None


def new_token() -> str:
    """Make a token that cannot be guessed: 256 bits."""
    return secrets.token_urlsafe(32)


def tokens_from_environment() -> dict[str, Role]:
    """Read the tokens that the environment gives, by role."""
    given = {os.environ.get(name, ""): role for name, role in ENVIRONMENT.items()}
    return {token: role for token, role in given.items() if token}


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """Find the token in a request's headers: `Authorization: Bearer`, or a socket's subprotocol."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    for protocol in headers.get("sec-websocket-protocol", "").split(","):
        name = protocol.strip()
        if name.startswith("openai-insecure-api-key."):
            return name.removeprefix("openai-insecure-api-key.")
    return None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
