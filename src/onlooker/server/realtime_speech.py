"""Speech in realtime events: what was heard, and when our voice begins and ends."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
from av import AudioFrame, AudioResampler

from onlooker.core.event import Event, Heard, Hearing, VoiceEnded, VoiceStarted
from onlooker.core.media import AudioChunk

Wire = dict[str, Any]

OUTPUT_RATE_HZ = 24_000
_ENDS = {"done": "output_audio_buffer.stopped", "failed": "output_audio_buffer.stopped"}


class SpeechNarrator:
    """Follows the speech of one session; see `Narrator`."""

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._item: str | None = None  # of what somebody says now
        self._understood = ""
        self._voiced_tick: int | None = None

    def tell(self, event: Event) -> list[Wire]:
        """Give what goes out for an event, besides its own name."""
        match event:
            case Hearing(speaker="user"):
                return [*self._started(event.start_s), *self._understand(event.text)]
            case Heard(speaker="user"):
                return [*self._started(event.start_s), *self._heard(event)]
            case VoiceStarted(tick=int(tick)):
                self._voiced_tick = tick
                return [{"type": "output_audio_buffer.started", "response_id": self._id(tick)}]
            case VoiceEnded(tick=int(tick)) if tick == self._voiced_tick:
                return self._voice_ended(tick, event)
        return []

    def _id(self, tick: int) -> str:
        return f"resp_{self._tag}_{tick}"

    def _started(self, start_s: float) -> list[Wire]:
        if self._item is not None:
            return []
        start_ms = round(start_s * 1000)
        self._item = f"heard_{self._tag}_{start_ms}"
        return [
            {
                "type": "input_audio_buffer.speech_started",
                "audio_start_ms": start_ms,
                "item_id": self._item,
            }
        ]

    def _understand(self, text: str) -> list[Wire]:
        """Tell what is new; a guess that turned out otherwise waits for the whole."""
        if not text.startswith(self._understood) or text == self._understood:
            return []
        new, self._understood = text.removeprefix(self._understood), text
        kind = "conversation.item.input_audio_transcription.delta"
        return [{"type": kind, "item_id": self._item, "content_index": 0, "delta": new}]

    def _heard(self, event: Heard) -> list[Wire]:
        item_id, self._item, self._understood = self._item, None, ""
        item = {
            "id": item_id,
            "object": "realtime.item",
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_audio", "transcript": event.text}],
        }
        usage = {"type": "duration", "seconds": round(event.end_s - event.start_s, 3)}
        return [
            {
                "type": "input_audio_buffer.speech_stopped",
                "audio_end_ms": round(event.end_s * 1000),
                "item_id": item_id,
            },
            {
                "type": "input_audio_buffer.committed",
                "item_id": item_id,
                "previous_item_id": None,
            },
            {"type": "conversation.item.added", "previous_item_id": None, "item": item},
            {
                "type": "conversation.item.input_audio_transcription.completed",
                "item_id": item_id,
                "content_index": 0,
                "transcript": event.text,
                "usage": usage,
            },
            {"type": "conversation.item.done", "previous_item_id": None, "item": item},
        ]

    def _voice_ended(self, tick: int, event: VoiceEnded) -> list[Wire]:
        self._voiced_tick = None
        end = _ENDS.get(event.why, "output_audio_buffer.cleared")
        done = {
            "type": "response.output_audio.done",
            "response_id": self._id(tick),
            "item_id": f"item_{self._tag}_{tick}",
            "output_index": 0,
            "content_index": 1,
        }
        return [done, {"type": end, "response_id": self._id(tick)}]


class SoundWriter:
    """Writes the voice's sound as PCM16 of the output rate, in base64, piece by piece."""

    def __init__(self) -> None:
        self._resampler = _resampler()
        self._rate_hz = 0  # none yet

    def write(self, chunk: AudioChunk) -> Iterator[str]:
        """Yield what is ready of the sound so far."""
        if chunk.rate_hz != self._rate_hz:  # another voice
            self._resampler, self._rate_hz = _resampler(), chunk.rate_hz
        pcm_N = (np.clip(chunk.samples_N, -1, 1) * 32767).astype("<i2")
        frame = AudioFrame.from_ndarray(pcm_N[None, :], format="s16", layout="mono")
        frame.sample_rate = chunk.rate_hz
        for resampled in self._resampler.resample(frame):
            yield base64.b64encode(resampled.to_ndarray().tobytes()).decode()


def _resampler() -> AudioResampler:
    return AudioResampler(format="s16", layout="mono", rate=OUTPUT_RATE_HZ)
