"""Settings into parts: the only place where names become objects."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from onlooker.config import (
    Choice,
    Port,
    Settings,
    Sources,
    TranscriberChoice,
    VoiceChoice,
    explain,
)
from onlooker.core.clock import MediaClock, SessionClock, WallClock
from onlooker.core.detectors import SoundDetector
from onlooker.core.errors import BadSettings, UnknownPlugin
from onlooker.core.ports import Codec, Model, Perception, Sink, Source, Summariser
from onlooker.live.budget import Budget
from onlooker.live.ears import Ears
from onlooker.live.session import Parts
from onlooker.live.settings import TaskSettings
from onlooker.live.speech import SpeechParts
from onlooker.live.summariser import ModelSummariser
from onlooker.plugins.fallback import FallbackTranscriber, FallbackVoice
from onlooker.plugins.loader import PORTS, installed, load
from onlooker.plugins.source.address import Address, parse_address, refuse_unless_allowed


def parts_of(settings: Settings, addresses: Iterable[str]) -> Parts:
    """Build everything that a session over these sources needs.

    Raises:
        BadSettings, UnknownPlugin, SourceRefused: a sentence that says what to change.
    """
    check_tables(settings)
    model = model_of(settings)
    return Parts(
        sources=sources_of(settings.source, addresses),
        codec=chosen("codec", settings.codec),
        perception=perception_of(settings, model),
        model=model,
        brain=chosen("brain", settings.brain),
        tasks=tasks_of(settings.brain.tasks, settings.live.language),
        budget=Budget(settings.brain.together),
        memory=chosen("memory", settings.memory),
        summariser=summariser_of(settings, model),
        speech=speech_of(settings),
        sinks=sinks_of(settings),
    )


def sources_of(settings: Sources, addresses: Iterable[str]) -> dict[str, Source]:
    """Open no source yet, but know each by its stream's name."""
    sources: dict[str, Source] = {}
    for typed in addresses:
        address = parse_address(typed)
        sources[_free_name(address.stream, sources)] = source_of(settings, address)
    if not sources:
        raise BadSettings("there is nothing to watch: name at least one source")
    return sources


def source_of(settings: Sources, address: Address) -> Source:
    """Build one source, if the settings allow its address."""
    refuse_unless_allowed(address, settings.allow, settings.roots)
    kind = load("source", address.scheme)
    source: Source = kind(
        address.location,
        _validated(kind, f"source.{address.scheme}", settings.table(address.scheme)),
    )
    return source


def model_of(settings: Settings) -> Model:
    """Build the model that decides."""
    model: Model | None = chosen("model", settings.model)
    if model is None:
        raise BadSettings("model.use is empty: name a model plug-in, such as 'openai'")
    return model


def summariser_of(settings: Settings, model: Model) -> Summariser | None:
    """Build who tells what left the window; `model` is the one that decides."""
    if settings.summariser.use == "model":
        return ModelSummariser(model)
    other: Summariser | None = chosen("summariser", settings.summariser)
    return other


def perception_of(settings: Settings, model: Model) -> Perception | None:
    """Build the chosen eyes; a model that reads nothing but scenes has the default ones."""
    use = settings.perception.use
    if not use and "pictures" not in model.traits.reads:
        use = "default"
    eyes: Perception | None = built("perception", use, settings.perception) if use else None
    return eyes


def eyes_for(model: Model, settings: Settings) -> tuple[Codec | None, Perception | None]:
    """Build what makes the percepts that a model reads; the default eyes if none are chosen."""
    reads = model.traits.reads
    codec: Codec | None = None
    perception: Perception | None = None
    if "scene" in reads:
        use = settings.perception.use or "default"
        perception = built("perception", use, settings.perception)
    elif "pictures" in reads:
        codec = chosen("codec", settings.codec)
    return codec, perception


def sinks_of(settings: Settings) -> dict[str, Sink]:
    """Build every sink in use."""
    return {name: built("sink", name, settings.sink) for name in settings.sink.use}


