"""What listens beside a transcriber: is it speech, has somebody finished, what sounds there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from onlooker.core.media import AudioChunk


class SpeechDetector(Protocol):
    """Judges the sound of one stream, chunk after chunk. Blocks: give it a thread."""

    def hear(self, chunk: AudioChunk) -> Iterable[tuple[AudioChunk, float]]:
        """Yield each short stretch that is complete, and how likely it is speech, in [0, 1]."""
        ...


class TurnJudge(Protocol):
    """Judges by the sound whether somebody who pauses has finished. Blocks: give it a thread."""

    def complete(self, speech: AudioChunk) -> float:
        """Tell how likely they have, in [0, 1], of all that they said, the pause included."""
        ...


@dataclass(frozen=True, slots=True)
class SoundEvent:
    """A sound with a name."""

    label: str
    probability: float
    start_s: float  # session time


class SoundDetector(Protocol):
    """Names the sounds of one stream, chunk after chunk. Blocks: give it a thread."""

    def hear(self, chunk: AudioChunk) -> Iterable[SoundEvent]:
        """Yield what begins to be heard."""
        ...
