"""The session object of the realtime API: how a session is described and changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from onlooker.core.errors import BadSettings
from onlooker.live.speech import MICROPHONE
from onlooker.server.held import Held
from onlooker.server.hub import Hub
from onlooker.server.realtime_narrator import STEP, Wire
from onlooker.server.realtime_speech import OUTPUT_RATE_HZ
from onlooker.server.wire import (
    MAX_TEXT_CHARACTERS,
    BadEvent,
    GivenInstruction,
    GivenSession,
    Verbosity,
)

STOCK_INSTRUCTION = "session"  # the id of what a stock client calls its instructions
MESSAGES_PER_S = 200.0
PICTURES_PER_S = 10.0  # of one stream: each that is taken may be decoded
MAX_AUDIO_S = 10.0  # of one event
OPENAI_VOICES = frozenset(
    ("alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse")
)


@dataclass
class Terms:
    """What a connection wants, and may."""

    max_message_bytes: int
    events: Verbosity = "standard"
    may_act: bool = True
    after: int | None = None  # the realtime event after which to go on; None: the present
    is_resumed: bool = False
    rate_hz: int = 24_000  # of the sound to come
    has_turns_by_hand: bool = False  # the client says where utterances end
    wants_sound: bool = False  # of the voice


async def change_session(held: Held, given: GivenSession) -> None:
    """Do what a `session.update` asks for.

    Raises:
        BadSettings: it cannot be done.
    """
    await _change_voice(held, given)
    ours = given.onlooker
    if ours and ours.talkativeness is not None:
        held.session.set_talkativeness(ours.talkativeness)
    if given.instructions is not None:
        _instruct_as_stock(held, given.instructions)
    if ours and ours.instructions is not None:
        _instruct_all(held, ours.instructions)
    if ours and ours.persona:
        held.set_persona(ours.persona)
    if ours and ours.is_muted is not None:
        held.session.speech.mute(is_muted=ours.is_muted)


async def _change_voice(held: Held, given: GivenSession) -> None:
    """Speak as it is wanted, where there is a voice.

    A stock client names one of OpenAI's voices whether it matters or not: unknown, that is let go.
    """
    if not held.session.speech.has_voice or (given.voice is None and given.speed is None):
        return
    try:
        await held.speak_as(given.voice, given.speed)
    except BadSettings as error:
        if given.voice not in OPENAI_VOICES:
            raise BadEvent("invalid_value", str(error), "session.audio.output") from None
        if given.speed is not None:
            await held.speak_as(None, given.speed)


def take_microphone(
    held: Held, samples_N: npt.NDArray[np.float32], rate_hz: int, stream: str = MICROPHONE
) -> None:
    """Take what the user's microphone hears; the sound of a stream of pictures is overheard."""
    if stream in held.session.streams:
        held.push_sound(samples_N, rate_hz, stream)
        return
    held.session.speech.take_sound(samples_N, rate_hz, stream)
    held.touch(is_input=True)


def _instruct_as_stock(held: Held, text: str) -> None:
    known = {instruction.id: instruction for instruction in held.session.instructions}
    if not text.strip():
        if STOCK_INSTRUCTION in known:
            held.set_instruction(STOCK_INSTRUCTION, "removed")
    elif STOCK_INSTRUCTION not in known or known[STOCK_INSTRUCTION].text != text:
        held.instruct(text, STOCK_INSTRUCTION)


def _instruct_all(held: Held, wanted: tuple[GivenInstruction, ...]) -> None:
    """Make the standing instructions what is wanted; what is so already is not touched."""
    ids = {instruction.id for instruction in wanted}
    for known in held.session.instructions:
        if known.id not in ids:
            held.set_instruction(known.id, "removed")
    for instruction in wanted:
        now = {known.id: known for known in held.session.instructions}.get(instruction.id)
        if now is None or now.text != instruction.text:
            now = held.instruct(instruction.text, instruction.id)
        if now.state != instruction.state:
            held.set_instruction(instruction.id, instruction.state)


def session_wire(name: str, hub: Hub, held: Held, terms: Terms, num_missed: int = 0) -> Wire:
    """Describe a session as its client sees it."""
    instructions = held.session.instructions
    stock = [known.text for known in instructions if known.id == STOCK_INSTRUCTION]
    resume = {"token": held.resume_token, "grace_s": hub.limits.idle_after_s}
    ours = {
        "resume": resume if terms.may_act else None,
        "resumed": terms.is_resumed,
        "sequence": held.log.last_seq * STEP + STEP - 1,
        "num_missed": num_missed,
        "now_s": round(held.session.now_s, 3),
        "period_s": hub.settings.live.period_s,
        "instructions": [
            {"id": known.id, "text": known.text, "state": known.state} for known in instructions
        ],
        "persona": held.persona,
        "talkativeness": held.session.talkativeness,
        "events": terms.events,
        "may_act": terms.may_act,
        "streams": list(held.session.streams),
        "has_voice": held.session.speech.has_voice,
        "has_ears": held.session.speech.has_ears,
        "limits": _limits(hub, terms),
    }
    return {
        "type": name,
        "session": {
            "type": "realtime",
            "object": "realtime.session",
            "id": held.id,
            "model": hub.settings.model.use,
            "instructions": "".join(stock),
            "output_modalities": ["audio" if terms.wants_sound else "text"],
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": terms.rate_hz},
                    "turn_detection": None if terms.has_turns_by_hand else {"type": "server_vad"},
                },
                "output": {
                    "format": {"type": "audio/pcm", "rate": OUTPUT_RATE_HZ},
                    "voice": held.voice,
                    "speed": held.speed,
                },
            },
            "onlooker": ours,
        },
    }


def _limits(hub: Hub, terms: Terms) -> Wire:
    limits = hub.limits
    return {
        "max_message_bytes": terms.max_message_bytes,
        "max_messages_per_s": MESSAGES_PER_S,
        "max_frame_bytes": limits.max_picture_bytes,
        "max_frame_px": limits.max_picture_pixels,
        "max_frames_per_s": PICTURES_PER_S,
        "max_streams": limits.max_streams,
        "max_instructions": hub.settings.live.max_instructions,
        "max_text_characters": MAX_TEXT_CHARACTERS,
        "max_audio_s": MAX_AUDIO_S,
        "idle_timeout_s": limits.idle_after_s,
    }
