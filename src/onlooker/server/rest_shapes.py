"""What the REST routes take and give. Secrets and addresses of cameras are in none of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path as PathParam
from pydantic import BaseModel, Field

from onlooker.core.moment import Delivery
from onlooker.core.prompt import Persona
from onlooker.core.wire import to_json
from onlooker.plugins.source.address import shown
from onlooker.server.held import CAMERA, Held
from onlooker.server.labels import Label
from onlooker.server.log import Logged
from onlooker.server.zones import MAX_ZONES, Zone

SessionId = Annotated[str, PathParam(pattern=r"^[\w-]{1,64}$")]
Name = Annotated[str, Field(pattern=r"^[\w.\- ]+$", min_length=1, max_length=64)]
PathName = Annotated[str, PathParam(pattern=r"^[\w\-][\w.\- ]*$", max_length=64)]  # no dots first
Text = Annotated[str, Field(min_length=1, max_length=4000, pattern=r"\S")]
Tick = Annotated[int, PathParam(ge=0, le=2**53)]
Number = Annotated[int, PathParam(ge=0, le=2**53)]


class _Body(BaseModel, frozen=True, extra="forbid"):
    """A shape of ours: what it does not know is a misspelling."""


class OpenSession(_Body, frozen=True):
    """What a new session is to be."""

    name: Annotated[str, Field(max_length=64, pattern=r"^[\w.\- ]*$")] = ""
    instructions: tuple[Text, ...] = Field(default=(), max_length=32)
    streams: dict[Name, Annotated[str, Field(max_length=2000)]] = Field(
        default={}, max_length=16, description="cameras to watch: name -> address"
    )
    persona: Persona | None = None
    record: bool | None = Field(default=None, description="none: as the server is set")
    zones: tuple[Zone, ...] = Field(default=(), max_length=MAX_ZONES)


class ChangeSession(_Body, frozen=True):
    """What is to be changed; what is left out stays."""

    persona: Persona | None = None
    paused: bool | None = None
    voice: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="an id of GET /v1/voices"
    )
    speed: Annotated[float, Field(ge=0.1, le=10, allow_inf_nan=False)] | None = Field(
        default=None, description="1: as the voice speaks by itself"
    )


class AddStream(_Body, frozen=True):
    """A camera by its address; without one, a stream whose pictures are pushed."""

    stream: Name = CAMERA
    address: Annotated[str, Field(min_length=1, max_length=2000)] | None = None


class GiveInstruction(_Body, frozen=True):
    """A standing instruction."""

    text: Text
    id: Name | None = Field(default=None, description="of one to replace, or for a new one")


class ChangeInstruction(_Body, frozen=True):
    """What becomes of an instruction."""

    text: Text | None = None
    state: Literal["standing", "paused"] | None = None


class Words(_Body, frozen=True):
    """Something said or asked."""

    text: Text


class GiveLabel(_Body, frozen=True):
    """A person's judgement of a second."""

    label: Label
    note: Annotated[str, Field(max_length=1000)] = ""


class SetZones(_Body, frozen=True):
    """All zones of a session."""

    zones: tuple[Zone, ...] = Field(max_length=MAX_ZONES)


class Deliver(_Body, frozen=True):
    """How an answer is to be told."""

    delivery: Delivery


class Forget(_Body, frozen=True):
    """What to forget; what is given narrows it. Times are wall times, seconds since 1970."""

    topic: Annotated[str, Field(max_length=400)] = ""
    stream: Name | None = None
    since_s: Annotated[float, Field(ge=0, le=1e11)] | None = None
    until_s: Annotated[float, Field(ge=0, le=1e11)] | None = None


def session_json(held: Held) -> dict[str, Any]:
    """Describe a session."""
    session = held.session
    return {
        "id": held.id,
        "name": held.name,
        "kind": held.kind,
        "is_open": held.is_open,
        "opened": held.opened.isoformat(timespec="seconds"),
        "now_s": round(session.now_s, 3),
        "persona": held.persona,
        "voice": held.voice,
        "speed": held.speed,
        "paused": held.wants_pause,
        "resting": session.is_paused and not held.wants_pause,
        "recording": held.recording.name if held.recording else None,
        "streams": [stream_json(held, stream) for stream in session.streams],
        "instructions": [vars_of(known) for known in session.instructions],
        "first_seq": held.log.first_seq,
        "last_seq": held.log.last_seq,
        "num_readers": held.num_readers,
        "error": held.error or None,
    }


def stream_json(held: Held, stream: str) -> dict[str, Any]:
    """Describe a stream and how it is. Of an address nothing secret is shown."""
    health, pushed = held.kept.health.get(stream), held.pushed.get(stream)
    address = held.addresses.get(stream)
    return {
        "stream": stream,
        "address": shown(address) if address else None,
        "state": health.state if health else "waiting",
        "detail": health.detail if health else "",
        "num_received": pushed.num_received if pushed else None,
        "num_dropped": pushed.num_dropped if pushed else None,
        "num_bad": pushed.num_bad if pushed else None,
    }


def event_json(logged: Logged) -> dict[str, Any]:
    """Write a numbered event."""
    return {"seq": logged.seq, **to_json(logged.event)}


def vars_of(thing: Any) -> dict[str, Any]:
    """Write the fields of a small frozen dataclass."""
    return {name: getattr(thing, name) for name in thing.__dataclass_fields__}
