"""The loudspeaker here, through whichever small program there is to play raw sound."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from onlooker.core.errors import BadSettings
from onlooker.core.media import AudioChunk

# Each reads 16-bit mono from its standard input; {rate} is put in.
PROGRAMS = (
    (
        "pacat",
        "--playback",
        "--raw",
        "--format=s16le",
        "--channels=1",
        "--rate={rate}",
        "--latency-msec=60",
    ),
    ("pw-cat", "--playback", "--raw", "--format=s16", "--channels=1", "--rate={rate}", "-"),
    ("aplay", "-q", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", "{rate}", "--buffer-time=120000"),
    ("play", "-q", "-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-r", "{rate}", "-"),
)
MAX_WAITING = 256  # chunks; a device that hangs holds no more


class DeviceSettings(BaseModel, frozen=True, extra="forbid"):
    """How to reach it."""

    command: tuple[str, ...] = Field(
        default=(),
        description="a program that plays 16-bit mono of {rate} Hz from its standard input; "
        "empty: pacat, pw-cat, aplay or play, whichever is there",
    )
    latency_s: float = Field(
        default=0.1, ge=0, le=2, description="from the program to the ear, for what was heard"
    )


class DevicePlayer:
    """Silence is the program's end: it is killed, and begun anew with the next line."""

    Settings = DeviceSettings

    def __init__(self, settings: DeviceSettings) -> None:
        self.latency_s = settings.latency_s
        self.trouble = ""
        command = settings.command or find_program(PROGRAMS)
        if not command or not shutil.which(command[0]):
            raise BadSettings(
                f"no program here plays sound ({command[0] if command else 'none of ours'}): "
                f"apt install pulseaudio-utils or alsa-utils, or write it with player.use=['wav']"
            )
        self._command = command
        self._waiting: queue.Queue[AudioChunk | None] = queue.Queue(MAX_WAITING)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._rate_hz = 0
        self._thread = threading.Thread(target=self._work, name="loudspeaker", daemon=True)
        self._thread.start()

    def play(self, chunk: AudioChunk) -> None:
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(chunk)

    def flush(self, time_s: float) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
        self._end()

    async def close(self) -> None:
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        await asyncio.to_thread(self._thread.join, 2.0)
        await asyncio.to_thread(self._finish)

    def _work(self) -> None:
        while (chunk := self._waiting.get()) is not None:
            data = np.rint(np.clip(chunk.samples_N, -1, 1) * 32767).astype("<i2").tobytes()
            try:
                pipe = self._running(chunk.rate_hz).stdin
                if pipe is not None:
                    pipe.write(data)
                    pipe.flush()
            except (OSError, ValueError) as error:
                # Cut, or the device is gone: the next chunk tries again.
                if self._process is not None:
                    self.trouble = f"{self._command[0]}: {error}"
                self._end()

    def _running(self, rate_hz: int) -> subprocess.Popen[bytes]:
        with self._lock:
            process = self._process
        if process is not None and process.poll() is None and rate_hz == self._rate_hz:
            return process
        self._end()
        command = [part.format(rate=rate_hz) for part in self._command]
        process = subprocess.Popen(  # noqa: S603 - the user's own choice, without a shell
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with self._lock:
            self._process, self._rate_hz = process, rate_hz
        return process

    def _end(self) -> None:
        """Be silent at once."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()

    def _finish(self) -> None:
        """Let the last sound be heard, then go."""
        with self._lock:
            process = self._process
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError, ValueError, subprocess.TimeoutExpired):
                process.stdin.close()
                process.wait(timeout=1.0)
        self._end()


def find_program(programs: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Find the first that is installed; nothing where there is no sound at all."""
    has_sound = any(Path("/dev/snd").glob("pcm*")) or _has_sound_server()
    return next((known for known in programs if shutil.which(known[0]) and has_sound), ())


def _has_sound_server() -> bool:
    import os
    import sys

    if sys.platform != "linux":
        return True
    runtime = os.environ.get("XDG_RUNTIME_DIR", "/nonexistent")
    sockets = (Path(runtime) / "pulse" / "native", Path(runtime) / "pipewire-0")
    return bool(os.environ.get("PULSE_SERVER")) or any(path.exists() for path in sockets)
