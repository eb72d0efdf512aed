"""Server-sent events as they come: the data of each, one line each, as servers of speech send them.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

MAX_LINE_BYTES = 2**22  # a second of sound is some 64 kB in base64
DONE = "[DONE]"
KIND = "text/event-stream"


class BadEvent(ValueError):
    """What came is no event with a JSON object."""


class Events:
    """Reads a body, cut anywhere."""

    def __init__(self) -> None:
        self.is_done = False  # `[DONE]` has come
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Give the JSON object of each event that is complete; `[DONE]` gives none.

        Raises:
            BadEvent: it is no JSON object, or a line without an end.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise BadEvent(f"a line of more than {MAX_LINE_BYTES} bytes")
        for line in lines:
            text = line[5:].strip().decode(errors="replace") if line.startswith(b"data:") else ""
            self.is_done |= text == DONE
            if text and text != DONE:
                if (found := json_object(text)) is None:
                    raise BadEvent(f"the event {text[:60]!r}")
                yield found


def json_object(text: str | bytes) -> dict[str, Any] | None:
    """Read what a server sent; None if it is no JSON object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
