"""What --voice and --listen mean on a machine."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from onlooker import assemble
from onlooker.assemble import speech_of
from onlooker.cli import speech
from onlooker.cli.speech import page_speech, speech_settings
from onlooker.config import Settings
from onlooker.core.errors import BadSettings
from onlooker.live.speech import SpeechParts
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


# Languages


def made_of(text: str) -> SpeechParts:
    return speech_of(Settings.model_validate(tomllib.loads(text)))


async def test_the_language_of_speech_reaches_every_part_that_names_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(assemble, "FallbackVoice", list)
    monkeypatch.setattr(assemble, "FallbackTranscriber", list)
    parts = made_of("""
        [speech]
        language = "de"
        turns = false
        [voice]
        use = "openai"
        fallback = ["joyai", "espeak"]
        [transcriber]
        use = "openai"
        fallback = ["realtime", "joyai"]
        [transcriber.realtime]
        language = "fr"
    """)
    voices: Any = parts.voice
    assert [voice.traits.languages for voice in voices] == [("de",)] * 3
    assert voices[2].traits.name == "espeak/de"
    assert parts.ears is not None
    ears: Any = parts.ears.transcriber
    assert [one.traits.languages for one in ears] == [("de",), ("fr",), ()]
    assert ears[0]._settings.language == "de"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('[voice]\nuse = "hibari"', "the voice 'hibari' knows en alone"),
        ('[transcriber]\nuse = "moonshine"', "the transcriber 'moonshine' knows en alone"),
    ],
)
def test_what_knows_english_alone_is_refused_for_another_language(table: str, says: str) -> None:
    with pytest.raises(BadSettings, match=says):
        made_of(f'[speech]\nlanguage = "de"\n{table}')


def test_the_options_choose_what_knows_the_language() -> None:
    german = Settings.model_validate({"speech": {"language": "de-AT"}})
    assert speech_settings(german, voice_to=Path("out.wav"))["voice.use"] == "espeak"
    with pytest.raises(BadSettings, match=r"transcriber\.use=openai"):
        speech_settings(german, listen=True)
    english = Settings.model_validate({"speech": {"language": "en-GB"}})
    assert speech_settings(english, voice_to=Path("out.wav"))["voice.use"] == "hibari"
    with pytest.raises(ValueError, match="language"):
        Settings.model_validate({"speech": {"language": "--de"}})


def test_whether_somebody_has_finished_is_judged_unless_that_is_switched_off() -> None:
    for turns in (True, False):
        chosen = f'[speech]\nturns = {str(turns).lower()}\n[transcriber]\nuse = "openai"'
        ears = made_of(chosen).ears
        assert ears is not None
        assert (ears.turns is not None) == turns
