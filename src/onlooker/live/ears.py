"""What a session hears with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from onlooker.core.detectors import SoundDetector, SoundEvent, SpeechDetector, TurnJudge
from onlooker.core.media import AudioChunk
from onlooker.core.ports import Transcriber


@dataclass(frozen=True, slots=True)
class Ears:
    """What a listener hears with."""

    transcriber: Transcriber
    speech: Callable[[], SpeechDetector]  # one a stream
    sounds: Callable[[], SoundDetector] | None = None
    turns: TurnJudge | None = None  # without one, silence alone ends what somebody says


def judged(
    chunk: AudioChunk, speech: SpeechDetector, sounds: SoundDetector | None
) -> tuple[list[tuple[AudioChunk, float]], list[SoundEvent]]:
    """Give what two detectors make of a chunk. Blocks."""
    return list(speech.hear(chunk)), list(sounds.hear(chunk)) if sounds else []
