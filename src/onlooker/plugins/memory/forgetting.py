"""Forgetting: text, words, directions and pictures, and all that was made of them."""

from __future__ import annotations

import re

from onlooker.core.errors import MemoryFailed
from onlooker.core.memory import Forgotten, Target
from onlooker.plugins.memory.archive import Archive
from onlooker.plugins.memory.schema import Database
from onlooker.plugins.memory.store import DATABASE_ERRORS

NEAR_S = 5.0  # key frames so near to what is forgotten show it too


def forget(archive: Archive, target: Target) -> Forgotten:
    """Remove what the target names, every summary that covers a part of it, and its traces.

    Raises:
        MemoryFailed: the database cannot be written; nothing was removed then.
    """
    try:
        return _forget(archive, target)
    except DATABASE_ERRORS as error:
        raise MemoryFailed(f"the memory's database says: {error}") from None


def _forget(archive: Archive, target: Target) -> Forgotten:
    database = archive.database
    with archive.writing():
        database.execute(
            "CREATE TEMP TABLE doomed (id INTEGER PRIMARY KEY, start_s, end_s, stream, session)"
        )
        condition, values = _named(target)
        fill = (
            "INSERT OR IGNORE INTO doomed SELECT entry.id, wall_s, wall_s + duration_s, stream, "
            "session FROM entry"
        )
        database.execute(f"{fill} WHERE {condition}", values)
        # A summary says what its segment held; a key frame shows what happened around it.
        database.execute(
            f"{fill} WHERE kind IN ('summary', 'block') AND EXISTS (SELECT 1 FROM doomed "  # noqa: S608
            "WHERE doomed.session = entry.session "
            "AND start_s <= wall_s + duration_s AND end_s >= wall_s)"
        )
        if target.topic:
            database.execute(
                f"{fill} WHERE kind = 'picture' AND EXISTS (SELECT 1 FROM doomed "  # noqa: S608
                "WHERE doomed.stream = entry.stream "
                "AND doomed.session = entry.session AND wall_s BETWEEN start_s - ? AND end_s + ?)",
                (NEAR_S, NEAR_S),
            )
        num_waiting = _drop_waiting(database, target)
        (num_entries,) = database.execute("SELECT count(*) FROM doomed").fetchone()
        names = archive.delete("id IN (SELECT id FROM doomed)", ())
        database.execute("DROP TABLE doomed")
        # Deleted words stay in a full-text index until it is written anew.
        database.execute("INSERT INTO words(words) VALUES ('rebuild')")
        if num_waiting and not num_entries:
            database.execute("UPDATE meta SET value = value + 1 WHERE name = 'num_deletes'")
    num_pictures = archive.pictures.remove(archive.unnamed(names))
    (is_busy, *_) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return Forgotten(num_entries, num_pictures, num_waiting, not is_busy)


def _named(target: Target) -> tuple[str, list[object]]:
    parts, values = ["1"], list[object]()
    if target.since_s is not None:
        parts.append("wall_s + duration_s >= ?")
        values.append(target.since_s)
    if target.until_s is not None:
        parts.append("wall_s <= ?")
        values.append(target.until_s)
    if target.stream is not None:
        parts.append("stream = ?")
        values.append(target.stream)
    if target.topic.strip():
        terms = re.findall(r"\w+", target.topic.lower())
        if plain := [term for term in terms if term.isascii()] or [""] * (not terms):
            parts.append("entry.id IN (SELECT rowid FROM words WHERE words MATCH ?)")
            values.append(" AND ".join(f'"{term}"' for term in plain))
        # Scripts without spaces: the index knows whole sentences only.
        for term in terms:
            if not term.isascii():
                parts.append("text LIKE ?")
                values.append(f"%{term}%")
    return " AND ".join(parts), values


def _drop_waiting(database: Database, target: Target) -> int:
    """Drop segments that overlap what is forgotten, or that speak of it."""
    gone = database.execute(
        "DELETE FROM waiting WHERE EXISTS (SELECT 1 FROM doomed "
        "WHERE doomed.session = waiting.session "
        "AND start_s <= wall_s + duration_s AND end_s >= wall_s)"
    ).rowcount
    since_s, until_s = target.since_s, target.until_s
    if target.stream is None:
        in_span = "wall_s + duration_s >= coalesce(?, wall_s) AND wall_s <= coalesce(?, wall_s)"
        for pattern in _patterns(target.topic):
            gone += database.execute(
                f"DELETE FROM waiting WHERE {in_span} AND lines LIKE ?",  # noqa: S608
                (since_s, until_s, pattern),
            ).rowcount
    return gone


def _patterns(topic: str) -> list[str]:
    return [f"%{term}%" for term in re.findall(r"\w+", topic)] or ["%"]
