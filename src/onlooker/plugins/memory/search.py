"""Finding: by words, by meaning, by time and by stream, the ranks of both fused.

Source: reciprocal rank fusion, Cormack, Clarke and Buettcher 2009, doi:10.1145/1571941.1572114.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from onlooker.core.errors import MemoryFailed
from onlooker.core.memory import Evidence, Kept, Question, Segment
from onlooker.plugins.memory.embedding import Embedder, packed, similarity
from onlooker.plugins.memory.index import Index
from onlooker.plugins.memory.store import DATABASE_ERRORS, Store
from onlooker.plugins.memory.words import wanted_of

NUM_CANDIDATES = 50  # of each way to search
NUM_OF_TERM = 400  # newest entries with a word
LONG_TEXT = 400  # characters: of twice as long a text, each word says less
NUM_COARSE = 400  # of the search by meaning, before exact measuring
MIN_SIMILARITY = 0.25  # cosine: below it, texts have nothing to do with each other
RANK_OFFSET = 60
MAX_ALIKE = 2  # results that differ in numbers only
MAX_VALUES = 10_000  # of one statement: SQLite takes 32,766
_COLUMNS = "entry.id, kind, session, wall_s, duration_s, entry.text, stream, entry.labels, picture"


class Search:
    """Reads a site. Not for several threads at once."""

    def __init__(self, store: Store, embedder: Embedder | None = None) -> None:
        self._database = store.database
        self._pictures = store.pictures
        self._embedder = embedder
        self._index = Index(self._database)
        if embedder:
            self._index.refresh()

    def find(
        self, question: Question, opened_s: float = 0.0, session: str | None = None
    ) -> tuple[Evidence, ...]:
        """Give what fits, best first; without words, the newest first.

        Args:
            question: its times are session times.
            opened_s: wall time at which that session opened.
            session: only entries of this name.

        Raises:
            MemoryFailed: the database cannot be read.
        """
        try:
            ranked = self._ranked(question, opened_s)
            rows = self._rows([id_ for id_, _ in ranked])
        except DATABASE_ERRORS as error:
            raise MemoryFailed(f"the memory's database says: {error}") from None
        found: list[Evidence] = []
        alike: Counter[str] = Counter()
        for id_, score in ranked:
            if id_ not in rows or (session is not None and rows[id_][2] != session):
                continue
            evidence = self._evidence(rows[id_], opened_s, score)
            shape = re.sub(r"\d+", "#", evidence.text)
            alike[shape] += 1
            if alike[shape] <= MAX_ALIKE or not question.words:
                found.append(evidence)
        return tuple(found[: question.limit])

    def get(self, id_: int, opened_s: float = 0.0) -> Evidence | None:
        """Give one entry."""
        row = self._rows([id_]).get(id_)
        return self._evidence(row, opened_s, 0.0) if row else None

    def picture(self, id_: int) -> bytes | None:
        """Give the key frame of an entry, as JPEG."""
        row = self._rows([id_]).get(id_)
        return self._pictures.read(row[8]) if row and row[8] else None

    def kept(self, session: str, opened_s: float, num_blocks: int, num_words: int) -> Kept:
        """Give what a session needs to go on."""
        blocks = self._newest(session, ("block",), num_blocks)
        merged_s = max((row[3] + row[4] for row in blocks), default=float("-inf"))
        summaries = [
            row for row in self._newest(session, ("summary",), 1000) if row[3] >= merged_s - 0.001
        ]
        said = self._newest(session, ("heard", "said", "answer"), num_words)
        state = self._database.execute(
            "SELECT value FROM state WHERE session = ?", (session,)
        ).fetchone()
        waiting = self._database.execute(
            "SELECT wall_s, duration_s, lines, instructions FROM waiting WHERE session = ? "
            "ORDER BY id",
            (session,),
        )
        return Kept(
            entries=tuple(
                self._evidence(row, opened_s, 0.0) for row in (*blocks, *summaries, *said)
            ),
            waiting=tuple(
                Segment(
                    wall_s - opened_s,
                    wall_s - opened_s + duration_s,
                    tuple(json.loads(lines)),
                    tuple(json.loads(instructions)),
                )
                for wall_s, duration_s, lines, instructions in waiting
            ),
            state=state[0] if state else "",
        )

    def newest_wall_s(self, session: str) -> float:
        """Give the wall time of the newest entry of this name; 0 if there is none."""
        (newest,) = self._database.execute(
            "SELECT max(wall_s + duration_s) FROM "
            "(SELECT wall_s, duration_s FROM entry WHERE session = ? "
            "UNION ALL SELECT wall_s, duration_s FROM waiting WHERE session = ?)",
            (session, session),
        ).fetchone()
        return float(newest or 0.0)

    def num_deletes(self) -> int:
        """Count how often something was deleted: memory in other places may hold it still."""
        row = self._database.execute("SELECT value FROM meta WHERE name = 'num_deletes'").fetchone()
        return int(row[0])

    def close(self) -> None:
        self._database.close()

    def _ranked(self, question: Question, opened_s: float) -> list[tuple[int, float]]:
        condition, values = _condition(question, opened_s)
        if not question.words.strip():
            rows = self._database.execute(
                f"SELECT id FROM entry WHERE {condition} "  # noqa: S608
                "ORDER BY wall_s DESC, id DESC LIMIT ?",
                (*values, question.limit),
            )
            return [(row[0], 0.0) for row in rows]
        scores: defaultdict[int, float] = defaultdict(float)
        for ids in (
            self._by_words(question.words, condition, values),
            self._by_meaning(question, opened_s),
        ):
            for rank, id_ in enumerate(ids):
                scores[id_] += 1 / (RANK_OFFSET + rank)
        return sorted(scores.items(), key=lambda item: (-item[1], -item[0]))

    def _by_words(self, words: str, condition: str, values: list[object]) -> list[int]:
        """Rank by the words that are shared, rare ones before common ones.

        Of each word the newest entries alone are looked at, so that a word that stands in every
        second entry of a year costs no more than another.
        """
        (newest,) = self._database.execute("SELECT max(id) FROM entry").fetchone()
        scores: defaultdict[int, float] = defaultdict(float)
        for term, weight in wanted_of(words):
            rows = self._database.execute(
                "SELECT entry.id, length(entry.text) FROM words JOIN entry "  # noqa: S608
                f"ON entry.id = words.rowid WHERE words MATCH ? AND {condition} "
                "ORDER BY words.rowid DESC LIMIT ?",
                (term, *values, NUM_OF_TERM),
            ).fetchall()
            if rows:
                # As many as there are among those looked at, if the others are like them.
                reach = 1 if len(rows) < NUM_OF_TERM else newest / (newest - rows[-1][0] + 1)
                rarity = math.log(1 + newest / (len(rows) * reach))
                for id_, length in rows:
                    scores[id_] += weight * rarity / (1 + length / LONG_TEXT)
        ranked = sorted(scores.items(), key=lambda item: (-item[1], -item[0]))
        return [id_ for id_, _ in ranked[:NUM_CANDIDATES]]

    def _by_meaning(self, question: Question, opened_s: float) -> list[int]:
        if self._embedder is None:
            return []
        self._index.refresh()
        vector_D = self._embedder.embed(question.words)
        near = self._index.nearest(
            packed(vector_D)[0],
            NUM_COARSE,
            span=_span(question, opened_s),
            stream=question.stream,
            kinds=question.kinds,
        )
        places = ",".join("?" * len(near))
        rows = self._database.execute(
            f"SELECT entry, exact FROM vector WHERE entry IN ({places})",  # noqa: S608
            near,
        )
        exact = [(similarity(vector_D, row[1]), row[0]) for row in rows]
        exact.sort(reverse=True)
        return [id_ for cosine, id_ in exact[:NUM_CANDIDATES] if cosine >= MIN_SIMILARITY]

    def _rows(self, ids: Sequence[int]) -> dict[int, tuple[Any, ...]]:
        rows: dict[int, tuple[Any, ...]] = {}
        for start in range(0, len(ids), MAX_VALUES):
            wanted = ids[start : start + MAX_VALUES]
            places = ",".join("?" * len(wanted))
            found = self._database.execute(
                f"SELECT {_COLUMNS} FROM entry WHERE id IN ({places})",  # noqa: S608
                wanted,
            )
            rows |= {row[0]: row for row in found}
        return rows

    def _newest(self, session: str, kinds: tuple[str, ...], number: int) -> list[tuple[Any, ...]]:
        places = ",".join("?" * len(kinds))
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM entry WHERE session = ? AND kind IN ({places}) "  # noqa: S608
            "ORDER BY wall_s DESC, id DESC LIMIT ?",
            (session, *kinds, number),
        )
        return list(rows)[::-1]

    def _evidence(self, row: tuple[Any, ...], opened_s: float, score: float) -> Evidence:
        id_, kind, session, wall_s, duration_s, text, stream, labels, picture = row
        return Evidence(
            id=id_,
            kind=kind,
            session=session,
            start_s=round(wall_s - opened_s, 3),
            end_s=round(wall_s - opened_s + duration_s, 3),
            wall_s=wall_s,
            text=text,
            stream=stream,
            labels=tuple(labels.split()),
            picture=self._pictures.shown(picture) if picture else "",
            score=score,
        )


def _condition(question: Question, opened_s: float) -> tuple[str, list[object]]:
    """Write what narrows a question as SQL over `entry`."""
    parts, values = ["1"], list[object]()
    if question.stream is not None:
        parts.append("stream = ?")
        values.append(question.stream)
    if question.since_s is not None:
        parts.append("wall_s + duration_s >= ?")
        values.append(opened_s + question.since_s)
    if question.until_s is not None:
        parts.append("wall_s <= ?")
        values.append(opened_s + question.until_s)
    if question.kinds:
        parts.append(f"kind IN ({','.join('?' * len(question.kinds))})")
        values += question.kinds
    return " AND ".join(parts), values


def _span(question: Question, opened_s: float) -> tuple[float, float]:
    since_s = float("-inf") if question.since_s is None else opened_s + question.since_s
    until_s = float("inf") if question.until_s is None else opened_s + question.until_s
    return since_s, until_s
