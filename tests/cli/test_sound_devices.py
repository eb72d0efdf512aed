"""`watch --voice --listen` at the world's speed, through a real sound server.

PulseAudio is run with a loudspeaker that nobody hears and a room whose sound is the microphone's:
`apt install pulseaudio pulseaudio-utils`.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onlooker.core.media import AudioChunk
from onlooker.plugins.loader import load
from onlooker.testing.doubles import grey
from onlooker.testing.marker import draw
from onlooker.testing.process import server_process
from onlooker.testing.render import render

NEEDED = ("pulseaudio", "pactl", "pacat", "parec")
pytestmark = [
    pytest.mark.outside,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        not all(map(shutil.which, NEEDED)) or not find_spec("moonshine_cpp"),
        reason="needs PulseAudio and the extra speech",
    ),
]
RATE_HZ = 16_000
FORM = ("--raw", "--format=s16le", "--channels=1", f"--rate={RATE_HZ}", "--latency-msec=30")


@contextmanager
def sound_server(folder: Path) -> Iterator[dict[str, str]]:
    """Run PulseAudio, and yield the environment that reaches it."""
    socket = f"unix:{folder}/native"
    environment = {**os.environ, "PULSE_SERVER": socket, "HOME": str(folder)}
    environment |= {"XDG_RUNTIME_DIR": str(folder), "XDG_CACHE_HOME": cache()}
    loads = (
        f"module-native-protocol-unix socket={folder}/native auth-anonymous=1",
        "module-null-sink sink_name=loudspeaker",
        "module-null-sink sink_name=room",
    )
    command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--log-level=info"]
    with subprocess.Popen(
        [*command, "--log-target=stderr", *(f"--load={load}" for load in loads)],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as server:
        assert server.stderr is not None
        said = []
        for line in server.stderr:
            said.append(line)
            if "startup complete" in line:
                break
        else:
            raise AssertionError("".join(said))
        for option in (("set-default-sink", "loudspeaker"), ("set-default-source", "room.monitor")):
            subprocess.run(["pactl", *option], check=True, env=environment)
        try:
            yield environment
        finally:
            server.terminate()
            server.stderr.close()


def cache() -> str:
    """Tell where the ears' weights are kept, so that they are not made anew."""
    return os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")


@contextmanager
def running(command: list[str], environment: dict[str, str], **more: Any) -> Iterator[Any]:
    with subprocess.Popen(command, env=environment, **more) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)


async def spoken(text: str) -> bytes:
    kind = load("voice", "espeak" if not find_spec("hibari") else "hibari")
    voice = kind(kind.Settings())
    chunks = [chunk async for chunk in voice.say(text)]
    await voice.close()
    samples_N = np.concatenate([chunk.samples_N for chunk in chunks])
    at_N = np.arange(0, len(samples_N), chunks[0].rate_hz / RATE_HZ)
    samples_N = np.interp(at_N, np.arange(len(samples_N)), samples_N)
    pcm: bytes = np.rint(samples_N * 32767).astype("<i2").tobytes()
    return pcm


async def understood(pcm: bytes) -> str:
    kind = load("transcriber", "moonshine")
    ears = kind(kind.Settings(partial_every_s=0))
    samples_N = (np.frombuffer(pcm, "<i2") / 32768).astype(np.float32)
    loud = np.flatnonzero(np.abs(samples_N) > 0.01)
    assert len(loud), "nothing was heard from the loudspeaker"

    async def speech() -> Any:
        yield AudioChunk("mic", 0.0, RATE_HZ, samples_N[loud[0] : loud[-1]])

    texts = [transcript.text async for transcript in ears.hear(speech())]
    await ears.close()
    return str(texts[-1])


def events_until(lines: Any, kind: str, **fields: str) -> dict[str, Any]:
    for line in lines:
        event: dict[str, Any] = json.loads(line)
        if event["type"] == kind and all(event[name] == fields[name] for name in fields):
            return event
    raise AssertionError(f"it ended before {kind} {fields}")


@contextmanager
def watching(folder: Path, *options: str) -> Iterator[tuple[Any, Path, dict[str, str]]]:
    """Watch a minute of a marker; yield the events, what the loudspeaker gives, how to reach it."""
    pictures = (draw(grey(120, 240, 320), 7) for _ in range(60 * 5))
    clip = render(folder / "clip.mp4", pictures, 5.0)
    watch = [sys.executable, "-m", "onlooker", "watch", str(clip), "--voice", "--listen", "--json"]
    record = ["parec", *FORM, "--device=loudspeaker.monitor"]
    heard = folder / "heard.pcm"
    with (
        sound_server(folder) as environment,
        server_process("markers") as url,
        heard.open("ab") as file,
        running(record, environment, stdout=file),
        running(
            [*watch, "--model-url", url, *options], environment, stdout=subprocess.PIPE, text=True
        ) as session,
    ):
        yield session.stdout, heard, environment


def say(pcm: bytes, environment: dict[str, str]) -> None:
    """Speak in the room."""
    command = ["pacat", "--playback", *FORM, "--device=room"]
    subprocess.run(command, input=pcm, check=True, env=environment)


def test_a_spoken_question_is_answered_aloud_while_a_clip_is_watched(tmp_path: Path) -> None:
    question = asyncio.run(spoken("Which marker do you see?"))
    with watching(tmp_path) as (events, heard, environment):
        events_until(events, "voice_ended", why="done")  # it tells the marker unasked
        os.truncate(heard, 0)
        say(question, environment)
        words = events_until(events, "heard", speaker="user")
        answer = events_until(events, "voice_ended", why="done")
    assert "marker" in words["text"].lower()
    assert "7" in answer["heard"]
    told = asyncio.run(understood(heard.read_bytes()))
    assert "seven" in told.lower() or "7" in told


def test_whoever_speaks_in_the_room_silences_the_loudspeaker(tmp_path: Path) -> None:
    stop = asyncio.run(spoken("Stop talking, please, and listen to me."))
    # Said slowly: the line must not be over before somebody has begun to speak.
    slowly = ("--set", "voice.hibari.speed=0.5", "--set", "speech.floor.is_full_duplex=true")
    with watching(tmp_path, *slowly) as (events, heard, environment):
        events_until(events, "voice_started")
        say(stop, environment)
        cut = events_until(events, "voice_ended")
    assert cut["why"] == "barge_in"
    assert cut["heard"] != "marker 7 appeared"
    samples_N = np.frombuffer(heard.read_bytes(), "<i2")
    loud_s = np.count_nonzero(np.abs(samples_N) > 300) / RATE_HZ
    # It may be less: a busy machine takes a while to start the program that plays.
    assert loud_s < cut["played_s"] + 0.5
