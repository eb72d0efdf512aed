"""Who may speak, and what is spoken when: rules alone, without sound, clock or tasks.

`step` takes what happened and says what to do about it. Whoever drives it carries the decisions
out in their order, so that there is never more than one voice.

An alert interrupts everything but an alert; a reply interrupts commentary; commentary nothing.
Alerts wait in order, of the others only the newest, and none longer than it is worth hearing.
Every line is shown as a caption, whether it is spoken or not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import time
from typing import Literal

from onlooker.core.event import LineKind

Kind = LineKind
Hush = Literal["none", "quiet", "mute"]  # quiet: alerts alone, if at all; mute: captions alone
StopReason = Literal["barge_in", "interrupted", "quiet", "mute", "stopped", "too_long"]
DropReason = Literal["stale", "superseded", "quiet", "mute", "stopped", "barge_in", "full"]

_RANK: dict[Kind, int] = {"commentary": 0, "reply": 1, "alert": 2}
_LETTERS_PER_S = 15.0  # of speech whose end is not known yet


@dataclass(frozen=True, slots=True)
class FloorSettings:
    """When to speak, and when to let others."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012

    is_full_duplex: bool = False
    """the microphone has echo cancellation: the user may interrupt by voice, else by key alone"""
    echo_tail_s: float = 0.3
    """seconds after our voice that a microphone without echo cancellation still hears it"""
    commentary_stale_s: float = 1.5
    """seconds after which commentary that could not be spoken is dropped"""
    reply_stale_s: float = 8.0
    """seconds after which an answer that could not be spoken is dropped"""
    alert_stale_s: float = 30.0
    """seconds after which an alert that could not be spoken is dropped"""
    alert_patience_s: float = 1.0
    """seconds that an alert lets the user finish, then it speaks over them"""
    max_alerts: int = 8
    """alerts that wait; beyond it the oldest is dropped"""
    max_line_s: float = 60.0
    """seconds that one line may take to be spoken; a voice that hangs is stopped after it"""
    max_user_s: float = 30.0
    """seconds after which somebody who never stops speaking no longer holds us back"""
    alerts_when_quiet: bool = True
    """speak alerts in quiet hours"""

    def __post_init__(self) -> None:
        for name in ("commentary_stale_s", "reply_stale_s", "alert_stale_s", "max_line_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)} must be above 0")
        if self.max_alerts < 1:
            raise ValueError(f"max_alerts={self.max_alerts} must be at least 1")


@dataclass(frozen=True, slots=True)
class Line:
    """Something to be said. Its text may still grow while it is spoken."""

    id: str
    kind: Kind
    offered_s: float  # session time
    text: str = ""


# What happens.


@dataclass(frozen=True, slots=True)
class Offered:
    """There is something to say."""

    line: Line

    @property
    def time_s(self) -> float:
        return self.line.offered_s


@dataclass(frozen=True, slots=True)
class Ended:
    """A line was played to its end, or its voice failed."""

    line_id: str
    time_s: float


@dataclass(frozen=True, slots=True)
class UserStarted:
    """Somebody speaks into the microphone, or holds the key to speak."""

    time_s: float
    by_key: bool = False


