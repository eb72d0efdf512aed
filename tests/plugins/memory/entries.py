"""What tests remember."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onlooker.core.memory import Entry, EntryKind
from onlooker.core.percept import Picture
from onlooker.plugins.memory.archive import Archive, Limits
from onlooker.plugins.memory.embedding import Embedder
from onlooker.plugins.memory.search import Search
from onlooker.plugins.memory.store import open_store

OPENED_S = 1_700_000_000.0
NO_LIMITS = Limits(1e9, 10**9, 2**40, 2**40, 1000)


def seen(
    time_s: float,
    text: str,
    stream: str = "door",
    *,
    kind: EntryKind = "seen",
    jpeg: bytes = b"",
    lasts_s: float = 0.0,
) -> Entry:
    picture = Picture(stream, time_s, 4, 4, jpeg) if jpeg else None
    return Entry(kind, time_s, time_s + lasts_s, text, stream, picture=picture)


@contextmanager
def site(
    folder: Path, *entries: Entry, embedder: Embedder | None = None
) -> Iterator[tuple[Archive, Search]]:
    archive = Archive(open_store(folder), embedder)
    search = Search(open_store(folder), embedder)
    try:
        archive.add("default", OPENED_S, entries)
        yield archive, search
    finally:
        archive.close()
        search.close()
