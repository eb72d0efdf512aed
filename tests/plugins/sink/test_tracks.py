"""The sound of a recording: each stream a file, in which position is session time."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from onlooker.core.clock import MediaClock
from onlooker.core.decision import Speak
from onlooker.core.event import Closed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import Player
from onlooker.core.recording import read_recording
from onlooker.live.ears import Ears
from onlooker.live.floor import FloorSettings
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.live.speech import SpeechParts
from onlooker.plugins.sink.recorder import RecorderSettings, RecorderSink
from onlooker.testing.doubles import FrameSource, NoPictures, ScriptedModel, grey
from onlooker.testing.speaking import HummingVoice, KnowingEars, LoudnessDetector, SoundSource

RATE_HZ = 16_000


def tone(stream: str, start_s: float, duration_s: float, rate_hz: int = RATE_HZ) -> AudioChunk:
    times_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    samples_N = (0.5 * np.sin(2 * np.pi * 440 * times_s)).astype(np.float32)
    return AudioChunk(stream, start_s, rate_hz, samples_N)


def heard(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    with av.open(str(path)) as opened:
        frames = list(opened.decode(audio=0))
        return np.concatenate([frame.to_ndarray()[0] for frame in frames]), frames[0].sample_rate


def loud_s(path: Path) -> tuple[float, float]:
    samples_N, rate_hz = heard(path)
    at = np.flatnonzero(np.abs(samples_N) > 0.1)
    return at[0] / rate_hz, at[-1] / rate_hz


def recorder(folder: Path, **settings: object) -> RecorderSink:
    return RecorderSink(RecorderSettings.model_validate({"folder": folder, **settings}))


async def test_sound_stands_at_its_session_time_whatever_its_rate(tmp_path: Path) -> None:
    sink = recorder(tmp_path / "a")
    assert isinstance(sink, Player)
    for index in range(4):
        sink.play(tone("door", 2.0 + index / 4, 0.25))
    sink.play(tone("micro/phone", 1.0, 0.5, 44_100))
    await sink.close()
    assert loud_s(tmp_path / "a" / "door.opus") == pytest.approx((2.0, 3.0), abs=0.02)
    assert loud_s(tmp_path / "a" / "micro_phone.opus") == pytest.approx((1.0, 1.5), abs=0.02)


async def test_what_was_cut_off_is_not_in_the_recording(tmp_path: Path) -> None:
    sink = recorder(tmp_path / "a")
    for index in range(4):
        sink.play(tone("voice", 1.0 + index / 4, 0.25))
    sink.flush(1.4)
    sink.play(tone("voice", 3.0, 0.5))
    await sink.close()
    samples_N, rate_hz = heard(tmp_path / "a" / "voice.opus")
    quiet_N = samples_N[round(1.43 * rate_hz) : round(2.95 * rate_hz)]
    assert np.abs(quiet_N).max() < 0.05
    assert loud_s(tmp_path / "a" / "voice.opus")[1] == pytest.approx(3.5, abs=0.02)


async def test_sound_can_be_left_out_and_events_stay(tmp_path: Path) -> None:
    sink = recorder(tmp_path / "a", sound=False)
    sink.play(tone("door", 0.0, 0.25))
    sink.flush(0.1)
    closed = Closed(time_s=1.0, reason="", num_decided=0, num_skipped=0, num_failed=0)
    await sink.accept(closed)
    await sink.close()
    assert not list((tmp_path / "a").glob("*.opus"))
    assert list(read_recording(tmp_path / "a")) == [closed]


async def test_a_barge_in_is_silence_within_100_ms_in_the_recorded_sound(tmp_path: Path) -> None:
    sink, onset_s = recorder(tmp_path / "a"), 1.9
    speech = SpeechParts(
        voice=HummingVoice(),
        ears=Ears(KnowingEars("stop"), LoudnessDetector),
        microphone=SoundSource((onset_s, 2.3), length_s=5),
        floor=FloorSettings(is_full_duplex=True),
    )
    parts = Parts(
        {"pot": FrameSource([grey(20 * index) for index in range(5)])},
        ScriptedModel(Speak("One two three four five six seven.")),
        codec=NoPictures(),
        speech=speech,
        sinks={"recorder": sink},
    )
    await Session(parts, LiveSettings(), MediaClock()).run()
    assert loud_s(tmp_path / "a" / "microphone.opus")[0] == pytest.approx(onset_s, abs=0.02)
    begun_s, silent_s = loud_s(tmp_path / "a" / "voice.opus")
    assert begun_s == pytest.approx(1.0, abs=0.02)
    assert silent_s - onset_s <= 0.1


async def test_minutes_of_silence_between_words_drift_by_no_sample(tmp_path: Path) -> None:
    sink = recorder(tmp_path / "a")
    for index in range(0, 180, 60):
        sink.play(tone("door", float(index), 0.5))
    await sink.close()
    samples_N, rate_hz = heard(tmp_path / "a" / "door.opus")
    at = np.flatnonzero(np.abs(samples_N[-rate_hz:]) > 0.1)
    begun_s = (len(samples_N) - rate_hz + at[0]) / rate_hz
    assert begun_s == pytest.approx(120.0, abs=0.02)
