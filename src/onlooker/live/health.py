"""Whether a stream still shows the world: lost, frozen, dark, and well again."""

from __future__ import annotations

from dataclasses import dataclass

from onlooker.core.difference import Thumbnail, difference, thumbnail
from onlooker.core.event import HealthState, StreamHealth
from onlooker.core.media import VideoFrame
from onlooker.core.ports import SourceTraits
from onlooker.live.settings import LiveSettings

SAME_PICTURE = 0.4  # luma levels: above what a codec adds to a repeated frame, below sensor noise
DARK_LUMA = 12.0  # of 255: a covered lens, sensor noise included


@dataclass
class _Spell:
    """How long something has been going on."""

    since_s: float | None = None

    def update(self, holds: bool, now_s: float) -> float:
        if not holds:
            self.since_s = None
        elif self.since_s is None:
            self.since_s = now_s
        return 0.0 if self.since_s is None else now_s - self.since_s


class HealthWatch:
    """Follows one stream. Only what is live can be lost; only a camera freezes or goes dark."""

    def __init__(
        self, stream: str, traits: SourceTraits, settings: LiveSettings, now_s: float
    ) -> None:
        self._stream, self._traits, self._settings = stream, traits, settings
        self._last_s = now_s
        self._picture: Thumbnail | None = None
        self._same, self._dark = _Spell(), _Spell()
        self._state: HealthState | None = None  # none yet: nothing came so far

    def see(self, frame: VideoFrame, now_s: float) -> StreamHealth | None:
        """Take note of a frame; say so if the state changed."""
        self._last_s = now_s
        if not self._traits.is_camera:
            return self._become(None, now_s)
        picture = thumbnail(frame.pixels_HWC)
        is_same = self._picture is not None and difference(self._picture, picture) < SAME_PICTURE
        self._picture = picture
        same_s = self._same.update(is_same, now_s)
        dark_s = self._dark.update(float(picture.max()) < DARK_LUMA, now_s)
        if dark_s >= self._settings.dark_after_s:
            return self._become("dark", now_s, f"nothing but dark for {dark_s:.1f} s")
        if same_s >= self._settings.frozen_after_s:
            return self._become("frozen", now_s, f"the same picture for {same_s:.1f} s")
        if self._state in ("dark", "frozen") and (dark_s or same_s):
            return None  # may still be one of them; well again needs a lit, moving picture
        return self._become(None, now_s)

    def check(self, now_s: float, trouble: str = "") -> StreamHealth | None:
        """Say so if nothing came for too long. Call it about once a second."""
        waited_s = now_s - self._last_s
        if not self._traits.is_live or waited_s < self._settings.lost_after_s:
            return None
        why = f"no frame for {waited_s:.1f} s"
        return self._become("lost", now_s, f"{why}: {trouble}" if trouble else why)

    def _become(
        self, trouble: HealthState | None, now_s: float, detail: str = ""
    ) -> StreamHealth | None:
        if trouble is None:
            if self._state in ("connected", "recovered"):
                return None
            self._state = "connected" if self._state is None else "recovered"
        elif trouble == self._state:
            return None
        else:
            self._state = trouble
        return StreamHealth(stream=self._stream, time_s=now_s, state=self._state, detail=detail)
