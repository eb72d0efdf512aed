"""Where a server is and what opens it: the one reader of URLs and keys for what speaks HTTP."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from onlooker.core.errors import BadSettings


def check_url(url: str, schemes: tuple[str, ...] = ("http", "https"), key: str = "") -> str:
    """Take a URL as it is.

    Args:
        url: as somebody wrote it.
        schemes: what it may begin with.
        key: the environment variable that the password belongs into.

    Raises:
        ValueError: it is none of these, or holds a password.
    """
    try:
        parsed = urlsplit(url)
        has_host = bool(parsed.hostname) and (parsed.port or 1) > 0
    except ValueError as error:
        raise ValueError(f"it is no URL: {error}") from None
    if parsed.scheme not in schemes or not has_host:
        raise ValueError(f"expected {' or '.join(f'{scheme}://HOST/...' for scheme in schemes)}")
    if parsed.username is not None or parsed.password is not None:
        where = f"put the key into {key}" if key else "keys come from the environment"
        raise ValueError(f"a password does not belong here: {where}")
    return url


def read_key(name: str) -> str:
    """Read a key from the environment; empty if there is none.

    Raises:
        BadSettings: it is no key.
    """
    key = os.environ.get(name, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise BadSettings(f"the environment variable {name} holds no key: it is not plain ASCII")
    return key


def bearer(key: str) -> dict[str, str]:
    """Write the header that carries a key; none without one."""
    return {"Authorization": f"Bearer {key}"} if key else {}
