"""Sessions across a restart: what must be known to take them up again, in one file.

Camera addresses may hold passwords, and a resume token is one: the file is the user's alone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ValidationError

from onlooker.core.moment import InstructionState
from onlooker.core.prompt import Persona
from onlooker.server.held import Held
from onlooker.server.zones import Zone

FILE = "sessions.json"
# After a crash: more than can have happened since the file was written, so that no number of an
# event is used twice.
UNCLEAN_JUMP = 100_000

log = logging.getLogger("onlooker.server")


class Saved(BaseModel, frozen=True, extra="forbid"):
    """One session."""

    id: str
    owner: str
    name: str = ""
    persona: Persona = "default"
    record: bool = False
    zones: tuple[Zone, ...] = ()
    last_seq: int = 0
    resume_token: str = ""
    instructions: tuple[tuple[str, str, InstructionState], ...] = ()
    addresses: dict[str, str] = {}
    wants_pause: bool = False
    voice: str | None = None
    speed: float | None = None


class _File(BaseModel, frozen=True, extra="forbid"):
    is_clean: bool  # written at the end, and not in between
    sessions: tuple[Saved, ...]


def saved_of(held: Held) -> Saved:
    """Note what must be known of a session."""
    return Saved(
        id=held.id,
        owner=held.owner,
        name=held.name,
        persona=held.persona,
        record=held.recording is not None,
        zones=held.zones.all,
        last_seq=held.log.last_seq,
        resume_token=held.resume_token,
        instructions=tuple(
            (known.id, known.text, known.state) for known in held.session.instructions
        ),
        addresses=dict(held.addresses),
        wants_pause=held.wants_pause,
        voice=held.voice,
        speed=held.speed,
    )


def save(folder: Path, sessions: Iterable[Saved], *, is_clean: bool) -> None:
    """Write the file as a whole or not at all. Blocks: call it from a thread."""
    written = _File(is_clean=is_clean, sessions=tuple(sessions)).model_dump_json()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f"{FILE}.new"
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123 - the mode is set as it is made
            file.write(written.encode())
        new.replace(folder / FILE)
    except OSError as error:
        log.warning("sessions cannot be saved for a restart: %s", error)


def load_saved(folder: Path) -> tuple[Saved, ...]:
    """Read the file; nothing, or nothing that can be read, is no session."""
    try:
        read = _File.model_validate_json((folder / FILE).read_bytes())
    except FileNotFoundError:
        return ()
    except (OSError, ValidationError) as error:
        log.warning("sessions of the last time cannot be read: %s", type(error).__name__)
        return ()
    jump = 0 if read.is_clean else UNCLEAN_JUMP
    return tuple(
        session.model_copy(update={"last_seq": session.last_seq + jump})
        for session in read.sessions
    )
