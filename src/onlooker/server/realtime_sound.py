"""The sound of one realtime connection: the user's microphone in, our voice out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from onlooker.live.speech import MICROPHONE, Flushed, SoundTap
from onlooker.server.held import Held
from onlooker.server.realtime_media import samples_of
from onlooker.server.realtime_narrator import Wire
from onlooker.server.realtime_session import MAX_AUDIO_S, Terms, take_microphone
from onlooker.server.realtime_speech import SoundWriter
from onlooker.server.wire import (
    AudioAppend,
    AudioClear,
    AudioCommit,
    BadEvent,
    ItemTruncate,
    OutputClear,
    ResponseCancel,
)


class TalkSound:
    """Carries sound between one client and a session."""

    def __init__(
        self, held: Held, terms: Terms, tell: Callable[[Wire], Awaitable[None]], tag: str
    ) -> None:
        self._held = held
        self._terms = terms
        self._tell = tell
        self._tag = tag
        self._keys_down: set[str] = set()  # microphones in whose utterance we are
        self._is_refused = False
        self._is_wanted = asyncio.Event()

    # Out.

    def want(self, *, is_wanted: bool) -> None:
        """Send the voice's sound from now on, if there is a voice; or no more."""
        self._terms.wants_sound = is_wanted and self._held.session.speech.has_voice
        if self._terms.wants_sound:
            self._is_wanted.set()

    async def send(self) -> None:
        """Send the voice's sound, as soon as and as long as it is wanted."""
        speech = self._held.session.speech
        await self._is_wanted.wait()
        tap = speech.tap()
        try:
            await self._send_sound(tap)
        finally:
            speech.untap(tap)

    async def _send_sound(self, tap: SoundTap) -> None:
        writer = SoundWriter()
        async for item in tap.sound():
            if isinstance(item, Flushed):
                writer = SoundWriter()  # what it holds back is not to be heard
                continue
            tick = self._held.session.speech.spoken_tick
            for delta in writer.write(item) if self._terms.wants_sound else ():
                await self._tell(
                    {
                        "type": "response.output_audio.delta",
                        "response_id": f"resp_{self._tag}_{tick}",
                        "item_id": f"item_{self._tag}_{tick}",
                        "output_index": 0,
                        "content_index": 1,
                        "delta": delta,
                    }
                )

    # In.

    async def be_still(self, event: ResponseCancel | OutputClear) -> None:
        speech = self._held.session.speech
        if not speech.is_speaking:
            raise BadEvent("response_cancel_not_active", "nothing is being said")
        speech.stop_speaking()

    async def truncate(self, event: ItemTruncate) -> None:
        """Whoever plays our sound stopped: what was heard of it is known here."""
        self._held.session.speech.stop_speaking()
        place = event.model_dump(include={"item_id", "content_index", "audio_end_ms"})
        await self._tell({"type": "conversation.item.truncated", **place})

    async def append(self, event: AudioAppend) -> None:
        samples_N = samples_of(event.audio, MAX_AUDIO_S, self._terms.rate_hz)
        stream = event.onlooker.stream
        is_overheard = stream in self._held.session.streams
        if not is_overheard and not self._held.session.speech.has_ears:
            if not self._is_refused:
                self._is_refused = True
                raise BadEvent("not_available", "nothing here understands speech")
            return
        if self._terms.has_turns_by_hand and not is_overheard and stream not in self._keys_down:
            self._keys_down.add(stream)
            self._held.session.speech.hold_key(is_down=True, stream=stream)
        if len(samples_N):
            take_microphone(self._held, samples_N, self._terms.rate_hz, stream)

    async def commit(self, event: AudioCommit) -> None:
        """The utterance ends here; `input_audio_buffer.committed` comes when it is understood."""
        self._release()

    async def clear(self, event: AudioClear) -> None:
        self._release()
        await self._tell({"type": "input_audio_buffer.cleared"})

    def _release(self) -> None:
        for stream in self._keys_down or {MICROPHONE}:
            self._held.session.speech.hold_key(is_down=False, stream=stream)
        self._keys_down.clear()