@dataclass(frozen=True, slots=True)
class UserEnded:
    """They have finished."""

    time_s: float


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Be still: what is spoken stops and what waits is dropped, alerts included."""

    time_s: float


@dataclass(frozen=True, slots=True)
class Hushed:
    """Quiet hours began or ended, or somebody muted the voice."""

    hush: Hush
    time_s: float


@dataclass(frozen=True, slots=True)
class Passed:
    """Time went by; due at `due_s`."""

    time_s: float


Happening = Offered | Ended | UserStarted | UserEnded | StopAsked | Hushed | Passed


# What is to be done.


@dataclass(frozen=True, slots=True)
class Caption:
    """Show the line."""

    line: Line


@dataclass(frozen=True, slots=True)
class Start:
    """Speak the line."""

    line: Line


@dataclass(frozen=True, slots=True)
class Stop:
    """Silence the line now, with all sound of it that waits to be played."""

    line_id: str
    reason: StopReason


@dataclass(frozen=True, slots=True)
class Drop:
    """The line will not be spoken."""

    line_id: str
    reason: DropReason


Ruling = Caption | Start | Stop | Drop


@dataclass(frozen=True, slots=True)
class Floor:
    """Who speaks and who waits."""

    speaking: Line | None = None
    since_s: float = 0.0  # when that line started
    silent_since_s: float = -math.inf  # when the last line stopped
    waiting: tuple[Line, ...] = ()  # at most one of a kind, but several alerts; oldest first
    user_since_s: float | None = None  # since when the user speaks
    hush: Hush = "none"

    def is_listening(self, settings: FloorSettings, time_s: float) -> bool:
        """Whether the microphone may be believed, or would hear ourselves."""
        if settings.is_full_duplex:
            return True
        return self.speaking is None and time_s >= self.silent_since_s + settings.echo_tail_s


@dataclass(frozen=True, slots=True)
class Ruled:
    """How things stand, and what is to be done, in this order."""

    floor: Floor
    rulings: tuple[Ruling, ...] = ()


def step(floor: Floor, happening: Happening, settings: FloorSettings) -> Ruled:
    """Rule on what happened."""
    ruled = _take(floor, happening, settings)
    for rule in (_end_user, _drop_stale, _obey_hush, _stop_too_long, _start_next):
        further = rule(ruled.floor, happening.time_s, settings)
        ruled = Ruled(further.floor, ruled.rulings + further.rulings)
    return ruled


def due_s(floor: Floor, settings: FloorSettings) -> float:
    """Say when time alone changes something; infinity if never."""
    times_s = [_stale_s(line, settings) for line in floor.waiting]
    if floor.speaking:
        times_s.append(floor.since_s + settings.max_line_s)
    if floor.user_since_s is not None:
        times_s.append(floor.user_since_s + settings.max_user_s)
        times_s += [
            line.offered_s + settings.alert_patience_s
            for line in floor.waiting
            if line.kind == "alert" and not (floor.speaking and floor.speaking.kind == "alert")
        ]
    return min(times_s, default=math.inf)


def is_quiet(now: time, start: time, end: time) -> bool:
    """Say whether a time of day lies in quiet hours, which may pass midnight."""
    if start <= end:
        return start <= now < end
    return now >= start or now < end


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text, and the sound of it so far."""

    text: str
    duration_s: float
    is_whole: bool = True  # all its sound is made


def heard(pieces: Sequence[Piece], played_s: float) -> str:
    """Say which words had been heard when the voice was cut: whole words alone.

    Within a piece, time is shared out by letters, a pause between words counting as one.
    """
    words: list[str] = []
    left_s = played_s
    for piece in pieces:
        spoken = piece.text.split()
        guessed_s = 0.0 if piece.is_whole else len(piece.text) / _LETTERS_PER_S
        length_s = max(piece.duration_s, guessed_s)
        if piece.is_whole and left_s >= length_s:
            words += spoken
            left_s -= length_s
            continue
        words += _heard_of(spoken, left_s / length_s if length_s else 0.0)
        break
    return " ".join(words)


def _heard_of(words: Sequence[str], share: float) -> list[str]:
    total = sum(len(word) + 1 for word in words)
    reached, kept = 0, list[str]()
    for word in words:
        reached += len(word) + 1
        if reached > share * total:
            break
        kept.append(word)
    return kept


def _take(floor: Floor, happening: Happening, settings: FloorSettings) -> Ruled:
    ruled = Ruled(floor)
    match happening:
        case Offered(line):
            ruled = _offer(floor, line, settings)
        case Ended(line_id, time_s):
            if floor.speaking and floor.speaking.id == line_id:
                ruled = Ruled(replace(floor, speaking=None, silent_since_s=time_s))
        case UserStarted(time_s, by_key):
            # Otherwise it is our own echo.
            if by_key or floor.is_listening(settings, time_s):
                alerts = tuple(line for line in floor.waiting if line.kind == "alert")
                ruled = _silence(floor, time_s, "barge_in", alerts)
                ruled = replace(ruled, floor=replace(ruled.floor, user_since_s=time_s))
        case UserEnded():
            ruled = Ruled(replace(floor, user_since_s=None))
        case StopAsked(time_s):
            ruled = _silence(floor, time_s, "stopped", ())
        case Hushed(hush, _):
            ruled = Ruled(replace(floor, hush=hush))
        case Passed():
            pass
    return ruled


