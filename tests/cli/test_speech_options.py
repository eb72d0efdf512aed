"""What --voice and --listen mean on a machine."""

from pathlib import Path

import pytest

from onlooker.cli import speech
from onlooker.cli.speech import page_speech, speech_settings
from onlooker.config import Settings
from onlooker.core.errors import BadSettings
from onlooker.plugins.player import device
from onlooker.plugins.source import microphone


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with the embedded parts, and no sound device."""
    monkeypatch.setattr(speech, "find_spec", lambda name: name)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(device, "find_program", lambda programs: ())
    monkeypatch.setattr(microphone, "found_program", lambda: ())


def test_nothing_is_chosen_where_nothing_is_asked() -> None:
    assert speech_settings(Settings()) == {}


def test_files_stand_in_for_devices_and_have_no_echo() -> None:
    chosen = speech_settings(Settings(), voice_to=Path("out.wav"), listen_to=Path("q.wav"))
    assert chosen == {
        "voice.use": "hibari",
        "voice.fallback": ["espeak"],
        "player.use": ["wav"],
        "player.wav.path": "out.wav",
        "transcriber.use": "moonshine",
        "speech.microphone": "sound:q.wav",
        "speech.floor.is_full_duplex": True,
    }


def test_a_machine_without_devices_says_so_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = speech_settings(Settings(), voice=True, listen=True)
    assert chosen["player.use"] == []
    assert chosen["speech.microphone"] == ""
    told = capsys.readouterr().err
    assert "no loudspeaker here" in told
    assert "no microphone here" in told


def test_devices_that_are_there_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "find_program", lambda programs: programs[0])
    monkeypatch.setattr(microphone, "found_program", lambda: ("parec",))
    chosen = speech_settings(Settings(), voice=True, listen=True)
    assert chosen["player.use"] == ["device"]
    assert chosen["speech.microphone"] == "microphone:"


def test_what_is_set_already_stays() -> None:
    given = Settings.model_validate(
        {
            "voice": {"use": "openai"},
            "player": {"use": ["wav"]},
            "transcriber": {"use": "realtime"},
            "speech": {"microphone": "microphone:"},
        }
    )
    assert speech_settings(given, voice=True, listen=True) == {}
    assert page_speech(given, voice=True, listen=True) == {"speech.floor.is_full_duplex": True}


def test_a_machine_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    for asked in ({"voice": True}, {"listen": True}):
        with pytest.raises(BadSettings, match=r"onlooker\[speech\]"):
            speech_settings(Settings(), **asked)  # type: ignore[arg-type]
