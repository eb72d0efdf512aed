"""What a chat request says: its session, its pictures, their times and its words.

Source: the released system's adapter and the clients that were written for it.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from onlooker.core.errors import OnlookerError
from onlooker.core.prompt import Persona
from onlooker.server.chat_session import MAX_FRAMES

MAX_TEXT = 20_000
MAX_TIME_S = 1e10
NO_DELEGATION = "DEFAULT_SYSTEM_PROMPT_NO_DELEGATION"

SESSION_HEADERS = ("x-streaming-session", "x-session-id")
TIME_HEADERS = ("x-frame-time-range", "x-streaming-time-range")
PROMPT_HEADER = "x-system-prompt-key"

_NUMBER = r"(\d+(?:\.\d+)?)\s*(?:s|secs?|seconds?)?"
_RANGE = re.compile(rf"\s*<?\s*{_NUMBER}\s*(?:(?:~|-|–|to)\s*{_NUMBER})?\s*>?\s*", re.IGNORECASE)
_MARKER_LINE = re.compile(rf"<\s*{_NUMBER}\s*(?:(?:~|-|–|to)\s*{_NUMBER})?\s*>\s*", re.IGNORECASE)
_DATA_URL = re.compile(r"data:image/[\w.+-]+;base64,", re.IGNORECASE)


class BadRequest(OnlookerError):
    """A chat request cannot be understood."""


class ImageUrl(BaseModel, extra="ignore"):
    """Where a picture is: within the address itself."""

    url: str


class Part(BaseModel, extra="ignore"):
    """A piece of a message."""

    type: str = "text"
    text: str | None = None
    image_url: ImageUrl | str | None = None


class Message(BaseModel, extra="ignore"):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"] = "user"
    content: Annotated[str, Field(max_length=MAX_TEXT)] | list[Part] | None = None


class ChatRequest(BaseModel, extra="ignore"):
    """`POST /v1/chat/completions`. What else OpenAI's clients send is accepted and ignored."""

    model: str = ""
    messages: list[Message] = Field(min_length=1, max_length=1000)
    stream: bool | None = False
    stream_options: dict[str, Any] | None = None
    user: str | None = Field(default=None, max_length=200)
    persona: Persona | None = None
    system_prompt_key: str | None = None
    frame_time_ranges: list[str] | None = Field(default=None, max_length=1000)
    frame_time_range: str | None = None
    x_frame_time_range: str | None = None


Span = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, understood."""

    session: str  # as the client names it; empty: none
    images: tuple[bytes, ...]
    spans: tuple[Span | None, ...]  # of the images
    span: Span | None  # of the whole request
    text: str  # of the user, without time markers
    system: str
    may_delegate: bool


def understand(request: ChatRequest, headers: Mapping[str, str]) -> Asked:
    """Read a request by the released system's rules.

    Raises:
        BadRequest: says which part, and what is expected.
    """
    newest = next((m for m in reversed(request.messages) if m.role == "user"), None)
    with_images = next((m for m in reversed(request.messages) if _images_of(m)), None)
    urls = _images_of(with_images) if with_images else []
    if len(urls) > MAX_FRAMES:
        raise BadRequest(f"{len(urls)} pictures in one request: at most {MAX_FRAMES}")
    lines = "\n".join(_texts_of(newest)) if newest else ""
    marked = [span for line in lines.splitlines() if (span := _marker_of(line))]
    text = "\n".join(line for line in lines.splitlines() if not _marker_of(line)).strip()
    spans = _spans_of(request, headers, len(urls), marked)
    known = [span for span in spans if span is not None]
    system = "\n".join(
        text for m in request.messages if m.role in ("system", "developer") for text in _texts_of(m)
    ).strip()
    if len(text) > MAX_TEXT or len(system) > MAX_TEXT:
        raise BadRequest(f"a text is longer than {MAX_TEXT} characters")
    key = request.system_prompt_key or headers.get(PROMPT_HEADER, "")
    return Asked(
        session=session_of(headers, request.user),
        images=tuple(map(_image_of, urls)),
        spans=tuple(spans),
        span=(known[0][0], known[-1][1]) if known else None,
        text=text,
        system=system,
        may_delegate=key != NO_DELEGATION,
    )


def session_of(headers: Mapping[str, str], user: str | None) -> str:
    """Name the session that a request is about; empty: none."""
    names = [headers.get(name, "").strip() for name in SESSION_HEADERS]
    return next(filter(None, [*names, (user or "").strip()]), "")[:200]


def parse_range(text: str) -> Span | None:
    """Read `10s`, `10 seconds`, `1.0 seconds ~ 2.0 seconds`, `1-2`; None if it is none of them."""
    found = _RANGE.fullmatch(text)
    if not found or float(found[1]) > MAX_TIME_S:
        return None
    end_s = float(found[2]) if found[2] else None
    return float(found[1]), end_s


def _spans_of(
    request: ChatRequest, headers: Mapping[str, str], num_images: int, marked: list[Span]
) -> list[Span | None]:
    """Give each picture its time: from the body, a header, or the markers in the text."""
    given = list(request.frame_time_ranges or ())
    one = request.frame_time_range or request.x_frame_time_range
    one = one or next((headers[name] for name in TIME_HEADERS if name in headers), None)
    if not given and one:
        given = one.split(",") if num_images > 1 else [one]
    spans = [parse_range(text) for text in given] if given else list[Span | None](marked)
    wanted = max(num_images, 1)
    return (spans + [None] * wanted)[:wanted]


def _marker_of(line: str) -> Span | None:
    return parse_range(line) if _MARKER_LINE.fullmatch(line.strip()) else None


def _texts_of(message: Message) -> list[str]:
    if isinstance(message.content, str):
        return [message.content]
    return [part.text for part in message.content or () if part.text]


def _images_of(message: Message) -> list[str]:
    if not isinstance(message.content, list):
        return []
    urls = [part.image_url for part in message.content if part.image_url is not None]
    return [url if isinstance(url, str) else url.url for url in urls]


def _image_of(url: str) -> bytes:
    found = _DATA_URL.match(url)
    if not found:
        raise BadRequest(
            f"a picture must come as 'data:image/jpeg;base64,...', not {url[:40]!r}: "
            f"nothing is fetched, and no file is read, for a client"
        )
    try:
        return b64decode(url[found.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"a picture's base64 is broken: {error}") from None
