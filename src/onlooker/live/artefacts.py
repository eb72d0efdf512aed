"""Where the full work of a brain is kept: files in one folder, of bounded size.

Names are ours, never the brain's. A page is kept in a frame that runs no script and fetches
nothing, so that it may be opened from the disk.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from onlooker.core.event import ArtefactLink
from onlooker.core.task import Artefact
from onlooker.live.digest import readable

MAX_TITLE = 80

_ENDINGS = {"text": ".txt", "table": ".csv", "code": ".txt", "html": ".html"}
# Source: the formats' specifications; only what is shown as a picture everywhere.
_PICTURES = ((b"\x89PNG\r\n\x1a\n", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"GIF8", ".gif"))
_FRAME = """\
<!DOCTYPE html>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-src 'none'; base-uri 'none'">
<title>Made by the background brain</title>
<style>html, body, iframe {{ margin: 0; border: 0; width: 100%; height: 100vh }}</style>
<iframe sandbox srcdoc="{page}"></iframe>
"""


class ArtefactStore:
    """Keeps artefacts in `folder`, the newest `max_bytes` of them."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def keep(self, name: str, artefacts: Iterable[Artefact]) -> tuple[ArtefactLink, ...]:
        """Write artefacts under names that begin with `name`. Blocks: call it from a thread.

        One that is larger than the whole folder may be is left out.

        Raises:
            OSError: the disk says no.
        """
        links = []
        self._folder.mkdir(parents=True, exist_ok=True)
        for number, artefact in enumerate(artefacts, start=1):
            content, ending = _file_of(artefact)
            if len(content) > self._max_bytes:
                continue
            self._make_room(len(content))
            path = self._folder / f"{name}-{number}{ending}"
            path.write_bytes(content)
            title = " ".join(readable(artefact.title).split())[:MAX_TITLE]
            links.append(
                ArtefactLink(
                    kind=artefact.kind if ending != ".bin" else "file",
                    path=str(path),
                    title=title,
                    num_bytes=len(content),
                )
            )
        return tuple(links)

    def _make_room(self, num_bytes: int) -> None:
        files = []
        for path in self._folder.iterdir():
            with suppress(OSError):  # another session may have made room as well
                if path.is_file() and not path.is_symlink():
                    about = path.stat()
                    files.append((about.st_mtime_ns, about.st_size, path))
        total = sum(size for _, size, _ in files) + num_bytes
        for _, size, path in sorted(files):
            if total <= self._max_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size


def _file_of(artefact: Artefact) -> tuple[bytes, str]:
    """Say what is written, and how its name ends. Bytes count, not what they are called."""
    content = artefact.content
    if artefact.kind == "html":
        page = html.escape(content.decode(errors="replace"), quote=True)
        return _FRAME.format(page=page).encode(), ".html"
    if artefact.kind in _ENDINGS:
        return content, _ENDINGS[artefact.kind]
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return content, ".webp"
    known = (ending for start, ending in _PICTURES if content.startswith(start))
    return content, next(known, ".bin")
