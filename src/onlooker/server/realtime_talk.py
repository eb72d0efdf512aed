"""One realtime connection, whatever carries it: what its client asks for, and what it is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any

from onlooker.core.decision import Silent
from onlooker.core.errors import (
    BadSettings,
    OnlookerError,
    SourceRefused,
    UnknownPlugin,
    UnknownTask,
)
from onlooker.core.event import Decided, Failed, Observed, Skipped
from onlooker.server.auth import Forbidden
from onlooker.server.held import Held
from onlooker.server.hub import Hub
from onlooker.server.log import Logged, Missed
from onlooker.server.push import BadPicture
from onlooker.server.realtime_media import Allowance, CaptureClock, picture_of
from onlooker.server.realtime_narrator import STEP, Narrator, Wire, is_passing
from onlooker.server.realtime_session import (
    MESSAGES_PER_S,
    PICTURES_PER_S,
    Terms,
    change_session,
    session_wire,
)
from onlooker.server.realtime_sound import TalkSound
from onlooker.server.wire import (
    MAX_TEXT_CHARACTERS,
    AnyClientEvent,
    AudioAppend,
    AudioClear,
    AudioCommit,
    BadEvent,
    ImagePart,
    ItemCreate,
    ItemTruncate,
    Label,
    OutputClear,
    ResponseCancel,
    ResponseCreate,
    SessionClose,
    SessionUpdate,
    StreamAdd,
    StreamRemove,
    TaskCancel,
    TaskDeliver,
    TextPart,
    read_client_event,
)

Send = Callable[[Wire], Awaitable[None]]
Handler = Callable[[Any], Awaitable[None]]

LOOK_BACK = 256  # events of the session in which a response that is being told began
MAX_BEHIND = 64  # events, before a slow reader is spared what the next one replaces
MAX_WRONG = 100  # events in a row that are none
QUICK_CHARACTERS = 100_000  # of a picture that is read on the event loop, in about 0.1 ms
FRAMES_EVERY_S = 1.0

_OF_SOUND = ("output_audio_buffer.", "response.output_audio.")
_CODES: tuple[tuple[type[OnlookerError], str], ...] = (
    (BadPicture, "bad_image"),
    (UnknownTask, "unknown_task"),
    (SourceRefused, "refused_address"),
    (UnknownPlugin, "refused_address"),
    (Forbidden, "not_allowed"),
    (BadSettings, "too_many"),
)


class HangUp(OnlookerError):
    """The connection ends now; the session may go on."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass
class _Camera:
    """What this connection has sent of one stream."""

    clock: CaptureClock = field(default_factory=CaptureClock)
    allowance: Allowance = field(default_factory=lambda: Allowance(PICTURES_PER_S))
    num_too_fast: int = 0
    num_told: int = 0  # dropped pictures that were told of
    num_bad: int = 0
    told_s: float = 0.0


