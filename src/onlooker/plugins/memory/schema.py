"""The database of a site: what is in it, how it is opened, and what is refused.

`entry` is what is remembered; `words` finds it by its words, `vector` by its meaning, and
triggers keep both in step. `waiting` holds segments whose summary is owed, `state` what a session
must know to go on. `meta.num_deletes` tells other processes that something is gone.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from onlooker.core.errors import MemoryFailed

APPLICATION_ID = 0x4F4E4C4B  # "ONLK"
FILE = "memory.sqlite"
BUSY_S = 5.0  # to wait for another process that writes

_FIRST = """
CREATE TABLE entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL, kind TEXT NOT NULL,
    wall_s REAL NOT NULL, duration_s REAL NOT NULL,
    stream TEXT, labels TEXT NOT NULL, text TEXT NOT NULL,
    picture TEXT, picture_bytes INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX entry_wall ON entry (wall_s);
CREATE INDEX entry_kind ON entry (session, kind, wall_s);
CREATE INDEX entry_picture ON entry (picture) WHERE picture IS NOT NULL;
CREATE TABLE vector (entry INTEGER PRIMARY KEY, bits BLOB NOT NULL, exact BLOB NOT NULL);
CREATE VIRTUAL TABLE words USING fts5(
    text, labels, content='entry', content_rowid='id',
    tokenize='porter unicode61 remove_diacritics 2'
);
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO meta VALUES ('num_deletes', 0);
CREATE TRIGGER entry_added AFTER INSERT ON entry BEGIN
    INSERT INTO words(rowid, text, labels) VALUES (new.id, new.text, new.labels);
END;
CREATE TRIGGER entry_gone AFTER DELETE ON entry BEGIN
    INSERT INTO words(words, rowid, text, labels) VALUES ('delete', old.id, old.text, old.labels);
    DELETE FROM vector WHERE entry = old.id;
END;
"""
_SECOND = """
CREATE TABLE waiting (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL, wall_s REAL NOT NULL, duration_s REAL NOT NULL,
    lines TEXT NOT NULL, instructions TEXT NOT NULL
);
CREATE TABLE state (session TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
# Each step takes a database from its place in the list to the next.
STEPS = (_FIRST, _SECOND)


def open_database(folder: Path, *, may_create: bool = True) -> sqlite3.Connection:
    """Open a site's database, and bring an older one up to date.

    Raises:
        MemoryFailed: it is not there, not ours, of a newer version, or damaged. Nothing is
            written to such a file.
    """
    path = folder / FILE
    if not may_create and not path.is_file():
        raise MemoryFailed(f"{folder} holds no {FILE}: nothing is remembered there")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = sqlite3.connect(
            path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
    except (OSError, sqlite3.Error) as error:
        raise MemoryFailed(f"{path} cannot be opened: {error}") from None
    try:
        _check(database, path)
        _prepare(database)
    except sqlite3.DatabaseError as error:
        database.close()
        raise _explained(error, path) from None
    except MemoryFailed:
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection, path: Path) -> None:
    """Refuse what is not ours, before anything is written to it."""
    version = database.execute("PRAGMA user_version").fetchone()[0]
    application = database.execute("PRAGMA application_id").fetchone()[0]
    num_tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and (num_tables or version):
        raise MemoryFailed(f"{path} is a database of something else: name another folder")
    if version > len(STEPS):
        raise MemoryFailed(
            f"{path} is of version {version}, and this onlooker knows {len(STEPS)}: "
            "install a newer one"
        )
    found = [row[0] for row in database.execute("PRAGMA quick_check(3)")]
    if found != ["ok"]:
        raise MemoryFailed(_damaged(path, found[0]))


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing; a power cut, seconds
    database.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version == len(STEPS):
        return
    database.execute("BEGIN IMMEDIATE")
    # Another process may have been faster.
    version = database.execute("PRAGMA user_version").fetchone()[0]
    for step in STEPS[version:]:
        for statement in _statements(step):
            database.execute(statement)
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute(f"PRAGMA user_version = {len(STEPS)}")
    database.execute("COMMIT")


def _statements(script: str) -> list[str]:
    """Split a script; `executescript` would commit on its own."""
    found, begun = [], ""
    for line in script.splitlines():
        begun += f"{line}\n"
        if sqlite3.complete_statement(begun):
            found.append(begun)
            begun = ""
    return found


def _explained(error: sqlite3.DatabaseError, path: Path) -> MemoryFailed:
    text = str(error)
    if "fts5" in text:
        return MemoryFailed(f"this Python's SQLite {sqlite3.sqlite_version} has no FTS5: {text}")
    if "not a database" in text or "malformed" in text:
        return MemoryFailed(_damaged(path, text))
    return MemoryFailed(f"{path} cannot be used: {text}")


def _damaged(path: Path, why: str) -> str:
    saved = path.with_name(f"recovered-{path.name}")
    return (
        f"{path} is damaged ({' '.join(why.split())[:160]}) and was left as it is: "
        f"move it away to begin anew, or save what can be read with "
        f"`sqlite3 {path.name} .recover | sqlite3 {saved.name}`"
    )
