"""Where a site lies: in a folder, in a folder under lock and key, or in RAM.

Source of encryption: SQLCipher for the database, AES-256-GCM for each key frame. The passphrase
comes from the environment and opens the database; the key of the key frames lies in there.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onlooker.core.errors import BadSettings, MemoryFailed
from onlooker.plugins.memory.pictures import PictureFolder, Pictures, PictureShelf
from onlooker.plugins.memory.schema import Database, check, prepare

try:
    from sqlcipher3 import dbapi2 as sqlcipher
except ImportError:
    sqlcipher = None

KEY = "ONLOOKER_MEMORY_KEY"
FILE = "memory.sqlite"
BUSY_S = 5.0  # to wait for another process that writes
DATABASE_ERRORS: tuple[type[Exception], ...] = (
    (sqlite3.Error, sqlcipher.Error) if sqlcipher else (sqlite3.Error,)
)
_PLAIN = b"SQLite format 3\x00"


@dataclass(frozen=True, slots=True)
class Store:
    """An open database and the key frames beside it. Not for several threads at once."""

    database: Database
    pictures: Pictures

    def close(self) -> None:
        self.database.close()


def ram_store() -> Store:
    """Open an empty site that is gone when it is closed."""
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    prepare(database)
    return Store(database, PictureShelf())


def key_for(folder: Path, *, is_wanted: bool = False) -> str:
    """Read the passphrase from the environment, if a site has or wants one.

    Raises:
        BadSettings: there is none, or the site is there without one.
    """
    path = folder / FILE
    is_there = path.is_file() and path.stat().st_size > 0
    if not is_wanted and (not is_there or _is_plain(path)):
        return ""
    if is_there and _is_plain(path):
        raise BadSettings(
            f"{path} is not encrypted, and memory.sqlite.encrypted is set: name another folder, "
            "or move it away to begin anew"
        )
    key = os.environ.get(KEY, "")
    if not key and is_wanted:
        raise BadSettings(f"memory.sqlite.encrypted is set: put the passphrase into {KEY}")
    return key


def open_store(folder: Path, key: str = "", *, may_create: bool = True) -> Store:
    """Open a site's folder, and bring an older one up to date.

    Args:
        folder: of the site.
        key: the passphrase of a site that is encrypted, or shall be.
        may_create: begin a site where there is none.

    Raises:
        MemoryFailed: it is not there, not ours, of a newer version, damaged, or another key's.
            Nothing is written to such a file.
    """
    path = folder / FILE
    if not may_create and not path.is_file():
        raise MemoryFailed(f"{folder} holds no {FILE}: nothing is remembered there")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = _connected(path, key)
    except OSError as error:
        raise MemoryFailed(f"{path} cannot be opened: {error}") from None
    except DATABASE_ERRORS as error:
        raise MemoryFailed(f"{path} cannot be opened: {error}") from None
    try:
        if wrong := check(database, str(path)):
            raise MemoryFailed(_damaged(path, wrong))
        prepare(database)
        pictures = PictureFolder(folder, _picture_key(database) if key else b"")
    except DATABASE_ERRORS as error:
        database.close()
        raise _explained(error, path, key) from None
    except (MemoryFailed, BadSettings):
        database.close()
        raise
    return Store(database, pictures)


def _connected(path: Path, key: str) -> Database:
    driver: Any = sqlite3
    if key:
        if sqlcipher is None:
            raise BadSettings(
                "an encrypted memory needs sqlcipher3: pip install 'onlooker[encrypted]'"
            )
        driver = sqlcipher
    database: Database = driver.connect(
        path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    if key:
        database.execute("PRAGMA cipher_log_level = NONE")  # a wrong key is told by us
        quoted = key.replace("'", "''")
        database.execute(f"PRAGMA key = '{quoted}'")
    return database


def _picture_key(database: Database) -> bytes:
    """Give the key of the key frames; make it in a site that has none."""
    new = ("pictures", os.urandom(32))
    database.execute("INSERT OR IGNORE INTO secret VALUES (?, ?)", new)
    row = database.execute("SELECT value FROM secret WHERE name = 'pictures'").fetchone()
    return bytes(row[0])


def _is_plain(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_PLAIN)) == _PLAIN


def _explained(error: Exception, path: Path, key: str) -> MemoryFailed:
    text = str(error)
    if "fts5" in text:
        return MemoryFailed(f"this Python's SQLite {sqlite3.sqlite_version} has no FTS5: {text}")
    if key and "not a database" in text:
        return MemoryFailed(
            f"{path} does not open with the passphrase in {KEY}: it is another one's, or damaged"
        )
    if "not a database" in text or "malformed" in text:
        return MemoryFailed(_damaged(path, text))
    return MemoryFailed(f"{path} cannot be used: {text}")


def _damaged(path: Path, why: str) -> str:
    saved = path.with_name(f"recovered-{path.name}")
    return (
        f"{path} is damaged ({' '.join(why.split())[:160]}), or encrypted and {KEY} not set. It "
        f"was left as it is: move it away to begin anew, or save what can be read with "
        f"`sqlite3 {path.name} .recover | sqlite3 {saved.name}`"
    )
