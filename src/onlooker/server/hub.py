"""The sessions of a server: opened for visitors, held while anybody cares, resumed after a loss.

    hub = Hub(settings)
    async with hub.running():
        held = hub.open(Opening(owner=visitor.owner))        # `Held`: see held.py
        held.instruct("tell me when it boils")
        held.push_picture(jpeg)                              # stream "camera"; newest wins
        held.push_sound(samples_N, rate_hz, "microphone")
        held.say("what is that?")
        await held.add_camera("door", "rtsp://door.local/1") # under the allow-list
        async for entry in held.subscribe(after_seq):        # Logged(seq, event) | Missed(num)
            ...

What others may build on, beside the above:

- `hub.find(session_id, visitor)` gives a session that the visitor may see, or raises
  `UnknownSession`; `hub.sessions(visitor)` lists them; `hub.close(session_id, reason)` ends one.
- `held.log`: `last_seq`, `first_seq`, `since(after_seq)`, `num_readers`, `is_closed`. Sequence
  numbers grow by one with every event of the session, also over a restart of the server. Events
  are those of core/event.py; pictures in them have no bytes: `held.kept.pictures[id].jpeg` has,
  for the newest. A reader that is too slow gets `Missed(num)` and goes on at the oldest kept.
- `held.kept`: seconds, tasks, alerts, health by stream, pictures. `held.session`: the live one.
- `held.say`, `instruct`, `set_instruction`, `set_persona`, `pause`, `resume`, `cancel_task`,
  `deliver_task`, `add_camera`, `add_pushed`, `remove_stream`, `push_*`, `touch`.
- `held.resume_token` proves that a client had the session before; `held.num_frames_dropped`.
- `hub.label(held, tick, label, note)` keeps a person's judgement of a second, for training.
- A session lives on without any connection for `server.idle_after_s`, for ever if it watches a
  camera by its address; it decides on nothing while nothing comes in (`server.pause_after_s`).
- `hub.limits`: the `ServerSettings`. Sessions end, and are saved to be resumed, with the hub.
- `hub.spawn(coroutine)` runs a task beside the sessions that ends with the hub.

All of it belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from onlooker.config import Settings
from onlooker.core.clock import SessionClock, WallClock
from onlooker.core.errors import BadSettings, OnlookerError, SourceRefused
from onlooker.core.event import Event
from onlooker.core.ports import Model, Sink, Source, Voice
from onlooker.core.prompt import Persona
from onlooker.live.session import Session, Ticker
from onlooker.live.ticker import ticks
from onlooker.plugins.source.reach import Resolve, resolve
from onlooker.server import cameras
from onlooker.server.auth import Visitor
from onlooker.server.chat_session import MAX_FRAMES
from onlooker.server.held import Held, LogSink, SessionKind
from onlooker.server.labels import Label, keep_label
from onlooker.server.lent import Shared, recorder_of, share
from onlooker.server.log import EventLog
from onlooker.server.push import PictureLimits
from onlooker.server.record import Kept
from onlooker.server.recordings import write_about
from onlooker.server.resume import Saved, load_saved, save, saved_of
from onlooker.server.zones import Zone, Zones

REAP_EVERY_S = 1.0
SAVE_EVERY_S = 10.0
NUM_ENDED = 50  # sessions that are remembered after their end, for those who come late

log = logging.getLogger("onlooker.server")


class UnknownSession(OnlookerError, KeyError):
    """No session of this id is open to this visitor."""

    def __init__(self, session_id: str) -> None:
        self.message = (
            f"no session {session_id[:80]!r} is open to you: it has ended, or was never opened"
        )
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class TooManySessions(OnlookerError):
    """The server holds as many sessions as it may."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a new session is to be."""

    owner: str
    name: str = ""  # unique to its owner, if any
    kind: SessionKind = "live"
    persona: Persona | None = None
    record: bool | None = None  # None: as the settings say
    zones: tuple[Zone, ...] = ()
    clock: SessionClock | None = None  # None: the world's
    ticker: Ticker = ticks
    session_id: str | None = None
    last_seq: int = 0
    resume_token: str | None = None
    lasts: bool = True  # False: a question or two, of which nothing is remembered


