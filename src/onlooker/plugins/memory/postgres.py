"""`postgres`: a memory that several machines share, in PostgreSQL with pgvector.

Needs the extra [postgres]. The address, with its password, comes from ONLOOKER_MEMORY_URL alone.
Key frames lie in the database, too.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from onlooker.core.errors import BadSettings, MemoryFailed
from onlooker.core.memory import Entry, Evidence, Forgotten, Kept, Question, Segment, Target
from onlooker.plugins.memory.embedding import Embedder
from onlooker.plugins.memory.postgres_sql import (
    COLUMNS,
    FORGET,
    MIGRATE,
    SEARCH_MEANING,
    SEARCH_NEWEST,
    SEARCH_WORDS,
    tsquery_of,
)
from onlooker.plugins.memory.search import MIN_SIMILARITY, NUM_CANDIDATES, RANK_OFFSET
from onlooker.plugins.memory.site import Meaning, embedder_of
from onlooker.plugins.memory.words import grams_of

URL = "ONLOOKER_MEMORY_URL"
RETAIN_EVERY = 200  # writes
NUM_BLOCKS, NUM_SUMMARIES, NUM_WORDS = 64, 200, 64
MAX_TEXT = 4000  # characters of an entry
TIMEOUT_S = 30.0  # for one statement


class PostgresSettings(BaseModel, frozen=True, extra="forbid"):
    """Which session of the shared memory this is, and how much is kept of all."""

    session: str = Field(
        default="default",
        pattern=r"^[\w-]{1,64}$",
        description="a name: the next session of this name goes on where this one ended",
    )
    meaning: Meaning = Field(
        default="auto",
        description="search by meaning as well as by words; auto: if the extra is installed",
    )
    max_age_days: float = Field(default=30.0, gt=0, description="older entries are removed")
    max_entries: int = Field(default=2_000_000, ge=1, description="the oldest go first")
    max_waiting: int = Field(default=1000, ge=1, description="segments that wait for a summary")


class PostgresMemory:
    """Remembers in a database that others may use as well."""

    Settings = PostgresSettings

    def __init__(self, settings: PostgresSettings) -> None:
        """Take the address from the environment.

        Raises:
            BadSettings: there is none, or the library is missing.
        """
        try:
            import asyncpg
        except ImportError:
            raise BadSettings(
                "memory in Postgres needs asyncpg: pip install 'onlooker[postgres]'"
            ) from None
        self._asyncpg: Any = asyncpg
        self._settings = settings
        self._url = os.environ.get(URL, "")
        if not self._url:
            raise BadSettings(f"put the database's address into {URL}, such as postgresql://...")

    async def open(self, now_s: float) -> PostgresSession:
        """Connect, bring the tables up to date and take the session's name.

        Raises:
            MemoryFailed: it cannot be reached or used, or the name is taken.
        """
        errors = (self._asyncpg.PostgresError, self._asyncpg.InterfaceError, OSError, TimeoutError)
        try:
            connection = await self._asyncpg.connect(
                self._url, timeout=10, command_timeout=TIMEOUT_S
            )
        except errors as error:
            raise MemoryFailed(f"the memory's database cannot be reached: {_told(error)}") from None
        session = PostgresSession(self._settings, connection, errors)
        try:
            await session.begin(now_s)
        except BaseException:
            await connection.close()
            raise
        return session

    async def close(self) -> None:
        pass


class PostgresSession:
    """One session's hold on the shared memory: one connection, one statement at a time."""

    def __init__(self, settings: PostgresSettings, connection: Any, errors: Any) -> None:
        self._settings = settings
        self._name = settings.session
        self._connection = connection
        self._errors = errors
        self._turn = asyncio.Lock()
        self._embedder: Embedder | None = None
        self._opened_s = 0.0  # wall time at session time 0
        self._num_writes = 0

    async def begin(self, now_s: float) -> None:
        """Settle what wall time this session's time 0 has.

        Raises:
            MemoryFailed: another process uses the session's name.
        """
        await self._run("execute", MIGRATE)
        is_ours = await self._run(
            "fetchval", "SELECT pg_try_advisory_lock(7241, hashtext($1))", self._name
        )
        if not is_ours:
            raise MemoryFailed(
                f"another process remembers as session {self._name!r}: "
                "set memory.postgres.session to another name"
            )
        self._embedder = await asyncio.to_thread(embedder_of, self._settings.meaning)
        newest_s = await self._run(
            "fetchval",
            "SELECT max(wall_s + duration_s) FROM onlooker.entry WHERE session = $1",
            self._name,
        )
        self._opened_s = max(datetime.now(UTC).timestamp(), (newest_s or 0.0) + 0.001) - now_s
        await self._retain()

    async def remember(self, entries: Sequence[Entry]) -> None:
        """Write entries, all or none."""
        self._num_writes += 1
        if self._num_writes % RETAIN_EVERY == 0:
            await self._retain()
        rows = [await self._row(entry) for entry in entries]
        await self._run("executemany", _INSERT, rows)

    async def recall(self, question: Question) -> tuple[Evidence, ...]:
        """Give what fits, best first; without words, the newest first."""
        narrowed = (
            question.stream,
            None if question.since_s is None else self._opened_s + question.since_s,
            None if question.until_s is None else self._opened_s + question.until_s,
            list(question.kinds) or None,
        )
        if not question.words.strip():
            rows = await self._run("fetch", SEARCH_NEWEST, *narrowed, question.limit)
            return tuple(self._evidence(row) for row in rows)
        found = [
            await self._run(
                "fetch", SEARCH_WORDS, *narrowed, NUM_CANDIDATES, *tsquery_of(question.words)
            )
        ]
        if self._embedder:
            vector = await asyncio.to_thread(self._embedder.embed, question.words)
            near = (_vector(vector), MIN_SIMILARITY)
            found.append(await self._run("fetch", SEARCH_MEANING, *narrowed, NUM_CANDIDATES, *near))
        scores: defaultdict[int, float] = defaultdict(float)
        known: dict[int, Any] = {}
        for rows in found:
            for rank, row in enumerate(rows):
                known[row["id"]] = row
                scores[row["id"]] += 1 / (RANK_OFFSET + rank)
        best = sorted(scores, key=lambda id_: (-scores[id_], -id_))[: question.limit]
        return tuple(self._evidence(known[id_], scores[id_]) for id_ in best)

    async def entry(self, id_: int) -> Evidence | None:
        row = await self._run(
            "fetchrow",
            _ENTRY,
            id_,
        )
        return self._evidence(row) if row else None

    async def picture(self, id_: int) -> bytes | None:
        jpeg = await self._run("fetchval", "SELECT jpeg FROM onlooker.entry WHERE id = $1", id_)
        return bytes(jpeg) if jpeg is not None else None

    async def forget(self, target: Target) -> Forgotten:
        """Remove what the target names; the files let go of it when the database is vacuumed."""
        topic = tsquery_of(target.topic, " & ") if target.topic.strip() else (None, None)
        given = (target.since_s, target.until_s, target.stream, *topic)
        row = await self._run("fetchrow", FORGET, *given)
        return Forgotten(row["entries"], row["pictures"], row["waiting"], is_complete=False)

    async def owe(self, segment: Segment) -> None:
        """Keep a segment until it is summarised."""
        told = json.dumps([segment.lines, segment.instructions], ensure_ascii=False)
        start_s, length_s = self._opened_s + segment.start_s, segment.end_s - segment.start_s
        await self._run("execute", _OWE, self._name, start_s, length_s, _clean(told))
        await self._run("execute", _BOUND_WAITING, self._name, self._settings.max_waiting)

    async def settle(self, segment: Segment, summary: Entry) -> bool:
        """Write a segment's summary; False if the segment was forgotten meanwhile."""
        start_s = self._opened_s + segment.start_s
        row = await self._row(summary)
        return bool(await self._run("fetchval", _SETTLE, *row, start_s))

    async def keep_state(self, state: str) -> None:
        await self._run("execute", _KEEP_STATE, self._name, _clean(state))

    async def kept(self) -> Kept:
        """Give what this name's earlier sessions, or this one so far, left to go on from."""
        rows: list[Any] = []
        for kinds, number in (
            (["block"], NUM_BLOCKS),
            (["summary"], NUM_SUMMARIES),
            (_SAID, NUM_WORDS),
        ):
            found = await self._run("fetch", _KEPT, self._name, kinds, number)
            merged_s = max((row["wall_s"] + row["duration_s"] for row in rows), default=-1.0)
            is_merged = kinds == ["summary"]
            rows += [
                row for row in found[::-1] if not is_merged or row["wall_s"] >= merged_s - 0.001
            ]
        waiting = await self._run("fetch", _WAITING, self._name)
        state = await self._run("fetchval", _STATE, self._name)
        return Kept(
            tuple(self._evidence(row) for row in rows),
            tuple(self._segment(row) for row in waiting),
            state or "",
        )

    async def num_deletes(self) -> int:
        return int(await self._run("fetchval", "SELECT num_deletes FROM onlooker.meta"))

    async def close(self) -> None:
        await self._connection.close()

    async def _retain(self) -> None:
        oldest_s = datetime.now(UTC).timestamp() - self._settings.max_age_days * 86_400
        await self._run("execute", _TOO_OLD, oldest_s)
        await self._run("execute", _TOO_MANY, self._settings.max_entries)

    async def _row(self, entry: Entry) -> tuple[Any, ...]:
        text = _clean(entry.text[:MAX_TEXT])
        vector = None
        if self._embedder and text:
            vector = _vector(await asyncio.to_thread(self._embedder.embed, text))
        return (
            self._name,
            entry.kind,
            self._opened_s + entry.start_s,
            entry.end_s - entry.start_s,
            entry.stream,
            " ".join(entry.labels),
            text,
            grams_of(text),
            entry.picture.jpeg if entry.picture else None,
            vector,
        )

    def _evidence(self, row: Any, score: float = 0.0) -> Evidence:
        start_s = round(row["wall_s"] - self._opened_s, 3)
        return Evidence(
            id=row["id"],
            kind=row["kind"],
            session=row["session"],
            start_s=start_s,
            end_s=round(start_s + row["duration_s"], 3),
            wall_s=row["wall_s"],
            text=row["text"],
            stream=row["stream"],
            labels=tuple(row["labels"].split()),
            picture=f"entry {row['id']}" if row["has_picture"] else "",
            score=score,
        )

    def _segment(self, row: Any) -> Segment:
        lines, instructions = json.loads(row["told"])
        start_s = row["wall_s"] - self._opened_s
        return Segment(start_s, start_s + row["duration_s"], tuple(lines), tuple(instructions))

    async def _run(self, how: str, statement: str, *values: Any) -> Any:
        try:
            async with self._turn:
                return await getattr(self._connection, how)(statement, *values)
        except self._errors as error:
            raise MemoryFailed(f"the memory's database says: {_told(error)}") from None


