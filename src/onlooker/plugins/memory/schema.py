"""The database of a site: what is in it, how it is brought up to date, and what is refused.

`entry` is what is remembered; `words` finds it by its words, `vector` by its meaning, and
triggers keep both in step. `waiting` holds segments whose summary is owed, `state` what a session
must know to go on. `meta.num_deletes` tells other processes that something is gone; `secret` holds
the key of the key frames in a database that is encrypted itself.
"""

from __future__ import annotations

import sqlite3

from onlooker.core.errors import MemoryFailed
from onlooker.plugins.memory.words import grams_of

APPLICATION_ID = 0x4F4E4C4B  # "ONLK"
Database = sqlite3.Connection  # or SQLCipher's, which does the same

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
_THIRD = """
ALTER TABLE entry ADD COLUMN grams TEXT NOT NULL DEFAULT '';
UPDATE entry SET grams = grams_of(text) WHERE text GLOB '*[^ -~]*';
CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL);
DROP TRIGGER entry_added;
DROP TRIGGER entry_gone;
DROP TABLE words;
CREATE VIRTUAL TABLE words USING fts5(
    text, labels, grams, content='entry', content_rowid='id',
    tokenize='porter unicode61 remove_diacritics 2'
);
INSERT INTO words(words) VALUES ('rebuild');
CREATE TRIGGER entry_added AFTER INSERT ON entry BEGIN
    INSERT INTO words(rowid, text, labels, grams)
    VALUES (new.id, new.text, new.labels, new.grams);
END;
CREATE TRIGGER entry_gone AFTER DELETE ON entry BEGIN
    INSERT INTO words(words, rowid, text, labels, grams)
    VALUES ('delete', old.id, old.text, old.labels, old.grams);
    DELETE FROM vector WHERE entry = old.id;
END;
"""
# Each step takes a database from its place in the list to the next.
STEPS = (_FIRST, _SECOND, _THIRD)


def check(database: Database, where: str) -> str:
    """Refuse what is not ours, before anything is written to it.

    Returns:
        what is damaged; empty if nothing is.

    Raises:
        MemoryFailed: it is something else, or of a newer version.
    """
    version = database.execute("PRAGMA user_version").fetchone()[0]
    application = database.execute("PRAGMA application_id").fetchone()[0]
    num_tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and (num_tables or version):
        raise MemoryFailed(f"{where} is a database of something else: name another folder")
    if version > len(STEPS):
        raise MemoryFailed(
            f"{where} is of version {version}, and this onlooker knows {len(STEPS)}: "
            "install a newer one"
        )
    found = [row[0] for row in database.execute("PRAGMA quick_check(3)")]
    return "" if found == ["ok"] else str(found[0])


def prepare(database: Database) -> None:
    """Make a new database ours, or bring an older one up to date."""
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing; a power cut, seconds
    database.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version == len(STEPS):
        return
    database.create_function("grams_of", 1, grams_of, deterministic=True)
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