def speech_of(settings: Settings) -> SpeechParts:
    """Build what a session speaks and hears with, as far as it is wanted."""
    speech = settings.speech
    ears = None
    transcribers = _all_of("transcriber", settings.transcriber, speech.language)
    if transcribers:
        from onlooker.plugins.transcriber.activity import Activity
        from onlooker.plugins.transcriber.turn import SmartTurn

        one = transcribers[0] if len(transcribers) == 1 else FallbackTranscriber(transcribers)
        ears = Ears(
            one,
            Activity,
            _sounds(speech.yamnet) if speech.sounds else None,
            SmartTurn() if speech.turns else None,
        )
    voices = _all_of("voice", settings.voice, speech.language)
    voice = FallbackVoice(voices) if len(voices) > 1 else next(iter(voices), None)
    players = {name: built("player", name, settings.player) for name in settings.player.use}
    return SpeechParts(
        voice=voice,
        players=players if voice else {},
        ears=ears,
        microphone=microphone_of(settings) if ears else None,
        settings=speech.rules,
        floor=speech.floor,
        segments=speech.hearing,
    )


def _sounds(path: str) -> Callable[[], SoundDetector]:
    from onlooker.plugins.transcriber.sounds import Sounds, network

    network(path)  # says now what is missing
    return partial(Sounds, path)


def microphone_of(settings: Settings) -> Source | None:
    """Build what the user speaks into: a microphone, or a file in its place."""
    typed = settings.speech.microphone
    if not typed:
        return None
    address = parse_address(typed)
    if address.scheme == "file":
        address = parse_address(f"sound:{address.location.removeprefix('file:')}")
    return source_of(settings.source, address)


def _all_of(kind: str, choice: VoiceChoice | TranscriberChoice, language: str) -> list[Any]:
    """Build a plug-in and those that stand in for it, all of one language if one is named."""
    names = [choice.use, *choice.fallback] if choice.use else []
    return [_of_language(kind, name, choice, language) for name in names]


def _of_language(kind: str, name: str, port: Port, language: str) -> Any:
    """Build a plug-in that takes the language, unless it names its own or has none to choose."""
    plugin, table = load(kind, name), port.table(name)
    has_choice = "language" in plugin.Settings.model_fields
    if language and has_choice:
        table = {"language": language, **table}
    made = plugin(_validated(plugin, f"{kind}.{name}", table))
    known = {one.split("-")[0].lower() for one in made.traits.languages}
    if (
        language
        and not has_choice
        and known
        and language.split("-", maxsplit=1)[0].lower() not in known
    ):
        raise BadSettings(
            f"speech.language={language!r}, but the {kind} {name!r} knows "
            f"{', '.join(sorted(known))} alone: choose another with {kind}.use, {kind}.fallback"
        )
    return made


def tasks_of(tasks: TaskSettings, language: str = "") -> TaskSettings:
    """Name the language of the session and the folder for what brains make, if none is named."""
    tasks = replace(tasks, language=tasks.language or language)
    if tasks.folder:
        return replace(tasks, folder=str(Path(tasks.folder).expanduser()))
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    folder = Path(state).expanduser() / "onlooker" / "artefacts"
    return replace(tasks, folder=str(folder))


def clock_of(speed: str) -> SessionClock:
    """Read `--speed`: 1, another number, or max.

    Raises:
        BadSettings: it is none of them.
    """
    if speed == "max":
        return MediaClock()
    try:
        return WallClock(float(speed))
    except ValueError:
        raise BadSettings(f"speed {speed!r}: expected a number above 0, or max") from None


def settings_of(kind: str, name: str, port: Port) -> Any:
    """Read one plug-in's own settings."""
    return _validated(load(kind, name), f"{kind}.{name}", port.table(name))


def check_tables(settings: Settings) -> None:
    """Refuse a table whose plug-in is not installed: it is a misspelling."""
    for kind in PORTS:
        port: Port = getattr(settings, kind)
        known = installed(kind).names
        for name in port.model_extra or {}:
            if name not in known and ":" not in name:
                raise UnknownPlugin(kind, name, known)


def chosen(kind: str, choice: Choice) -> Any:
    """Build the plug-in that a port's table chooses; None if it chooses none."""
    return built(kind, choice.use, choice) if choice.use else None


def built(kind: str, name: str, port: Port) -> Any:
    """Build one plug-in with its own table of settings."""
    plugin = load(kind, name)
    return plugin(_validated(plugin, f"{kind}.{name}", port.table(name)))


def _validated(plugin: Any, where: str, table: Mapping[str, Any]) -> Any:
    try:
        return plugin.Settings.model_validate(table)
    except ValidationError as error:
        raise BadSettings(explain(error, where)) from None


def _free_name(wanted: str, taken: Iterable[str]) -> str:
    names = (wanted, *(f"{wanted}-{number}" for number in range(2, 1000)))
    return next(name for name in names if name not in set(taken))
