"""A session that the hub holds: what clients push into it, ask of it and read from it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Literal

import numpy as np
import numpy.typing as npt

from onlooker.core.errors import BadSettings
from onlooker.core.event import Closed, Event
from onlooker.core.media import AudioChunk
from onlooker.core.moment import Delivery, Instruction, InstructionState
from onlooker.core.ports import Source
from onlooker.core.prompt import Persona
from onlooker.core.voices import changed
from onlooker.live.session import Session
from onlooker.server.log import EventLog, Logged, Missed
from onlooker.server.push import PictureLimits, PushSource
from onlooker.server.record import Kept
from onlooker.server.zones import Zones

SessionKind = Literal["live", "chat"]
SourceOf = Callable[[str], Awaitable[Source]]  # an address, checked and built

CAMERA = "camera"  # the stream whose name a client need not say


@dataclass(repr=False)  # it holds what people said
class Held:
    """One session, with everything that clients may do to it. Made by `Hub.open` alone."""

    session: Session
    kind: SessionKind
    owner: str  # who opened it, see auth.py
    name: str  # what its owner calls it; may be empty
    log: EventLog
    kept: Kept
    zones: Zones
    limits: PictureLimits
    max_streams: int
    source_of: SourceOf
    recording: Path | None = None
    persona: Persona = "default"
    resume_token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    opened: datetime = field(default_factory=lambda: datetime.now(UTC))
    pushed: dict[str, PushSource] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict, repr=False)  # of cameras, as named
    wants_pause: bool = False
    voice: str | None = None  # that was chosen; None: as the settings have it
    speed: float | None = None  # likewise
    contact_s: float = field(default_factory=monotonic)  # when anybody was last in touch
    input_s: float = field(default_factory=monotonic)  # when anything last came in
    closed: Closed | None = None
    error: str = ""  # of a bug that ended it
    _changed: Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def id(self) -> str:
        return self.session.id

    @property
    def is_open(self) -> bool:
        return not self.log.is_closed

    @property
    def num_readers(self) -> int:
        return self.log.num_readers

    # What comes in.

    def push_picture(self, image: bytes, stream: str = CAMERA, time_s: float | None = None) -> None:
        """Take an encoded picture; a new name is a new stream. The newest wins.

        Raises:
            BadPicture: it is too large. BadSettings: too many streams, or a camera of this name.
        """
        self._pushed(stream).push_picture(image, time_s)
        self.touch(is_input=True)

    def push_pixels(
        self, pixels_HWC: npt.NDArray[np.uint8], stream: str = CAMERA, time_s: float | None = None
    ) -> None:
        """Take a decoded picture: uint8 RGB (height, width, 3)."""
        self._pushed(stream).push_pixels(pixels_HWC, time_s)
        self.touch(is_input=True)

    def push_sound(
        self, samples_N: npt.NDArray[np.float32], rate_hz: int, stream: str = CAMERA
    ) -> None:
        """Take mono samples in [-1, 1] that have just been heard."""
        start_s = max(0.0, self.session.now_s - len(samples_N) / rate_hz)
        self._pushed(stream).push_sound(AudioChunk(stream, start_s, rate_hz, samples_N))
        self.touch(is_input=True)

    def say(self, text: str) -> None:
        """Take words of the user: a question or a remark."""
        self.session.hear(text)
        self.touch(is_input=True)

    def instruct(self, text: str, instruction_id: str | None = None) -> Instruction:
        """Add a standing instruction, or replace the one of this id."""
        instruction = self.session.instruct(text, instruction_id)
        self.touch(is_input=True)
        self._changed()
        return instruction

    def set_instruction(self, instruction_id: str, state: InstructionState) -> Instruction:
        """Pause an instruction, let it stand again, or remove it."""
        instruction = self.session.set_instruction(instruction_id, state)
        self.touch(is_input=True)
        self._changed()
        return instruction

    def set_persona(self, persona: Persona) -> None:
        """Choose how much is said unasked, from the next second on."""
        self.persona = persona
        self.session.set_persona(persona)
        self.touch()
        self._changed()

    async def speak_as(self, voice: str | None, speed: float | None) -> None:
        """Choose how it sounds, from the next sentence on; None: as before.

        Raises:
            BadSettings: there is no voice, or it does not offer that.
        """
        speech = self.session.speech
        if speech.voice is None:
            raise BadSettings("nothing here speaks: start the server with --voice")
        voice = self.voice if voice is None else voice
        speed = self.speed if speed is None else speed
        speech.change_voice(await asyncio.to_thread(changed, speech.voice, voice, speed))
        self.voice, self.speed = voice, speed
        self.touch()
        self._changed()

    def pause(self) -> None:
        """Watch no more until `resume`."""
        self.wants_pause = True
        self.session.pause()
        self.touch()

    def resume(self) -> None:
        """Go on watching."""
        self.wants_pause = False
        self.touch(is_input=True)

    def cancel_task(self, task_id: str) -> None:
        """Withdraw a question from the brain."""
        self.session.cancel_task(task_id)
        self.touch()

    def deliver_task(self, task_id: str, delivery: Delivery) -> None:
        """Choose how the answer to a pending question is told."""
        self.session.deliver_task(task_id, delivery)
        self.touch()

    # Streams.

    async def add_camera(self, stream: str, address: str) -> None:
        """Watch a camera by its address, if the settings allow it.

        Raises:
            SourceRefused, BadSettings, UnknownPlugin: a sentence that says why not.
        """
        self._refuse_more_streams(stream)
        source = await self.source_of(address)
        self.session.add_stream(stream, source)
        self.addresses[stream] = address
        self.touch(is_input=True)
        self._changed()

    def add_pushed(self, stream: str) -> PushSource:
        """Open a stream whose pictures a client will push."""
        self._refuse_more_streams(stream)
        source = PushSource(self.limits)
        self.session.add_stream(stream, source)
        self.pushed[stream] = source
        self.touch(is_input=True)
        return source

    async def remove_stream(self, stream: str) -> None:
        """Watch a stream no longer.

        Raises:
            BadSettings: there is no such stream.
        """
        await self.session.remove_stream(stream)
        self.pushed.pop(stream, None)
        self.addresses.pop(stream, None)
        self.kept.health.pop(stream, None)
        self.touch()
        self._changed()

    # What goes out.

    async def subscribe(self, after_seq: int | None = None) -> AsyncGenerator[Logged | Missed]:
        """Yield events after `after_seq`, then those to come; see `EventLog.subscribe`."""
        self.touch()
        try:
            async for logged in self.log.subscribe(after_seq):
                yield logged
        finally:
            self.touch()

    def touch(self, *, is_input: bool = False) -> None:
        """Note that somebody is in touch; input wakes a session that had nothing to do."""
        self.contact_s = monotonic()
        if is_input:
            self.input_s = self.contact_s
            if self.session.is_paused and not self.wants_pause:
                self.session.resume()

    def rest_if_idle(self, pause_after_s: float) -> None:
        """Pause while nothing comes in: no model call is made for nobody."""
        is_fed = monotonic() - self.input_s < pause_after_s or self._has_playing_camera
        is_timed = self.num_readers > 0 and any(
            known.is_timed and known.state == "standing" for known in self.session.instructions
        )
        if not (is_fed or is_timed or self.session.tasks):
            self.session.pause()
        elif self.session.is_paused and not self.wants_pause:
            self.session.resume()

    def is_idle(self, idle_after_s: float) -> bool:
        """Whether nobody has been in touch for so long, and no camera plays."""
        is_silent = monotonic() - self.contact_s >= idle_after_s
        return is_silent and not self.num_readers and not self._has_playing_camera

    @property
    def num_frames_dropped(self) -> int:
        """Pushed pictures that gave way to newer ones."""
        return sum(source.num_dropped for source in self.pushed.values())

    @property
    def _has_playing_camera(self) -> bool:
        return any(
            stream not in self.kept.health or self.kept.health[stream].state != "ended"
            for stream in self.addresses
        )

    def _pushed(self, stream: str) -> PushSource:
        return self.pushed.get(stream) or self.add_pushed(stream)

    def _refuse_more_streams(self, stream: str) -> None:
        if len(self.session.streams) >= self.max_streams:
            raise BadSettings(
                f"the session has {len(self.session.streams)} streams, which is "
                f"server.max_streams: remove one before {stream!r}, or raise it"
            )


class LogSink:
    """Carries a session's events into its log, and to what is kept beside it."""

    def __init__(self, log: EventLog, kept: Kept, told: Callable[[Event], None]) -> None:
        self._log = log
        self._kept = kept
        self._told = told

    async def accept(self, event: Event) -> None:
        self._kept.take(event)
        self._log.append(event)
        self._told(event)

    async def close(self) -> None:
        await asyncio.sleep(0)
