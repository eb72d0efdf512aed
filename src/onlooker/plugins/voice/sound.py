"""From the bytes that speech comes in to chunks of mono samples: raw PCM, and WAV as it arrives.

N = samples of one channel.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from onlooker.core.media import AudioChunk

STREAM = "voice"
CHUNK_S = 0.25
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_MAX_HEADER_BYTES = 65_536
_RATES_HZ = range(4_000, 192_001)


class BadSound(ValueError):
    """The bytes are no sound that is read here."""


@dataclass(frozen=True, slots=True)
class Form:
    """How samples are written."""

    rate_hz: int
    num_channels: int = 1
    dtype: str = "<i2"  # or "<f4"

    @property
    def frame_bytes(self) -> int:
        return self.num_channels * np.dtype(self.dtype).itemsize


class Decoder:
    """Reads bytes as they come, cut anywhere.

    A WAV header is believed over `raw`, which is how bytes without one are read. Sizes in it are
    not: who streams cannot know them.
    """

    def __init__(self, raw: Form | None) -> None:
        self._raw = raw
        self._form: Form | None = None
        self._held = b""

    @property
    def rate_hz(self) -> int:
        return self._form.rate_hz if self._form else 0

    def feed(self, data: bytes) -> npt.NDArray[np.float32]:
        """Give the samples that are complete.

        Raises:
            BadSound: it is neither WAV of 16-bit or float samples, nor raw where that is allowed.
        """
        self._held += data
        if self._form is None:
            self._read_header()
        if self._form is None:
            return np.zeros(0, np.float32)
        whole = len(self._held) - len(self._held) % self._form.frame_bytes
        samples, self._held = self._held[:whole], self._held[whole:]
        return _mono(samples, self._form)

    def _read_header(self) -> None:
        held = self._held
        if held[:4] == b"RIFF"[: len(held)]:
            if (found := _wav_header(held)) is not None:
                self._form, begin = found
                self._held = held[begin:]
            elif len(held) > _MAX_HEADER_BYTES:
                raise BadSound("a WAV header without an end")
        elif self._raw is None or held[:3] == b"ID3" or held[:4] in (b"OggS", b"fLaC"):
            raise BadSound(f"it begins with {held[:12]!r}")
        elif len(held) >= 4:
            self._form = self._raw


class Chunks:
    """Cuts samples into chunks without gaps, from 0 s."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._num_given = 0

    @property
    def end_s(self) -> float:
        return self._num_given / self._rate_hz

    def cut(self, samples_N: npt.NDArray[np.float32]) -> Iterator[AudioChunk]:
        size = round(CHUNK_S * self._rate_hz)
        for begin in range(0, len(samples_N), size):
            part_N = samples_N[begin : begin + size]
            yield AudioChunk(STREAM, self.end_s, self._rate_hz, part_N)
            self._num_given += len(part_N)


def _wav_header(held: bytes) -> tuple[Form, int] | None:
    """Read a WAV header: the form, and where samples begin; None while it is incomplete.

    Source: Multimedia Programming Interface and Data Specifications 1.0, IBM and Microsoft 1991.
    """
    at, form = 12, None
    while len(held) >= at + 8:
        name, size = held[at : at + 4], struct.unpack_from("<I", held, at + 4)[0]
        if name == b"data":
            if form is None:
                raise BadSound("a WAV without a format")
            return form, at + 8
        if name == b"fmt ":
            if len(held) < at + 8 + 16:
                return None
            form = _form_of(held[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return None


def _form_of(header: bytes) -> Form:
    kind, num_channels, rate_hz, _, _, num_bits = struct.unpack_from("<HHIIHH", header)
    if kind == _EXTENSIBLE and len(header) >= 26:
        kind = struct.unpack_from("<H", header, 24)[0]
    dtype = {(_PCM, 16): "<i2", (_FLOAT, 32): "<f4"}.get((kind, num_bits))
    if dtype is None or not 1 <= num_channels <= 8 or rate_hz not in _RATES_HZ:
        raise BadSound(
            f"a WAV of format {kind}, {num_bits} bits, {num_channels} channels, {rate_hz} Hz"
        )
    return Form(rate_hz, num_channels, dtype)


def _mono(data: bytes, form: Form) -> npt.NDArray[np.float32]:
    samples_NC = np.frombuffer(data, form.dtype).reshape(-1, form.num_channels)
    samples_N = samples_NC.mean(axis=1, dtype=np.float32)
    if form.dtype == "<i2":
        samples_N /= 32768
    clean_N: npt.NDArray[np.float32] = np.nan_to_num(samples_N, posinf=1.0, neginf=-1.0)
    return np.clip(clean_N, -1, 1)
