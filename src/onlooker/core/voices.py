"""How a voice can be made to sound otherwise: what it offers, and the one that was chosen.

A voice plug-in need not be able to; one that is has the two methods of `Changeable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from onlooker.core.errors import BadSettings
from onlooker.core.ports import Voice

MAX_NAMED = 12  # voices in a message


@dataclass(frozen=True, slots=True)
class OfferedVoice:
    """One that can be chosen."""

    id: str
    name: str  # for people
    language: str = ""  # such as "en-us"; empty: whatever it is given


@dataclass(frozen=True, slots=True)
class VoiceOffer:
    """What can be chosen, and what is."""

    voices: tuple[OfferedVoice, ...]
    voice: str  # the id of the one that speaks
    speed: float = 1.0  # 1: as the voice speaks by itself; 2: twice as fast
    slowest: float = 1.0
    fastest: float = 1.0


@runtime_checkable
class Changeable(Protocol):
    """A voice that can sound otherwise."""

    def offer(self) -> VoiceOffer:
        """Say what can be chosen. Blocks for a moment: call it from a thread."""
        ...

    def another(self, voice: str, speed: float) -> Voice:
        """Give a voice that is of this offer. It lives on what this one owns, and ends with it."""
        ...


def offer_of(voice: Voice) -> VoiceOffer:
    """Say what a voice offers; one that cannot be changed offers itself alone. Blocks."""
    if isinstance(voice, Changeable):
        return voice.offer()
    name, languages = voice.traits.name, voice.traits.languages
    return VoiceOffer((OfferedVoice(name, name, languages[0] if languages else ""),), name)


def changed(voice: Voice, wanted: str | None, speed: float | None) -> Voice:
    """Give the voice as it is wanted; None: as it is. Blocks for a moment: call it from a thread.

    Raises:
        BadSettings: it does not offer that; the message says what it offers.
    """
    offer = offer_of(voice)
    wanted = offer.voice if wanted is None else wanted
    speed = offer.speed if speed is None else speed
    known = [one.id for one in offer.voices]
    if wanted not in known:
        more = f" and {len(known) - MAX_NAMED} more" if len(known) > MAX_NAMED else ""
        raise BadSettings(
            f"the voice {voice.traits.name!r} cannot sound like {wanted[:80]!r}; "
            f"it offers {', '.join(known[:MAX_NAMED])}{more}"
        )
    if not offer.slowest <= speed <= offer.fastest:
        raise BadSettings(
            f"the voice {voice.traits.name!r} does not speak at {speed:g} of its speed: "
            f"expected {offer.slowest:g} to {offer.fastest:g}"
        )
    if not isinstance(voice, Changeable) or (wanted, speed) == (offer.voice, offer.speed):
        return voice
    return voice.another(wanted, speed)
