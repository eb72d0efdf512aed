"""Which ticks need no model: those in which nothing happened that it could answer."""

from __future__ import annotations

from collections.abc import Collection

from onlooker.core.difference import Thumbnail, difference, thumbnail
from onlooker.core.event import SkipReason
from onlooker.core.moment import Instruction, Observation
from onlooker.live.settings import LiveSettings


class Gate:
    """Compares each stream with the picture that the model saw last, so slow changes add up."""

    def __init__(self, settings: LiveSettings) -> None:
        self._settings = settings
        self.persona = settings.persona
        self._seen: dict[str, Thumbnail] = {}

    def reason_to_skip(
        self, observation: Observation, standing: Collection[Instruction]
    ) -> SkipReason | None:
        """Say why the tick may pass without the model, or None if it may not."""
        if self.persona == "silent" and not standing and not observation.is_addressed:
            return "persona"
        if not self._settings.gate:
            return None
        newest = {frame.stream: thumbnail(frame.pixels_HWC) for frame in observation.frames}
        is_still = all(
            stream in self._seen
            and difference(self._seen[stream], now) < self._settings.gate_difference
            for stream, now in newest.items()
        )
        is_timed = any(instruction.is_timed for instruction in standing)
        if is_still and not is_timed and not observation.is_addressed:
            return "still"
        self._seen |= newest
        return None