class Hub:
    """Owns every live session of a server, and all that they share."""

    def __init__(self, settings: Settings, resolve: Resolve = resolve) -> None:
        self.settings = settings
        self.limits = settings.server
        self.counts: Counter[str] = Counter()  # opened, ended, broken, reaped, resumed
        self.is_draining = False
        self.watchers: list[Callable[[Held, Event], None]] = []  # told of every event
        self._resolve = resolve
        self._sessions: dict[str, Held] = {}
        self._ended: dict[str, Held] = {}
        self._shared: Shared | None = None
        self._group: asyncio.TaskGroup | None = None
        self._must_save = False

    # The life of it.

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Hub]:
        """Hold sessions while the body runs; those of the last time are resumed.

        Raises:
            BadSettings, UnknownPlugin: a sentence that says what to change.
        """
        async with AsyncExitStack() as stack:
            self._shared = await asyncio.to_thread(share, self.settings, stack)
            try:
                async with asyncio.TaskGroup() as group:
                    self._group = group
                    await self._restore()
                    reaper = group.create_task(self._reap())
                    try:
                        yield self
                    finally:
                        self.is_draining = True
                        reaper.cancel()
                        left = list(self._sessions.values())
                        for held in left:
                            held.session.stop("the server stops")
            finally:
                self._group = None
            await asyncio.to_thread(self._save, left, is_clean=True)

    @property
    def model_name(self) -> str:
        """What the model calls itself."""
        return self._shared.model.traits.name if self._shared else ""

    @property
    def model(self) -> Model:
        """The model that all sessions share.

        Raises:
            TooManySessions: the hub does not run.
        """
        if self._shared is None:
            raise TooManySessions("the server is starting: try again in a moment")
        return self._shared.model

    @property
    def voice(self) -> Voice | None:
        """The voice that all sessions share, if there is one."""
        return self._shared.speech.voice if self._shared else None

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a task that ends with the hub."""
        if self._group is None or self.is_draining:
            work.close()
            raise TooManySessions("the server is stopping: try again in a moment")
        return self._group.create_task(work)

    # Sessions.

    def open(self, opening: Opening) -> Held:
        """Open a session; it runs from now on.

        Raises:
            TooManySessions: the server is full or stopping. BadSettings: the parts do not fit.
        """
        if self._shared is None or self.is_draining:
            raise TooManySessions("the server is stopping: try again in a moment")
        if len(self._sessions) >= self.limits.max_sessions:
            raise TooManySessions(
                f"{len(self._sessions)} sessions are open, which is server.max_sessions: "
                f"close one, wait, or raise it"
            )
        held = self._make(opening, self._shared)
        self._sessions[held.id] = held
        self.spawn(self._run(held))
        self.counts["opened"] += 1
        log.info("session opened", extra={"session": held.id, "kind": held.kind})
        self._change()
        return held

    def find(self, session_id: str, visitor: Visitor) -> Held:
        """Give a session, also one that has just ended.

        Raises:
            UnknownSession: there is none, or the visitor may not see it.
        """
        held = self._sessions.get(session_id) or self._ended.get(session_id)
        if held is None or not visitor.may_see(held.owner):
            raise UnknownSession(session_id)
        return held

    def find_named(self, owner: str, kind: SessionKind, name: str) -> Held | None:
        """Give an owner's open session by its name."""
        for held in self._sessions.values():
            if (held.owner, held.kind, held.name) == (owner, kind, name) and held.is_open:
                return held
        return None

    def sessions(self, visitor: Visitor | None = None) -> list[Held]:
        """List the open sessions that a visitor may see; None: all."""
        return [
            held
            for held in self._sessions.values()
            if visitor is None or visitor.may_see(held.owner)
        ]

    async def close(self, session_id: str, reason: str) -> None:
        """End a session and wait until all of it is closed."""
        held = self._sessions.get(session_id)
        if held is None:
            return
        held.session.stop(reason)
        async for _ in held.log.subscribe(held.log.last_seq):
            pass

    # What is kept on disk.

    @property
    def recordings_folder(self) -> Path:
        return self.limits.folder / "recordings"

    async def label(self, held: Held, tick: int, label: Label, note: str = "") -> None:
        """Keep a person's judgement of a second."""
        await keep_label(self.limits.folder, held, tick, label, note)

    # Within.

    def _make(self, opening: Opening, shared: Shared) -> Held:
        session_id = opening.session_id or uuid4().hex[:12]
        limits = self.limits
        events, kept = EventLog(limits.max_events, opening.last_seq), Kept(limits.max_kept_bytes)
        zones = Zones(opening.zones)
        recording = None
        must_record = limits.record if opening.record is None else opening.record
        if must_record:
            began = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            recording = self.recordings_folder / f"{began}-{session_id}"
            write_about(recording, session_id, opening.owner, opening.name)

        def tell(event: Event) -> None:
            for watcher in self.watchers:
                watcher(held, event)

        sinks: dict[str, Sink] = {"log": LogSink(events, kept, tell)}
        if recording:
            sinks["recorder"] = recorder_of(self.settings, recording)
        live = self.settings.live
        if opening.kind == "chat":
            live = replace(live, frames_per_tick=max(live.frames_per_tick, MAX_FRAMES))
        persona = opening.persona or live.persona
        session = Session(
            shared.parts_for(session_id, zones, sinks, remembers=opening.lasts),
            replace(live, persona=persona),
            opening.clock or WallClock(),
            session_id=session_id,
            ticker=opening.ticker,
        )
        held = Held(
            session=session,
            kind=opening.kind,
            owner=opening.owner,
            name=opening.name,
            log=events,
            kept=kept,
            zones=zones,
            limits=PictureLimits(limits.max_picture_bytes, limits.max_picture_pixels),
            max_streams=limits.max_streams,
            source_of=self._source_of,
            recording=recording,
            persona=persona,
            _changed=self._change,
        )
        if opening.resume_token:
            held.resume_token = opening.resume_token
        return held

    async def _run(self, held: Held) -> None:
        """Run a session to its end. A bug in one is none of the others' business."""
        try:
            held.closed = await held.session.run()
            self.counts["ended"] += 1
            log.info("session ended", extra={"session": held.id, "reason": held.closed.reason})
        except Exception as error:
            held.error = "it broke: see the server's log"
            self.counts["broken"] += 1
            log.exception("session broke", extra={"session": held.id}, exc_info=error)
        finally:
            self._sessions.pop(held.id, None)
            self._ended[held.id] = held
            held.log.close()
            while len(self._ended) > NUM_ENDED:
                del self._ended[next(iter(self._ended))]
            self._change()

    async def _reap(self) -> None:
        saved_s = monotonic()
        while True:
            await asyncio.sleep(REAP_EVERY_S)
            for held in list(self._sessions.values()):
                is_chat = held.kind == "chat"
                limits = self.limits
                if held.is_idle(limits.chat_idle_after_s if is_chat else limits.idle_after_s):
                    self.counts["reaped"] += 1
                    held.session.stop("nobody was in touch any more")
                elif not is_chat:
                    held.rest_if_idle(limits.pause_after_s)
            if self._must_save or monotonic() - saved_s > SAVE_EVERY_S:
                self._must_save, saved_s = False, monotonic()
                await asyncio.to_thread(self._save, list(self._sessions.values()))

    async def _source_of(self, address: str) -> Source:
        return await cameras.source_of(self.settings, address, self._resolve)

    def _change(self) -> None:
        """Save soon what a restart must know."""
        if not self.is_draining:
            self._must_save = True

    def _save(self, sessions: Sequence[Held], *, is_clean: bool = False) -> None:
        saved = [saved_of(held) for held in sessions if held.kind == "live"]
        save(self.limits.folder, saved, is_clean=is_clean)

    async def _restore(self) -> None:
        for saved in await asyncio.to_thread(load_saved, self.limits.folder):
            try:
                held = self.open(
                    Opening(
                        owner=saved.owner,
                        name=saved.name,
                        persona=saved.persona,
                        record=saved.record,
                        zones=saved.zones,
                        session_id=saved.id,
                        last_seq=saved.last_seq,
                        resume_token=saved.resume_token,
                    )
                )
            except OnlookerError as error:
                log.warning("session not resumed: %s", error, extra={"session": saved.id})
                continue
            await self._restore_into(held, saved)
            self.counts["resumed"] += 1

    async def _restore_into(self, held: Held, saved: Saved) -> None:
        for instruction_id, text, state in saved.instructions:
            held.instruct(text, instruction_id)
            if state == "paused":
                held.set_instruction(instruction_id, "paused")
        for stream, address in saved.addresses.items():
            try:
                await held.add_camera(stream, address)
            except (BadSettings, SourceRefused, OnlookerError) as error:
                log.warning("stream not resumed: %s", error, extra={"session": held.id})
        if saved.voice is not None or saved.speed is not None:
            try:
                await held.speak_as(saved.voice, saved.speed)
            except BadSettings as error:  # another voice is set since
                log.warning("voice not resumed: %s", error, extra={"session": held.id})
        if saved.wants_pause:
            held.pause()
