"""Which entries mean nearly what is asked: all directions as bits, in memory.

48 bytes an entry, and 22 for its time, stream and kind; a hundred thousand are compared in a few
milliseconds, and the nearest are then measured exactly. N = entries, W = 24 words of 16 bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from onlooker.core.memory import KINDS, EntryKind
from onlooker.plugins.memory.schema import Database

NUM_WORDS = 24
_BITS_OF = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)


class Index:
    """Follows the database; `refresh` before each use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._streams: dict[str | None, int] = {}
        self._clear(-1)

    def _clear(self, num_deletes: int) -> None:
        self._num_deletes = num_deletes
        self._size = 0
        self._ids_N = np.zeros(1024, np.int64)
        self._walls_N = np.zeros(1024, np.float64)
        self._streams_N = np.zeros(1024, np.int32)
        self._kinds_N = np.zeros(1024, np.int8)
        self._bits_NW = np.zeros((1024, NUM_WORDS), np.uint16)

    def refresh(self) -> None:
        """Take in what was added; begin anew if something was deleted."""
        (num_deletes,) = self._database.execute(
            "SELECT value FROM meta WHERE name = 'num_deletes'"
        ).fetchone()
        if num_deletes != self._num_deletes:
            self._clear(num_deletes)
        last = int(self._ids_N[self._size - 1]) if self._size else 0
        rows = self._database.execute(
            "SELECT id, wall_s, stream, kind, bits FROM vector JOIN entry ON id = entry "
            "WHERE entry > ? ORDER BY entry",
            (last,),
        )
        while batch := rows.fetchmany(4096):
            self._append(batch)

    def nearest(
        self,
        bits: bytes,
        number: int,
        *,
        span: tuple[float, float],
        stream: str | None,
        kinds: tuple[EntryKind, ...],
    ) -> list[int]:
        """Give the ids of the entries whose bits differ least, among those that fit."""
        fits_N = self._fitting(span, stream, kinds)
        bits_NW = self._bits_NW[: self._size]
        ids_N = self._ids_N[: self._size]
        if not fits_N.all():
            bits_NW, ids_N = bits_NW[fits_N], ids_N[fits_N]
        wanted_W = np.frombuffer(bits, np.uint16)
        distances_N = _BITS_OF[bits_NW ^ wanted_W].sum(axis=1, dtype=np.int32)
        if len(ids_N) > number:
            ids_N = ids_N[np.argpartition(distances_N, number)[:number]]
        return [int(id_) for id_ in ids_N]

    def _fitting(
        self, span: tuple[float, float], stream: str | None, kinds: tuple[EntryKind, ...]
    ) -> npt.NDArray[np.bool_]:
        walls_N = self._walls_N[: self._size]
        fits_N = (walls_N >= span[0]) & (walls_N <= span[1])
        if stream is not None:
            fits_N &= self._streams_N[: self._size] == self._streams.get(stream, -1)
        if kinds:
            codes = [KINDS.index(kind) for kind in kinds]
            fits_N &= np.isin(self._kinds_N[: self._size], codes)
        return fits_N

    def _append(self, rows: list[tuple[int, float, str | None, EntryKind, bytes]]) -> None:
        size = self._size + len(rows)
        while size > len(self._ids_N):
            self._grow()
        ids, walls, streams, kinds, bits = zip(*rows, strict=True)
        new = slice(self._size, size)
        self._ids_N[new] = ids
        self._walls_N[new] = walls
        self._streams_N[new] = [
            self._streams.setdefault(stream, len(self._streams)) for stream in streams
        ]
        self._kinds_N[new] = [KINDS.index(kind) for kind in kinds]
        self._bits_NW[new] = np.frombuffer(b"".join(bits), np.uint16).reshape(-1, NUM_WORDS)
        self._size = size

    def _grow(self) -> None:
        for name in ("_ids_N", "_walls_N", "_streams_N", "_kinds_N", "_bits_NW"):
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.zeros_like(array)]))
