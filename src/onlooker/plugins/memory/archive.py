"""Writing: entries, waiting segments and the state of a session; keeping the sizes that are set."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from onlooker.core.errors import MemoryFailed
from onlooker.core.memory import Entry, Segment
from onlooker.plugins.memory.embedding import Embedder, packed
from onlooker.plugins.memory.store import DATABASE_ERRORS, Store
from onlooker.plugins.memory.words import grams_of

MAX_TEXT = 4000  # characters of an entry
MAX_SEGMENT = 60_000  # characters of a segment that waits


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept."""

    max_age_s: float
    max_entries: int
    max_text_bytes: int
    max_picture_bytes: int
    max_waiting: int


class Archive:
    """The one writer of a process. Not for several threads at once.

    Raises:
        MemoryFailed: on opening and on every write; what was written before stays.
    """

    def __init__(self, store: Store, embedder: Embedder | None = None) -> None:
        self.database = store.database
        self.pictures = store.pictures
        self._embedder = embedder

    def add(self, session: str, opened_s: float, entries: Sequence[Entry]) -> None:
        """Write entries; all of them, or none. `opened_s` turns session time into wall time."""
        # Slow work first: no other process waits for it.
        ready = [(entry, *self._prepared(entry)) for entry in entries]
        with self.writing():
            for entry, picture, vector in ready:
                self._insert(session, opened_s, entry, picture, vector)

    def owe(self, session: str, opened_s: float, segment: Segment, max_waiting: int) -> None:
        """Keep a segment until it is summarised; the oldest go if there are too many."""
        lines = _newest(segment.lines, MAX_SEGMENT)
        with self.writing():
            self.database.execute(
                "INSERT INTO waiting (session, wall_s, duration_s, lines, instructions) "
                "VALUES (?, ?, ?, ?, ?)",
                (
                    session,
                    opened_s + segment.start_s,
                    segment.end_s - segment.start_s,
                    json.dumps(lines, ensure_ascii=False),
                    json.dumps(segment.instructions, ensure_ascii=False),
                ),
            )
            self.database.execute(
                "DELETE FROM waiting WHERE session = ? AND id NOT IN "
                "(SELECT id FROM waiting WHERE session = ? ORDER BY id DESC LIMIT ?)",
                (session, session, max_waiting),
            )

    def settle(self, session: str, opened_s: float, segment: Segment, summary: Entry) -> bool:
        """Write the summary of a segment, which then waits no longer.

        Returns:
            False if the segment was forgotten meanwhile: it leaves no summary either.
        """
        picture, vector = self._prepared(summary)
        with self.writing():
            deleted = self.database.execute(
                "DELETE FROM waiting WHERE session = ? AND abs(wall_s - ?) < 0.001",
                (session, opened_s + segment.start_s),
            )
            if deleted.rowcount:
                self._insert(session, opened_s, summary, picture, vector)
        return bool(deleted.rowcount)

    def keep_state(self, session: str, state: str) -> None:
        with self.writing():
            self.database.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (session, state))

    def retain(self, limits: Limits, now_wall_s: float) -> None:
        """Let go of what is too old or too much."""
        oldest_s = now_wall_s - limits.max_age_s
        with self.writing():
            names = self._delete("wall_s < ?", (oldest_s,))
            self.database.execute("DELETE FROM waiting WHERE wall_s < ?", (oldest_s,))
            (count,) = self.database.execute("SELECT count(*) FROM entry").fetchone()
            # In steps of a tenth, so that it is not done at every write.
            if count > limits.max_entries or self._text_bytes() > limits.max_text_bytes:
                number = max(count // 10, count - limits.max_entries)
                names += self._delete(
                    "id IN (SELECT id FROM entry ORDER BY wall_s, id LIMIT ?)", (number,)
                )
            names += self._let_go_of_pictures(limits.max_picture_bytes)
        self.pictures.remove(self.unnamed(names))

    def delete(self, condition: str, values: Sequence[object]) -> list[str]:
        """Delete entries inside `writing`; give the names of pictures that they had."""
        return self._delete(condition, values)

    def unnamed(self, names: Sequence[str]) -> list[str]:
        """Keep those names of pictures that no entry has any more."""
        return [
            name
            for name in dict.fromkeys(names)
            if not self.database.execute(
                "SELECT 1 FROM entry WHERE picture = ? LIMIT 1", (name,)
            ).fetchone()
        ]

    def sweep(self) -> None:
        """Remove pictures that a kill left behind without an entry."""
        rows = self.database.execute("SELECT DISTINCT picture FROM entry WHERE picture NOT NULL")
        self.pictures.remove(self.pictures.strays({row[0] for row in rows}))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold a transaction: all of it is written, or nothing."""
        try:
            self.database.execute("BEGIN IMMEDIATE")
            yield
            self.database.execute("COMMIT")
        except BaseException as error:
            if self.database.in_transaction:
                self.database.execute("ROLLBACK")
            if isinstance(error, DATABASE_ERRORS):
                raise MemoryFailed(f"the memory's database says: {error}") from None
            raise

    def close(self) -> None:
        self.database.close()

    def _prepared(self, entry: Entry) -> tuple[str | None, tuple[bytes, bytes] | None]:
        picture = self.pictures.write(entry.picture) if entry.picture else None
        vector = None
        if self._embedder and entry.text:
            vector = packed(self._embedder.embed(entry.text))
        return picture, vector

    def _insert(
        self,
        session: str,
        opened_s: float,
        entry: Entry,
        picture: str | None,
        vector: tuple[bytes, bytes] | None,
    ) -> None:
        text = entry.text[:MAX_TEXT]
        added = self.database.execute(
            "INSERT INTO entry (session, kind, wall_s, duration_s, stream, labels, text, grams, "
            "picture, picture_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                session,
                entry.kind,
                opened_s + entry.start_s,
                entry.end_s - entry.start_s,
                entry.stream,
                " ".join(entry.labels),
                text,
                grams_of(text),
                picture,
                len(entry.picture.jpeg) if entry.picture else 0,
            ),
        )
        if vector:
            self.database.execute("INSERT INTO vector VALUES (?, ?, ?)", (added.lastrowid, *vector))

    def _delete(self, condition: str, values: Sequence[object]) -> list[str]:
        found = self.database.execute(
            f"SELECT picture FROM entry WHERE ({condition}) AND picture NOT NULL",  # noqa: S608
            values,
        )
        names = [row[0] for row in found]
        gone = self.database.execute(f"DELETE FROM entry WHERE {condition}", values)  # noqa: S608
        if gone.rowcount:
            self.database.execute("UPDATE meta SET value = value + 1 WHERE name = 'num_deletes'")
        return names

    def _let_go_of_pictures(self, max_bytes: int) -> list[str]:
        (held,) = self.database.execute("SELECT sum(picture_bytes) FROM entry").fetchone()
        if (held or 0) <= max_bytes:
            return []
        rows = self.database.execute(
            "SELECT id, picture, picture_bytes FROM entry WHERE picture NOT NULL ORDER BY wall_s"
        )
        names, ids = [], []
        for id_, name, num_bytes in rows:
            if held <= max_bytes * 0.9:
                break
            held -= num_bytes
            names.append(name)
            ids.append((id_,))
        self.database.executemany(
            "UPDATE entry SET picture = NULL, picture_bytes = 0 WHERE id = ?", ids
        )
        self._delete("kind = 'picture' AND picture IS NULL", ())
        return names

    def _text_bytes(self) -> int:
        pages, free, size = (
            int(self.database.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size


def _newest(lines: Sequence[str], max_characters: int) -> list[str]:
    kept: list[str] = []
    for line in reversed(lines):
        max_characters -= len(line)
        if max_characters < 0:
            break
        kept.append(line)
    return kept[::-1]