def _vector(vector_D: Any) -> str:
    return "[" + ",".join(f"{number:.5f}" for number in vector_D) + "]"


def _clean(text: str) -> str:
    """Leave out what no text of this database can hold."""
    return text.replace("\x00", " ").encode(errors="replace").decode()


def _told(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


_SAID = ["heard", "said", "answer"]
_FIELDS = "session, kind, wall_s, duration_s, stream, labels, text, grams, jpeg, vector"
_PLACES = "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::vector"
_INSERT = f"INSERT INTO onlooker.entry ({_FIELDS}) VALUES ({_PLACES})"  # noqa: S608
_OWE = "INSERT INTO onlooker.waiting (session, wall_s, duration_s, told) VALUES ($1, $2, $3, $4)"
_BOUND_WAITING = """
DELETE FROM onlooker.waiting WHERE session = $1 AND id NOT IN
(SELECT id FROM onlooker.waiting WHERE session = $1 ORDER BY id DESC LIMIT $2)"""
_SETTLE = f"""
WITH gone AS (
    DELETE FROM onlooker.waiting WHERE session = $1 AND abs(wall_s - $11::float8) < 0.001
    RETURNING 1
), told AS (
    INSERT INTO onlooker.entry ({_FIELDS}) SELECT {_PLACES} WHERE EXISTS (SELECT 1 FROM gone)
)
SELECT count(*) FROM gone"""  # noqa: S608
_ENTRY = f"SELECT {COLUMNS} FROM onlooker.entry WHERE id = $1"  # noqa: S608
_KEEP_STATE = """
INSERT INTO onlooker.state VALUES ($1, $2) ON CONFLICT (session) DO UPDATE SET value = $2"""
_STATE = "SELECT value FROM onlooker.state WHERE session = $1"
_WAITING = "SELECT wall_s, duration_s, told FROM onlooker.waiting WHERE session = $1 ORDER BY id"
_KEPT = f"""
SELECT {COLUMNS} FROM onlooker.entry WHERE session = $1 AND kind = ANY($2::text[])
ORDER BY wall_s DESC, id DESC LIMIT $3"""  # noqa: S608
_TOO_OLD = "DELETE FROM onlooker.entry WHERE wall_s < $1"
_TOO_MANY = """
DELETE FROM onlooker.entry WHERE id < (
    SELECT id FROM onlooker.entry ORDER BY id DESC OFFSET $1 LIMIT 1)"""
