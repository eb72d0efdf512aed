"""Speech in a session: its ears, its voice, and what people and programs may do to both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import time

from onlooker.core.clock import SessionClock
from onlooker.core.errors import SourceFailed
from onlooker.core.event import Event, Failed, StreamHealth
from onlooker.core.media import AudioChunk, Samples
from onlooker.core.moment import CutShort, Utterance
from onlooker.core.ports import Player, Sink, Source, Voice
from onlooker.core.stamps import Stamps
from onlooker.live.ears import Ears
from onlooker.live.floor import FloorSettings
from onlooker.live.listener import Listener
from onlooker.live.loop import Emit
from onlooker.live.segmenter import SegmenterSettings
from onlooker.live.settings import SpeechSettings
from onlooker.live.speaker import Speaker

MICROPHONE = "microphone"  # the user's stream, unless it is called otherwise
MAX_AHEAD_S = 30.0  # of sound that waits for one who takes it


@dataclass(frozen=True, slots=True)
class SpeechParts:
    """What a session speaks and hears with; nothing of it need be there."""

    voice: Voice | None = None
    players: Mapping[str, Player] = field(default_factory=dict)
    ears: Ears | None = None
    microphone: Source | None = None
    settings: SpeechSettings = SpeechSettings()
    floor: FloorSettings = FloorSettings()
    segments: SegmenterSettings = SegmenterSettings()

    def closing(self) -> Iterable[Callable[[], object]]:
        """Give the `close` of every part."""
        ears = self.ears.transcriber if self.ears else None
        parts = (self.voice, ears, self.microphone, *self.players.values())
        return [part.close for part in parts if part is not None]


@dataclass(frozen=True, slots=True)
class Flushed:
    """All sound that was to be heard after `time_s` is not to be heard."""

    time_s: float


class SoundTap:
    """Takes the voice's sound for somebody else to play, such as a page. A player."""

    latency_s = 0.0

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[AudioChunk | Flushed | None] = asyncio.Queue()

    def play(self, chunk: AudioChunk) -> None:
        if self._waiting.qsize() * chunk.duration_s < MAX_AHEAD_S:
            self._waiting.put_nowait(chunk)

    def flush(self, time_s: float) -> None:
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(Flushed(time_s))

    async def close(self) -> None:
        self._waiting.put_nowait(None)

    async def sound(self) -> AsyncGenerator[AudioChunk | Flushed]:
        """Yield what is to be played, and `Flushed` where it is to fall silent at once."""
        while (item := await self._waiting.get()) is not None:
            yield item


class Speech:
    """All speech of one session. Its methods that take or change something return at once."""

    def __init__(
        self,
        parts: SpeechParts,
        sinks: Iterable[Sink],
        clock: SessionClock,
        emit: Emit,
        tell: Callable[[Utterance], None],
    ) -> None:
        self._parts = parts
        self._clock = clock
        self._emit = emit
        self._recorders = [sink for sink in sinks if isinstance(sink, Player)]
        players = [*parts.players.values(), *self._recorders]
        self._speaker = Speaker(parts.voice, players, (parts.settings, parts.floor), clock, emit)
        self._listener: Listener | None = None
        if parts.ears is not None:
            rules = (parts.settings, parts.segments)
            self._listener = Listener(parts.ears, rules, clock, self._speaker, emit, tell)
        self._stamps: dict[str, Stamps] = {}

    # What people and programs do.

    @property
    def has_voice(self) -> bool:
        return self._parts.voice is not None

    @property
    def voice(self) -> Voice | None:
        """The voice as the settings have it, whatever speaks now."""
        return self._parts.voice

    @property
    def has_ears(self) -> bool:
        return self._parts.ears is not None

    @property
    def is_speaking(self) -> bool:
        return self._speaker.is_speaking

    @property
    def spoken_tick(self) -> int | None:
        """The tick whose words are being said now."""
        return self._speaker.spoken_tick

    def take_sound(self, samples_N: Samples, rate_hz: int, stream: str = MICROPHONE) -> None:
        """Take the next of what a user's microphone hears: mono samples in [-1, 1], any rate.

        They are stamped as they come; sound that comes in bursts stays seamless.
        """
        stamps = self._stamps.setdefault(stream, Stamps())
        start_s = stamps.stamp(self._clock.now_s(), len(samples_N) / rate_hz)
        self._hear(AudioChunk(stream, start_s, rate_hz, samples_N))

    def hold_key(self, *, is_down: bool, stream: str = MICROPHONE) -> None:
        """Push to talk: everything between down and up is one utterance. Stops the voice."""
        if self._listener is not None:
            self._listener.hold_key(stream, is_down=is_down)

    def mute(self, *, is_muted: bool) -> None:
        """Show captions alone, or speak again."""
        self._speaker.mute(is_muted=is_muted)

    def change_voice(self, voice: Voice) -> None:
        """Speak with another from the next sentence on: one that `changed` made of ours."""
        self._speaker.change_voice(voice)

    def stop_speaking(self) -> None:
        """Be still now, with all that waits to be said."""
        self._speaker.stop()

    def tell_time_by(self, time_of_day: Callable[[], time]) -> None:
        """Take another clock for quiet hours than this machine's local time."""
        self._speaker.time_of_day = time_of_day

    def tap(self) -> SoundTap:
        """Take the voice's sound from now on, until `untap`."""
        tap = SoundTap()
        self._speaker.add_player(tap)
        return tap

    def untap(self, tap: SoundTap) -> None:
        """Take no more."""
        self._speaker.remove_player(tap)

    # What the session does.

    def open(self, stack: AsyncExitStack) -> None:
        """Have every part closed with the session."""
        for close in self._parts.closing():
            stack.push_async_callback(close)  # type: ignore[arg-type]

    def start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Speak and listen, as tasks of `group`."""
        runs = [self._speaker.run] if self.has_voice else []
        if self._listener is not None:
            runs.append(self._listener.run)
        if self._parts.microphone is not None:
            runs.append(self._follow_microphone)
        return [group.create_task(run()) for run in runs]

    def overhear(self, chunk: AudioChunk) -> None:
        """Take the sound that belongs to a stream of pictures."""
        for recorder in self._recorders:
            recorder.play(chunk)
        if self._listener is not None:
            self._listener.put(chunk, "scene")

    def take_cuts(self) -> tuple[CutShort, ...]:
        """Give, once, which lines were not heard to their end."""
        return self._speaker.take_cuts()

    async def take(self, event: Event) -> None:
        """Take note of what the line does."""
        await self._speaker.take(event)

    async def finish(self) -> None:
        """Say and understand what is left, for a while."""
        if self._listener is not None:
            await self._listener.finish()
        await self._speaker.finish()

    def _hear(self, chunk: AudioChunk) -> None:
        for recorder in self._recorders:
            recorder.play(chunk)
        if self._listener is not None:
            self._listener.put(chunk, "user")

    async def _follow_microphone(self) -> None:
        """Listen to this machine's microphone until it ends. The session goes on without it."""
        microphone = self._parts.microphone
        if microphone is None:
            return
        with self._clock.follower() as clock:
            try:
                async for media in microphone.frames(MICROPHONE, clock):
                    if isinstance(media, AudioChunk):
                        self._hear(media)
            except SourceFailed as error:
                await self._emit(
                    Failed(
                        time_s=clock.now_s(), stream=MICROPHONE, part="microphone", error=str(error)
                    )
                )
            ended = StreamHealth(time_s=clock.now_s(), stream=MICROPHONE, state="ended")
        await self._emit(ended)
