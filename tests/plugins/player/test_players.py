"""Where the voice is heard: a WAV, and a program that stands for the loudspeaker."""

import asyncio
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from onlooker.core.errors import BadSettings
from onlooker.core.media import AudioChunk
from onlooker.core.ports import Player
from onlooker.plugins.loader import load
from onlooker.plugins.player.device import DevicePlayer, DeviceSettings
from onlooker.plugins.player.wav import WavPlayer, WavSettings

RATE_HZ = 16_000


def chunk(start_s: float, duration_s: float = 0.25) -> AudioChunk:
    return AudioChunk("voice", start_s, RATE_HZ, np.full(round(duration_s * RATE_HZ), 0.5, "f4"))


def loud_s(path: Path) -> list[float]:
    """Give begin and end of what is heard in a WAV, and its length."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        at = np.flatnonzero(samples)
        return [at[0] / RATE_HZ, (at[-1] + 1) / RATE_HZ, len(samples) / file.getframerate()]


def test_players_are_found_by_name() -> None:
    assert load("player", "wav") is WavPlayer
    assert load("player", "device") is DevicePlayer


async def test_a_wav_holds_each_word_at_its_time_and_nothing_that_was_cut(tmp_path: Path) -> None:
    player = WavPlayer(WavSettings(path=tmp_path / "out.wav"))
    assert isinstance(player, Player)
    for start_s in (1.0, 1.25, 1.5):
        player.play(chunk(start_s))
    player.flush(1.4)
    await player.close()
    assert loud_s(tmp_path / "out.wav") == [1.0, 1.4, 1.4]


async def test_a_wav_of_nothing_is_a_wav(tmp_path: Path) -> None:
    player = WavPlayer(WavSettings(path=tmp_path / "out.wav"))
    await player.close()
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert file.getnframes() == 0


def test_a_wav_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="name another file"):
        WavPlayer(WavSettings(path=tmp_path / "missing" / "out.wav"))


def program(tmp_path: Path, body: str) -> tuple[str, ...]:
    script = tmp_path / "loudspeaker.py"
    script.write_text(f"import sys, pathlib\nout = pathlib.Path({str(tmp_path)!r})\n{body}")
    return (sys.executable, str(script), "{rate}")


async def test_a_loudspeaker_gets_all_samples_at_their_rate(tmp_path: Path) -> None:
    body = (
        "data = sys.stdin.buffer.read()\n(out / 'heard').write_bytes(data)\n"
        "(out / 'rate').write_text(sys.argv[1])"
    )
    player = DevicePlayer(DeviceSettings(command=program(tmp_path, body)))
    player.play(chunk(0.0))
    player.play(chunk(0.25))
    await player.close()
    assert len((tmp_path / "heard").read_bytes()) == 2 * RATE_HZ // 2
    assert (tmp_path / "rate").read_text() == str(RATE_HZ)


async def test_a_flush_ends_the_program_at_once_and_the_next_line_begins_another(
    tmp_path: Path,
) -> None:
    body = (
        "with (out / 'begun').open('a') as file: file.write('x')\n"
        "while sys.stdin.buffer.read(1000): pass"
    )
    player = DevicePlayer(DeviceSettings(command=program(tmp_path, body)))
    begun = tmp_path / "begun"

    async def until(num: int) -> None:
        while not begun.exists() or len(begun.read_text()) < num:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    player.play(chunk(0.0))
    await until(1)
    began_s = asyncio.get_running_loop().time()
    player.flush(0.1)
    assert asyncio.get_running_loop().time() - began_s < 0.1
    player.play(chunk(1.0))
    await until(2)
    await player.close()


async def test_a_program_that_dies_or_never_reads_costs_its_sound_alone(tmp_path: Path) -> None:
    player = DevicePlayer(DeviceSettings(command=program(tmp_path, "sys.exit(1)")))
    for index in range(600):
        player.play(chunk(index / 4))
    player.flush(0.0)
    await player.close()


def test_a_machine_without_a_loudspeaker_says_what_to_do() -> None:
    with pytest.raises(BadSettings, match=r"player\.use="):
        DevicePlayer(DeviceSettings(command=("no-such-program",)))