def _offer(floor: Floor, line: Line, settings: FloorSettings) -> Ruled:
    """Show the line and let it wait; of its kind, only alerts are many."""
    same = [other for other in floor.waiting if other.kind == line.kind]
    reason: DropReason = "superseded"
    if line.kind == "alert":
        same, reason = same[: max(0, len(same) + 1 - settings.max_alerts)], "full"
    waiting = (*(other for other in floor.waiting if other not in same), line)
    drops = [Drop(other.id, reason) for other in same]
    return Ruled(replace(floor, waiting=waiting), (Caption(line), *drops))


def _silence(
    floor: Floor,
    time_s: float,
    reason: Literal["barge_in", "stopped"],
    kept: tuple[Line, ...],
) -> Ruled:
    rulings: list[Ruling] = []
    if floor.speaking:
        rulings.append(Stop(floor.speaking.id, reason))
        floor = replace(floor, speaking=None, silent_since_s=time_s)
    rulings += [Drop(line.id, reason) for line in floor.waiting if line not in kept]
    return Ruled(replace(floor, waiting=kept), tuple(rulings))


def _end_user(floor: Floor, time_s: float, settings: FloorSettings) -> Ruled:
    since_s = floor.user_since_s
    is_over = since_s is not None and time_s >= since_s + settings.max_user_s
    return Ruled(replace(floor, user_since_s=None) if is_over else floor)


def _drop_stale(floor: Floor, time_s: float, settings: FloorSettings) -> Ruled:
    stale = [line for line in floor.waiting if time_s >= _stale_s(line, settings)]
    waiting = tuple(line for line in floor.waiting if line not in stale)
    return Ruled(replace(floor, waiting=waiting), tuple(Drop(line.id, "stale") for line in stale))


def _obey_hush(floor: Floor, time_s: float, settings: FloorSettings) -> Ruled:
    hush = floor.hush
    if hush == "none":
        return Ruled(floor)

    def is_allowed(line: Line) -> bool:
        return hush == "quiet" and line.kind == "alert" and settings.alerts_when_quiet

    rulings: list[Ruling] = []
    if floor.speaking and not is_allowed(floor.speaking):
        rulings.append(Stop(floor.speaking.id, hush))
        floor = replace(floor, speaking=None, silent_since_s=time_s)
    rulings += [Drop(line.id, hush) for line in floor.waiting if not is_allowed(line)]
    waiting = tuple(filter(is_allowed, floor.waiting))
    return Ruled(replace(floor, waiting=waiting), tuple(rulings))


def _stop_too_long(floor: Floor, time_s: float, settings: FloorSettings) -> Ruled:
    line = floor.speaking
    if line is None or time_s < floor.since_s + settings.max_line_s:
        return Ruled(floor)
    return Ruled(replace(floor, speaking=None, silent_since_s=time_s), (Stop(line.id, "too_long"),))


def _start_next(floor: Floor, time_s: float, settings: FloorSettings) -> Ruled:
    if not floor.waiting:
        return Ruled(floor)
    line = max(floor.waiting, key=lambda other: _RANK[other.kind])  # the oldest of the highest
    if floor.speaking and _RANK[floor.speaking.kind] >= _RANK[line.kind]:
        return Ruled(floor)
    is_patient = line.kind != "alert" or time_s < line.offered_s + settings.alert_patience_s
    if floor.user_since_s is not None and is_patient:
        return Ruled(floor)
    stops = (Stop(floor.speaking.id, "interrupted"),) if floor.speaking else ()
    started = replace(
        floor,
        speaking=line,
        since_s=time_s,
        waiting=tuple(other for other in floor.waiting if other != line),
        # While we speak, a microphone without echo cancellation cannot tell when they end.
        user_since_s=floor.user_since_s if settings.is_full_duplex else None,
    )
    return Ruled(started, (*stops, Start(line)))


def _stale_s(line: Line, settings: FloorSettings) -> float:
    match line.kind:
        case "commentary":
            return line.offered_s + settings.commentary_stale_s
        case "reply":
            return line.offered_s + settings.reply_stale_s
        case "alert":
            return line.offered_s + settings.alert_stale_s
