"""The voice that is always there: espeak-ng, a small program with many languages."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import cache

from pydantic import BaseModel, Field

from onlooker.core.errors import BadSettings, VoiceFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import VoiceTraits
from onlooker.core.spoken import pieces, spoken
from onlooker.core.voices import OfferedVoice, VoiceOffer
from onlooker.plugins.voice.sound import BadSound, Chunks, Decoder

_READ_BYTES = 16_384
_OWN_WORDS_PER_MINUTE = 170
_SLOWEST, _FASTEST = 0.5, 2.5


class EspeakSettings(BaseModel, frozen=True, extra="forbid"):
    """How it sounds."""

    voice: str = Field(
        default="",
        pattern=r"^([A-Za-z][\w+\-]*)?$",
        description="as `espeak-ng --voices` lists them: en-us, de, fr, cmn, ...; empty: language",
    )
    language: str = Field(
        default="en-us",
        pattern=r"^[A-Za-z][\w\-]*$",
        description="its voice for a language is taken where none is named",
    )
    words_per_minute: int = Field(default=_OWN_WORDS_PER_MINUTE, ge=80, le=450, description="speed")
    program: str = Field(default="espeak-ng", description="its name or path")
    timeout_s: float = Field(default=5.0, gt=0, description="seconds without sound: it hangs")


class EspeakVoice:
    """Runs the program once a sentence; a cut kills it."""

    Settings = EspeakSettings

    def __init__(self, settings: EspeakSettings) -> None:
        voice = settings.voice or settings.language
        self.traits = VoiceTraits(name=f"espeak/{voice}", languages=(voice.split("-")[0],))
        self._settings, self._voice = settings, voice
        program = shutil.which(settings.program)
        if program is None:
            raise BadSettings(
                f"the voice espeak needs the program {settings.program!r}, which is not there: "
                f"apt install espeak-ng, or brew install espeak-ng"
            )
        speed = str(settings.words_per_minute)
        sound = ("-v", voice, "-s", speed)
        self._command = (program, "--stdout", "--stdin", "-b", "1", *sound)

    async def say(self, text: str) -> AsyncGenerator[AudioChunk]:
        """Yield the speech.

        Raises:
            VoiceFailed: the program fails, hangs or gives no sound.
        """
        chunks: Chunks | None = None
        for piece in pieces(spoken(text, self.traits.languages[0])):
            decoder = Decoder(None)
            async with aclosing(self._run(piece)) as sound:
                async for data in sound:
                    try:
                        samples_N = decoder.feed(data)
                    except BadSound as error:
                        raise VoiceFailed(f"{self._command[0]} gave no WAV: {error}") from None
                    if len(samples_N):
                        chunks = chunks or Chunks(decoder.rate_hz)
                        for chunk in chunks.cut(samples_N):
                            yield chunk

    def offer(self) -> VoiceOffer:
        """List the voices that the program has."""
        settings = self._settings
        known = _voices_of(self._command[0])
        if self._voice not in {voice.id for voice in known}:  # a variant, such as en-us+f3
            known = (OfferedVoice(self._voice, self._voice), *known)
        speed = round(settings.words_per_minute / _OWN_WORDS_PER_MINUTE, 2)
        return VoiceOffer(known, self._voice, speed, _SLOWEST, _FASTEST)

    def another(self, voice: str, speed: float) -> EspeakVoice:
        words_per_minute = round(speed * _OWN_WORDS_PER_MINUTE)
        chosen = {"voice": voice, "words_per_minute": words_per_minute}
        return EspeakVoice(self._settings.model_copy(update=chosen))

    async def close(self) -> None:
        pass

    async def _run(self, piece: str) -> AsyncGenerator[bytes]:
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
        )
        try:
            async for data in self._output(process, piece):
                yield data
            if await process.wait() != 0:
                raise VoiceFailed(
                    f"{' '.join(self._command)} ended with status {process.returncode}: see that "
                    f"`{self._settings.program} --voices` lists {self._voice!r}"
                )
        finally:
            await _end(process)

    async def _output(self, process: Process, piece: str) -> AsyncGenerator[bytes]:
        if process.stdin is None or process.stdout is None:
            raise VoiceFailed(f"{self._command[0]} has no pipes")
        with contextlib.suppress(ConnectionError):  # its status says why it did not read
            process.stdin.write(f"{piece}\n".encode(errors="replace"))
            process.stdin.write_eof()
        while True:
            try:
                async with asyncio.timeout(self._settings.timeout_s):
                    data = await process.stdout.read(_READ_BYTES)
            except TimeoutError:
                raise VoiceFailed(
                    f"{self._command[0]} gave no sound for timeout_s={self._settings.timeout_s} s"
                ) from None
            if not data:
                return
            yield data


@cache
def _voices_of(program: str) -> tuple[OfferedVoice, ...]:
    """Ask the program which voices it has; none, if it does not say."""
    try:
        listed = subprocess.run(  # noqa: S603 - found by its name, and asked one thing
            [program, "--voices"], capture_output=True, text=True, timeout=5, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()
    # Priority, language, age and gender, name, file, others.
    rows = [row for line in listed.splitlines()[1:] if len(row := line.split()) > 4]
    named = {row[1]: row[3].replace("_", " ").strip() for row in reversed(rows)}  # the first counts
    return tuple(OfferedVoice(voice, named[voice], voice) for voice in sorted(named))


async def _end(process: Process) -> None:
    """Kill what still runs, and reap it."""
    with contextlib.suppress(ProcessLookupError):
        if process.returncode is None:
            process.kill()
    await process.wait()
    if process.stdout is not None:
        await process.stdout.read()  # to its end, so that the pipe is closed with the loop
