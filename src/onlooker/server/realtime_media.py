"""Pictures and sound as realtime clients send them, and when they were taken."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from onlooker.server.wire import BadEvent

MAX_BACK_S = 5.0  # a client's clock that jumps back further has begun anew
DRIFT = 1e-3  # seconds a second by which two clocks may go apart
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")


def picture_of(image_url: str) -> bytes:
    """Take the bytes out of a data URL, or out of base64 alone.

    Raises:
        BadEvent: it is an address, no base64, or no JPEG, PNG or WebP.
    """
    head, comma, rest = image_url.partition(",")
    if comma and not (head.startswith("data:image/") and head.endswith(";base64")):
        raise BadEvent("bad_image", "image_url: send the picture itself, as data:image/...;base64")
    if image_url[:8].lower().startswith(("http:", "https:", "file:")):
        raise BadEvent("bad_image", "image_url: we fetch nothing; send the picture itself")
    image = _bytes_of(rest if comma else image_url, "bad_image", "image_url")
    if not image.startswith(_SIGNATURES):
        raise BadEvent("bad_image", f"image_url: {len(image)} bytes are no JPEG, PNG or WebP")
    return image


def samples_of(audio: str, max_s: float, rate_hz: int) -> npt.NDArray[np.float32]:
    """Read PCM16, little endian, one channel, in base64.

    Returns:
        samples_N: float32 in [-1, 1].

    Raises:
        BadEvent: it is none, or longer than `max_s`.
    """
    pcm = _bytes_of(audio, "invalid_value", "audio")
    if len(pcm) % 2:
        raise BadEvent("invalid_value", f"audio: {len(pcm)} bytes are no whole samples", "audio")
    if len(pcm) > 2 * rate_hz * max_s:
        raise BadEvent("too_large", f"audio: more than {max_s:g} s in one event", "audio")
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


def _bytes_of(text: str, code: str, param: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadEvent(code, f"{param}: this is no base64", param) from None


class CaptureClock:
    """Tells session time by a client's clock of any origin.

    The fastest way that a picture took is taken for the offset of the two clocks, so that one
    that was held up on its way keeps the time of its capture.
    """

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._newest_s = 0.0  # on the client's clock

    def session_time_s(self, captured_ms: float, now_s: float) -> float:
        """Say when it was in session time, which is no later than now."""
        captured_s = captured_ms / 1000
        offset_s = now_s - captured_s
        if self._offset_s is None or captured_s < self._newest_s - MAX_BACK_S:
            self._offset_s = offset_s
        else:
            drifted_s = self._offset_s + DRIFT * max(0.0, captured_s - self._newest_s)
            self._offset_s = min(drifted_s, offset_s)
        self._newest_s = captured_s
        return max(0.0, min(now_s, captured_s + self._offset_s))


@dataclass
class Allowance:
    """So many a second, and a burst of twice as many."""

    per_s: float
    _left: float | None = None
    _at_s: float = 0.0

    def take(self, now_s: float) -> Literal["granted", "refused"]:
        """Use one, if there is one."""
        most = 2 * self.per_s
        left = most if self._left is None else self._left + self.per_s * (now_s - self._at_s)
        self._left, self._at_s = min(most, left), now_s
        if self._left < 1:
            return "refused"
        self._left -= 1
        return "granted"