class Talk:
    """Carries one client's events into a session, and the session's events to the client."""

    def __init__(self, hub: Hub, held: Held, send: Send, terms: Terms) -> None:
        self.held = held
        self.terms = terms
        self._hub = hub
        self._send_wire = send
        self._sending = asyncio.Lock()
        self._numbers = count()
        self._allowance = Allowance(MESSAGES_PER_S)
        self._cameras: dict[str, _Camera] = {}
        self._num_wrong = 0
        self._tag = f"{int(held.opened.timestamp() * 1000) % 2**32:x}"
        self._sound = TalkSound(held, terms, self.tell, self._tag)
        self._drops: Counter[str] = Counter()
        self._owed_seq: int | None = None  # a response was asked for when this was the newest
        self._is_owed_now = False
        self._handlers: dict[type, Handler] = {
            SessionUpdate: self._update,
            ItemCreate: self._create_item,
            ResponseCreate: self._create_response,
            ResponseCancel: self._sound.be_still,
            AudioAppend: self._sound.append,
            AudioCommit: self._sound.commit,
            AudioClear: self._sound.clear,
            OutputClear: self._sound.be_still,
            ItemTruncate: self._sound.truncate,
            TaskCancel: self._cancel_task,
            TaskDeliver: self._deliver_task,
            Label: self._label,
            StreamAdd: self._add_stream,
            StreamRemove: self._remove_stream,
            SessionClose: self._close_session,
        }

    # What the client is told.

    async def follow(self) -> None:
        """Tell all that happens, until the session ends."""
        log = self.held.log
        after = log.last_seq * STEP + STEP - 1 if self.terms.after is None else self.terms.after
        first_seq = max(1, min(after // STEP, log.last_seq + 1))  # its event may be told in part
        num_missed = max(0, log.first_seq - first_seq)
        narrator = self._caught_up(first_seq)
        created = session_wire("session.created", self._hub, self.held, self.terms, num_missed)
        await self.tell(created)
        head_seq = log.last_seq
        async with aclosing(self.held.subscribe(first_seq - 1)) as entries:
            async for entry in entries:
                if isinstance(entry, Missed):
                    self._drops["new"] += entry.num
                    continue
                wires = narrator.tell(entry.seq, entry.event)
                behind = log.last_seq - max(entry.seq, head_seq)
                if behind > MAX_BEHIND and is_passing(entry.event):
                    self._drops["new"] += 1
                else:
                    await self._tell_all(wires, after)
                await self._pay(entry)
                if behind <= MAX_BEHIND and self._drops["new"]:
                    await self._tell_drops()

    async def tell(self, wire: Wire) -> None:
        """Send one event; those about the connection alone are numbered here."""
        if "event_id" not in wire:
            wire["event_id"] = f"event_c{next(self._numbers)}"
        kind: str = wire["type"]
        if self.terms.events == "standard" and kind.startswith("onlooker."):
            return
        if not self.terms.wants_sound and kind.startswith(_OF_SOUND):
            return
        async with self._sending:
            await self._send_wire(wire)

    async def sound(self) -> None:
        """Send the voice's sound, as soon as and as long as it is wanted."""
        await self._sound.send()

    async def say_goodbye(self, reason: str, *, is_resumable: bool) -> None:
        """Say that the connection is about to be closed."""
        goodbye = {"type": "onlooker.going_away", "reason": reason, "is_resumable": is_resumable}
        await self.tell(goodbye)

    def _caught_up(self, first_seq: int) -> Narrator:
        """Make a narrator that knows what was told before."""
        narrator = Narrator(self._tag, lambda: self.held.session.instructions)
        for logged in self.held.log.since(first_seq - LOOK_BACK):
            if logged.seq >= first_seq:
                break
            narrator.tell(logged.seq, logged.event)
        return narrator

    async def _tell_all(self, wires: list[Wire], after: int) -> None:
        for wire in wires:
            if wire["seq"] > after:
                await self.tell(wire)

    async def _tell_drops(self) -> None:
        new = self._drops.pop("new")
        self._drops["all"] += new
        await self.tell(
            {
                "type": "onlooker.dropped",
                "num_events": new,
                "num_events_total": self._drops["all"],
            }
        )

    async def _pay(self, entry: Logged) -> None:
        """Answer a client that asked for a response, if the next decision is to be silent."""
        match entry.event:
            case Observed() if self._owed_seq is not None and entry.seq > self._owed_seq:
                self._is_owed_now = True
            case Decided() | Failed(part="model") if self._is_owed_now:
                self._is_owed_now, self._owed_seq = False, None
                event = entry.event
                if isinstance(event, Decided) and not isinstance(event.decision, Silent):
                    return
                status = "failed" if isinstance(event, Failed) else "completed"
                for wire in _empty_response(event.tick, event.time_s, status):
                    await self.tell(wire)
            case Skipped() if self._is_owed_now:
                self._is_owed_now = False

    # What the client asks for.

    async def take(self, message: str | bytes) -> None:
        """Do what one message asks for, or say why not.

        Raises:
            HangUp: this client sends too much, or nothing that makes sense.
        """
        if self._allowance.take(monotonic()) == "refused":
            raise HangUp(4429, f"more than {MESSAGES_PER_S:g} messages a second")
        event: AnyClientEvent | None = None
        try:
            event = read_client_event(message)
            self._num_wrong = 0
            if not self.terms.may_act:
                raise Forbidden("your token is for looking on: this needs the role 'operator'")
            await self._handlers[type(event)](event)
        except BadEvent as bad:
            self._num_wrong += event is None
            bad.event_id = bad.event_id or (event.event_id if event else None)
            await self._tell_error(bad.code, str(bad), bad.param, bad.event_id)
        except OnlookerError as error:
            code = next((code for kind, code in _CODES if isinstance(error, kind)), "not_available")
            await self._tell_error(code, str(error), None, event.event_id if event else None)
        if self._num_wrong >= MAX_WRONG:
            raise HangUp(4400, f"{MAX_WRONG} messages in a row were no events")

    async def _tell_error(
        self, code: str, message: str, param: str | None, event_id: str | None
    ) -> None:
        error = {
            "type": "invalid_request_error",
            "code": code,
            "message": message,
            "param": param,
            "event_id": event_id,
        }
        await self.tell({"type": "error", "error": error})

    async def _update(self, event: SessionUpdate) -> None:
        given = event.session
        await change_session(self.held, given)
        ours = given.onlooker
        self.terms.events = (ours and ours.events) or self.terms.events
        self.terms.rate_hz = given.input_rate_hz or self.terms.rate_hz
        if given.has_turns_by_hand is not None:
            self.terms.has_turns_by_hand = given.has_turns_by_hand
        if given.output_modalities is not None:
            self._sound.want(is_wanted="audio" in given.output_modalities)
        await self.tell(session_wire("session.updated", self._hub, self.held, self.terms))

    async def _create_item(self, event: ItemCreate) -> None:
        words: list[str] = []
        for part in event.item.content:
            match part:
                case TextPart(text=text) if text.strip():
                    words.append(text)
                case ImagePart():
                    await self._take_picture(part)
        if not words:
            return
        text = "\n".join(words)[:MAX_TEXT_CHARACTERS]
        self.held.say(text)
        item = {
            "id": event.item.id or f"item_c{next(self._numbers)}",
            "object": "realtime.item",
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_text", "text": text}],
        }
        for name in ("conversation.item.added", "conversation.item.done"):
            await self.tell({"type": name, "previous_item_id": None, "item": item})

    async def _take_picture(self, part: ImagePart) -> None:
        note = part.onlooker
        camera = self._cameras.get(note.stream) or _Camera()
        now_s = self.held.session.now_s
        time_s = None
        if note.captured_ms is not None:
            time_s = camera.clock.session_time_s(note.captured_ms, now_s)
        if camera.allowance.take(monotonic()) == "refused":
            camera.num_too_fast += 1
        else:
            is_quick = len(part.image_url) < QUICK_CHARACTERS
            url = part.image_url
            image = picture_of(url) if is_quick else await asyncio.to_thread(picture_of, url)
            self.held.push_picture(image, note.stream, time_s)
        self._cameras[note.stream] = camera
        await self._tell_frames(note.stream, camera)

    async def _tell_frames(self, stream: str, camera: _Camera) -> None:
        """Say, about once a second, what became of pictures that went nowhere."""
        source = self.held.pushed.get(stream)
        if source is None or monotonic() - camera.told_s < FRAMES_EVERY_S:
            return
        if source.num_bad > camera.num_bad:
            camera.num_bad, camera.told_s = source.num_bad, monotonic()
            await self._tell_error("bad_image", source.last_error, "item.content", None)
        num_dropped = source.num_dropped + camera.num_too_fast
        if num_dropped > camera.num_told:
            camera.num_told, camera.told_s = num_dropped, monotonic()
            await self.tell(
                {
                    "type": "onlooker.frames",
                    "stream": stream,
                    "num_received": source.num_received + camera.num_too_fast,
                    "num_dropped": num_dropped,
                    "reason": "too_fast" if camera.num_too_fast else "newer",
                }
            )

    async def _create_response(self, event: ResponseCreate) -> None:
        if event.response and event.response.instructions:
            self.held.say(event.response.instructions)
        else:
            self.held.touch(is_input=True)
        self._owed_seq = self.held.log.last_seq
        self._is_owed_now = False

    async def _cancel_task(self, event: TaskCancel) -> None:
        self.held.cancel_task(event.task_id)

    async def _deliver_task(self, event: TaskDeliver) -> None:
        self.held.deliver_task(event.task_id, event.delivery)

    async def _label(self, event: Label) -> None:
        await self._hub.label(self.held, event.tick, event.label, event.note)
        await self.tell({"type": "onlooker.labelled", "tick": event.tick, "label": event.label})

    async def _add_stream(self, event: StreamAdd) -> None:
        if event.address is None:
            self.held.add_pushed(event.stream)
        else:
            await self.held.add_camera(event.stream, event.address)

    async def _remove_stream(self, event: StreamRemove) -> None:
        await self.held.remove_stream(event.stream)
        self._cameras.pop(event.stream, None)

    async def _close_session(self, event: SessionClose) -> None:
        self.held.session.stop("closed by its client")


def _empty_response(tick: int | None, time_s: float, status: str) -> list[Wire]:
    """A response that says nothing, for one who asked and is not answered now."""
    response = {
        "id": f"resp_none_{tick}",
        "object": "realtime.response",
        "status": "in_progress",
        "output": [],
        "output_modalities": ["text"],
        "metadata": {"trigger": "asked", "tick": str(tick), "time_s": f"{time_s:g}"},
    }
    done = response | {"status": status, "status_details": {"type": status}}
    return [
        {"type": "response.created", "response": response},
        {"type": "response.done", "response": done},
    ]
