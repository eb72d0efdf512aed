"""What a user says: this machine's microphone, or a sound file in its place."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import threading
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from pydantic import BaseModel, Field

from onlooker.core.clock import Clock
from onlooker.core.errors import SourceFailed
from onlooker.core.media import AudioChunk, Media
from onlooker.core.ports import SourceTraits
from onlooker.core.stamps import Stamps
from onlooker.plugins.source.address import path_of
from onlooker.plugins.source.handover import Handover
from onlooker.plugins.source.playback import keep_pace, reason
from onlooker.plugins.source.sound import RATE_HZ

CHUNK = 512  # samples, 32 ms: what a detector of speech judges at once
AHEAD = 32
# Each writes 16-bit mono at 16 kHz to its standard output; {device} is put in.
PROGRAMS = {
    "parec": (
        "parec",
        "--raw",
        "--format=s16le",
        "--channels=1",
        f"--rate={RATE_HZ}",
        "--latency-msec=30",
        "--device={device}",
    ),
    "pw-record": ("pw-record", "--raw", "--format=s16", "--channels=1", f"--rate={RATE_HZ}", "-"),
    "arecord": (
        "arecord",
        "-q",
        "-t",
        "raw",
        "-f",
        "S16_LE",
        "-c",
        "1",
        "-r",
        str(RATE_HZ),
        "--buffer-time=120000",
        "-D",
        "{device}",
    ),
    "rec": (
        "rec",
        "-q",
        "-t",
        "raw",
        "-e",
        "signed",
        "-b",
        "16",
        "-c",
        "1",
        "-r",
        str(RATE_HZ),
        "-",
    ),
}
_DEFAULTS = {"parec": "@DEFAULT_SOURCE@", "arecord": "default"}


class MicrophoneSource:
    """Hears `microphone:` or `microphone:DEVICE`. One that disappears is waited for."""

    class Settings(BaseModel, frozen=True, extra="forbid"):
        """How to reach it."""

        command: tuple[str, ...] = Field(
            default=(),
            description="a program that writes 16-bit mono of 16000 Hz to its standard output; "
            "empty: parec, pw-record, arecord or rec, whichever is there",
        )
        retry_s: float = Field(default=2.0, gt=0, description="wait before it is opened again")
        mute_s: float = Field(
            default=5.0, gt=0, description="seconds without a sample, after which it hangs"
        )

    traits = SourceTraits(is_live=True, is_camera=False)

    def __init__(self, address: str, settings: Settings) -> None:
        device = address.removeprefix("microphone:")
        command = settings.command or found_program()
        self._command = [
            part.format(device=device or _DEFAULTS.get(Path(command[0]).name, ""))
            for part in command
        ]
        self._settings = settings
        self.trouble = ""

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        if not self._command:
            raise SourceFailed(
                "this machine has no microphone, or no program that records: apt install "
                "pulseaudio-utils or alsa-utils, or name a sound file"
            )
        stamps, is_first = Stamps(), True
        while True:
            try:
                async with aclosing(self._recorded()) as recorded:
                    async for data in recorded:
                        is_first, self.trouble = False, ""
                        samples_N = (np.frombuffer(data, "<i2") / 32768).astype(np.float32)
                        start_s = stamps.stamp(clock.now_s(), len(samples_N) / RATE_HZ)
                        yield AudioChunk(stream, start_s, RATE_HZ, samples_N)
                self.trouble = f"{self._command[0]} ended"
            except (OSError, TimeoutError) as error:
                self.trouble = f"{self._command[0]}: {str(error) or 'no sample came'}"
            if is_first:
                raise SourceFailed(
                    f"{' '.join(self._command)} gave no sound ({self.trouble}): see that a "
                    f"microphone is there and may be used"
                )
            await asyncio.sleep(self._settings.retry_s)

    async def close(self) -> None:
        pass

    async def _recorded(self) -> AsyncGenerator[bytes]:
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
        )
        try:
            while process.stdout is not None:
                try:
                    async with asyncio.timeout(self._settings.mute_s):
                        yield await process.stdout.readexactly(2 * CHUNK)
                except asyncio.IncompleteReadError:
                    return
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def found_program() -> tuple[str, ...]:
    """Find what records here; nothing where no microphone can be."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"))
    servers = (runtime / "pulse" / "native", runtime / "pipewire-0")
    has_sound = (
        sys.platform != "linux"
        or any(Path("/dev/snd").glob("pcm*c"))
        or any(path.exists() for path in servers)
        or "PULSE_SERVER" in os.environ
    )
    return next((known for name, known in PROGRAMS.items() if has_sound and shutil.which(name)), ())


class SoundFileSource:
    """Plays `sound:question.wav`, or any file with sound, as if it were said now, once."""

    class Settings(BaseModel, frozen=True, extra="forbid"):
        """When it begins."""

        delay_s: float = Field(default=0.0, ge=0, description="session time of its first sample")

    traits = SourceTraits(is_live=False, is_camera=False)

    def __init__(self, address: str, settings: Settings) -> None:
        self._path = path_of(address)
        self._settings = settings
        self.trouble = ""

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        produce = partial(_played, self._path, stream, self._settings.delay_s)
        async with Handover(produce, depth=AHEAD) as items:
            async for chunk in items:
                await keep_pace(chunk, clock)
                yield chunk

    async def close(self) -> None:
        pass


def _played(
    path: Path, stream: str, start_s: float, stop: threading.Event
) -> Generator[AudioChunk, None, None]:
    """Decode a file, whatever rate and channels it has, into short chunks of 16 kHz mono."""
    held_N = np.zeros(0, np.float32)
    try:
        with av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"}) as opened:
            if not opened.streams.audio:
                raise SourceFailed(f"{path}: there is no sound in it")
            for samples_N in _decoded(opened):
                held_N = np.concatenate([held_N, samples_N])
                while len(held_N) >= CHUNK and not stop.is_set():
                    chunk_N, held_N = np.split(held_N, [CHUNK])
                    yield AudioChunk(stream, start_s, RATE_HZ, np.clip(chunk_N, -1, 1))
                    start_s += CHUNK / RATE_HZ
    except FFmpegError as error:
        raise SourceFailed(
            f"{path} cannot be heard ({reason(error)}): name a WAV, or another sound file"
        ) from None
    if len(held_N):
        yield AudioChunk(stream, start_s, RATE_HZ, np.clip(held_N, -1, 1))


def _decoded(opened: av.container.InputContainer) -> Iterator[np.ndarray]:
    resampler = av.AudioResampler("flt", "mono", RATE_HZ)
    for frame in opened.decode(audio=0):
        frame.pts = None
        for part in resampler.resample(frame):
            yield part.to_ndarray()[0].astype(np.float32)
    for part in resampler.resample(None):
        yield part.to_ndarray()[0].astype(np.float32)
