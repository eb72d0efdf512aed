"""Reads a chat request as a vision server does: turns, words, pictures, and what is cached."""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from onlooker.testing.looking import Look, look_at

_CAMERA = re.compile(r"Camera (.+):\Z")  # before its pictures, where a turn has several
_IMAGE_TOKEN_PX = 32 * 32  # of a Qwen3-VL picture
_MAX_PICTURE_PX = 64_000_000


class BadRequest(Exception):
    """What the server answers with a status and a sentence, worded as vLLM 0.32 words it."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Sight:
    """A picture of the conversation."""

    stream: str  # the camera that is named before it; empty if none is
    look: Look


@dataclass(frozen=True, slots=True)
class Said:
    """One message."""

    role: str
    text: str  # its parts, a line each
    sights: tuple[Sight, ...]
    num_tokens: int
    digest: bytes


class MediaCache:
    """Pictures by their uuid, the least recently used forgotten first, as vLLM keeps them.

    A uuid that is known is believed: what is sent with it again is not looked at. Pictures that
    were sent without one are remembered by their content, so that a window is decoded once.
    """

    def __init__(self, num_pictures: int, num_remembered: int = 1000) -> None:
        self._by_uuid: OrderedDict[str, Look] = OrderedDict()
        self._by_content: OrderedDict[str, Look] = OrderedDict()
        self._num_pictures = num_pictures
        self._num_remembered = num_remembered
        self.num_decoded = 0

    def look(self, part: dict[str, Any], index: int) -> Look:
        """Look at the picture of an `image_url` part.

        Raises:
            BadRequest: it cannot be decoded, or is neither sent nor cached.
        """
        uuid = part.get("uuid")
        if uuid is not None and uuid in self._by_uuid:
            self._by_uuid.move_to_end(uuid)
            return self._by_uuid[uuid]
        payload = part.get("image_url")
        if payload is None and uuid is not None:
            raise BadRequest(f"Cache miss for image at index {index} but data is not provided.")
        look = self._look_at_content(_url_of(payload))
        if uuid is not None and self._num_pictures:
            _remember(self._by_uuid, uuid, look, self._num_pictures)
        return look

    def _look_at_content(self, url: str) -> Look:
        digest = blake2b(url.encode(), digest_size=16).hexdigest()
        if digest in self._by_content:
            self._by_content.move_to_end(digest)
            return self._by_content[digest]
        look = look_at(digest, _decode(url))
        self.num_decoded += 1
        _remember(self._by_content, digest, look, self._num_remembered)
        return look


def read_messages(messages: Any, media: MediaCache) -> list[Said]:
    """Read the messages of a request.

    Raises:
        BadRequest: they are none, or a picture is missing or broken.
    """
    if not isinstance(messages, list) or not messages:
        raise BadRequest("Cannot apply chat template to an empty conversation.")
    conversation: list[Said] = []
    num_pictures = 0
    for message in messages:
        said = _read(message, media, num_pictures)
        num_pictures += len(said.sights)
        conversation.append(said)
    return conversation


def order_violations(roles: Sequence[str], must_end_with: str = "user") -> list[str]:
    """Say where the turns are not: one system message at most, then user and assistant in turn."""
    turns = roles[1:] if roles[:1] == ["system"] else roles
    expected = ["user", "assistant"] * len(turns)
    violations = [
        f"turn {index} is the {role}'s, expected the {want}'s"
        for index, (role, want) in enumerate(zip(turns, expected, strict=False))
        if role != want
    ]
    if not turns or turns[-1] != must_end_with:
        violations.append(f"the last turn is not the {must_end_with}'s")
    return violations


def _read(message: Any, media: MediaCache, num_before: int) -> Said:
    if not isinstance(message, dict) or "role" not in message:
        raise BadRequest(f"a message is an object with a role, not {str(message)[:80]!r}")
    content = message.get("content") or ""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    lines: list[str] = []
    sights: list[Sight] = []
    stream = ""
    for part in parts:
        match part:
            case {"type": "text", "text": str(text)}:
                lines.append(text)
                camera = _CAMERA.match(text)
                stream = camera[1] if camera else ""
            case {"type": "image_url"}:
                sights.append(Sight(stream, media.look(part, num_before + len(sights))))
            case _:
                raise BadRequest(f"Unknown part type: {str(part)[:80]!r}")
    return _said(str(message["role"]), "\n".join(lines), tuple(sights))


def _said(role: str, text: str, sights: tuple[Sight, ...]) -> Said:
    named = "\0".join([role, text, *(sight.look.id for sight in sights)])
    return Said(
        role,
        text,
        sights,
        num_tokens=5 + len(tokens_of(text)) + sum(_num_tokens(sight.look) for sight in sights),
        digest=blake2b(named.encode(), digest_size=16).digest(),
    )


def tokens_of(text: str, *, has_markers: bool = True) -> list[str]:
    """Cut a text into pieces, about as a tokenizer does; joined they are the text again.

    Args:
        text: what was written.
        has_markers: whether an action marker is one token, as the released checkpoint's are.
    """
    marker = r"</?\w+>|" if has_markers else ""
    return re.findall(marker + r"\s?\w+|</|\s?[^\w\s]|\s+", text)


def _num_tokens(look: Look) -> int:
    return 2 + -(-look.width_px * look.height_px // _IMAGE_TOKEN_PX)


def _url_of(payload: Any) -> str:
    match payload:
        case {"url": str(url)}:
            return url
    raise BadRequest("image_url\n  Input should be a valid dictionary with the key url")


def _decode(url: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        raise BadRequest(f"a picture is sent as data:image/...;base64, not as {url[:40]!r}")
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
        if picture.width * picture.height > _MAX_PICTURE_PX:
            raise BadRequest(f"a picture of {picture.width} x {picture.height} is too large")
        return np.asarray(picture.convert("RGB"))
    except (binascii.Error, UnidentifiedImageError, OSError, SyntaxError) as error:
        raise BadRequest(f"Failed to load image: {error}") from error


def _remember(cache: OrderedDict[str, Look], key: str, look: Look, num_most: int) -> None:
    cache[key] = look
    while len(cache) > num_most:
        cache.popitem(last=False)
