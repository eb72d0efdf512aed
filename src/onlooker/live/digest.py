"""From a brain's answer to what the model may read of it: short words; the rest is set aside."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata

from onlooker.core.task import Artefact, ArtefactKind

MAX_INLINE_CODE = 200  # characters; longer code is not to be said
MAX_ARTEFACTS = 16  # of one answer

_FENCE = re.compile(
    r"^```(?P<language>[\w+-]*)[^\n]*\n(?P<body>.*?)^```[^\S\n]*$", re.MULTILINE | re.DOTALL
)
_PICTURE = re.compile(
    r"(?:!\[[^\]\n]{0,200}\]\()?data:image/[\w+.-]+;base64,(?P<data>[A-Za-z0-9+/=]+)\)?"
)
_PAGE = re.compile(r"\s*<(?:!doctype html|html)\b", re.IGNORECASE)
_KINDS: dict[str, ArtefactKind] = {"html": "html", "csv": "table", "tsv": "table", "text": "text"}


def digest(text: str, max_characters: int) -> tuple[str, tuple[Artefact, ...]]:
    """Shorten an answer to what can be said.

    Pages, long code, pictures within the text and the whole of a long text become artefacts.

    Returns:
        the digest, of at most `max_characters` and a closing remark, and what was set aside.
    """
    aside: list[Artefact] = []
    if _PAGE.match(text):
        return "(a page, kept beside)", (Artefact("html", _bytes_of(text)),)

    def set_aside_picture(found: re.Match[str]) -> str:
        try:
            content = base64.b64decode(found["data"], validate=True)
        except binascii.Error:
            return "(a broken picture)"
        return _kept(aside, Artefact("picture", content), "a picture")

    def set_aside_code(found: re.Match[str]) -> str:
        body, language = found["body"], found["language"].lower()
        kind = _KINDS.get(language, "code")
        if len(body) <= MAX_INLINE_CODE and kind == "code":
            return body
        name = {"html": "a page", "table": "a table", "text": "a text"}.get(kind, "code")
        return _kept(aside, Artefact(kind, _bytes_of(body), title=language), name)

    words = _FENCE.sub(set_aside_code, _PICTURE.sub(set_aside_picture, text))
    words = " ".join(readable(words).split())
    if len(words) > max_characters:
        aside.insert(0, Artefact("text", _bytes_of(text)))
        cut = words[:max_characters].rsplit(" ", 1)[0].rstrip()
        words = f"{cut} ... (the whole is kept beside)"
    return words, tuple(aside[:MAX_ARTEFACTS])


def _kept(aside: list[Artefact], artefact: Artefact, name: str) -> str:
    if len(aside) >= MAX_ARTEFACTS:
        return f"({name}, left out)"
    aside.append(artefact)
    return f"({name}, kept beside)"


def readable(text: str) -> str:
    """Leave out what is neither a sign nor white space, such as escape sequences."""
    return "".join(
        sign for sign in text if sign.isspace() or unicodedata.category(sign) not in ("Cc", "Cs")
    )


def _bytes_of(text: str) -> bytes:
    return text.encode(errors="replace")
