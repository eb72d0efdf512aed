"""What a realtime client may send: OpenAI's names, and ours under `onlooker`.

Of OpenAI's objects we read what we use and ignore the rest; what is ours is refused if it is
misspelt. Nothing here touches a session. docs/realtime.md shows each event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import from_json

from onlooker.core.errors import OnlookerError
from onlooker.core.moment import Delivery
from onlooker.core.prompt import Persona

MAX_TEXT_CHARACTERS = 4000
MAX_INSTRUCTIONS = 32
MAX_PARTS = 16  # of one item
MAX_NAME_CHARACTERS = 64

Text = Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)]
Name = Annotated[str, Field(pattern=r"^[\w.\- ]+$", min_length=1, max_length=MAX_NAME_CHARACTERS)]
Verbosity = Literal["standard", "all"]


class BadEvent(OnlookerError):
    """A client sent something that we cannot do. Costs that event."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.event_id: str | None = None


class _Theirs(BaseModel, frozen=True, extra="ignore"):
    """A shape of OpenAI's, of which we read a part."""


class _Ours(BaseModel, frozen=True, extra="forbid"):
    """A shape of ours: what it does not know is a misspelling."""


class GivenInstruction(_Ours, frozen=True):
    """A standing instruction as a client wants it to be."""

    id: Name
    text: Text = Field(min_length=1)
    state: Literal["standing", "paused"] = "standing"


class OurSession(_Ours, frozen=True):
    """What can be changed of a session, beyond OpenAI's fields."""

    instructions: tuple[GivenInstruction, ...] | None = Field(None, max_length=MAX_INSTRUCTIONS)
    persona: Persona | None = None
    talkativeness: float | None = Field(None, ge=0, le=1)
    is_muted: bool | None = None
    events: Verbosity | None = None

    @model_validator(mode="after")
    def _ids_are_different(self) -> OurSession:
        ids = [given.id for given in self.instructions or ()]
        if len(set(ids)) < len(ids):
            raise ValueError(f"two instructions have the same id: {', '.join(ids)}")
        return self


class _AudioFormat(_Theirs, frozen=True):
    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[16000, 24000] = 24000


class _AudioInput(_Theirs, frozen=True):
    format: _AudioFormat | None = None
    turn_detection: dict[str, Any] | None = None


class _NamedVoice(_Theirs, frozen=True):
    id: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS)


class _AudioOutput(_Theirs, frozen=True):
    voice: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)] | _NamedVoice | None = None
    speed: float | None = Field(None, ge=0.1, le=10, allow_inf_nan=False)


class _Audio(_Theirs, frozen=True):
    input: _AudioInput | None = None
    output: _AudioOutput | None = None


class GivenSession(_Theirs, frozen=True):
    """A session object as `session.update` brings it."""

    instructions: Text | None = None
    output_modalities: tuple[Literal["text", "audio"], ...] | None = Field(None, max_length=2)
    audio: _Audio | None = None
    onlooker: OurSession | None = None

    @property
    def input_rate_hz(self) -> int | None:
        """Samples a second of the sound to come, if the client says so."""
        given = self.audio and self.audio.input and self.audio.input.format
        return given.rate if given else None

    @property
    def voice(self) -> str | None:
        """The voice that is to speak, if the client says so."""
        given = self.audio and self.audio.output and self.audio.output.voice
        return given.id if isinstance(given, _NamedVoice) else given or None

    @property
    def speed(self) -> float | None:
        """How fast it is to speak; 1: as it does by itself."""
        return self.audio.output.speed if self.audio and self.audio.output else None

    @property
    def has_turns_by_hand(self) -> bool | None:
        """Whether the client says itself where utterances end; None: as before."""
        given = self.audio and self.audio.input
        if not given or "turn_detection" not in given.model_fields_set:
            return None
        return given.turn_detection is None

    @model_validator(mode="after")
    def _instructs_in_one_way(self) -> GivenSession:
        if self.instructions is not None and self.onlooker and self.onlooker.instructions:
            raise ValueError("send session.instructions or session.onlooker.instructions, not both")
        return self


class FrameNote(_Ours, frozen=True):
    """Where and when a picture was taken."""

    stream: Name = "camera"
    captured_ms: float | None = Field(default=None, ge=0, le=1e15, allow_inf_nan=False)


class TextPart(_Theirs, frozen=True):
    """Words of the user."""

    type: Literal["input_text"]
    text: Text


class ImagePart(_Theirs, frozen=True):
    """A picture as a data URL."""

    type: Literal["input_image"]
    image_url: str = Field(repr=False)
    onlooker: FrameNote = FrameNote()


class GivenItem(_Theirs, frozen=True):
    """A message of the user."""

    id: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)] | None = None
    type: Literal["message"]
    role: Literal["user"]
    content: tuple[Annotated[TextPart | ImagePart, Field(discriminator="type")], ...] = Field(
        min_length=1, max_length=MAX_PARTS
    )


class ClientEvent(_Theirs, frozen=True):
    """The fields of every event."""

    event_id: str | None = Field(None, max_length=512)


class SessionUpdate(ClientEvent, frozen=True):
    type: Literal["session.update"]
    session: GivenSession


class ItemCreate(ClientEvent, frozen=True):
    type: Literal["conversation.item.create"]
    item: GivenItem


class _GivenResponse(_Theirs, frozen=True):
    instructions: Text | None = None


class ResponseCreate(ClientEvent, frozen=True):
    type: Literal["response.create"]
    response: _GivenResponse | None = None


class ResponseCancel(ClientEvent, frozen=True):
    type: Literal["response.cancel"]


class SoundNote(_Ours, frozen=True):
    """Which microphone."""

    stream: Name = "microphone"


class AudioAppend(ClientEvent, frozen=True):
    type: Literal["input_audio_buffer.append"]
    audio: str = Field(repr=False)
    onlooker: SoundNote = SoundNote()


class AudioCommit(ClientEvent, frozen=True):
    type: Literal["input_audio_buffer.commit"]


class AudioClear(ClientEvent, frozen=True):
    type: Literal["input_audio_buffer.clear"]


class _OurEvent(_Ours, frozen=True):
    event_id: str | None = Field(None, max_length=512)


class OutputClear(ClientEvent, frozen=True):
    type: Literal["output_audio_buffer.clear"]


class ItemTruncate(ClientEvent, frozen=True):
    type: Literal["conversation.item.truncate"]
    item_id: str = Field(max_length=512)
    content_index: int = Field(ge=0, le=16)
    audio_end_ms: int = Field(ge=0, le=2**31)


class TaskCancel(_OurEvent, frozen=True):
    type: Literal["onlooker.task.cancel"]
    task_id: str


class TaskDeliver(_OurEvent, frozen=True):
    type: Literal["onlooker.task.deliver"]
    task_id: str
    delivery: Delivery


LabelWord = Literal["useful", "false_alarm", "missed"]


class Label(_OurEvent, frozen=True):
    type: Literal["onlooker.label"]
    tick: int = Field(ge=0, le=2**31)
    label: LabelWord
    note: str = Field("", max_length=500)


class StreamAdd(_OurEvent, frozen=True):
    type: Literal["onlooker.stream.add"]
    stream: Name
    address: str | None = Field(None, min_length=1, max_length=2000, repr=False)


class StreamRemove(_OurEvent, frozen=True):
    type: Literal["onlooker.stream.remove"]
    stream: Name


class SessionClose(_OurEvent, frozen=True):
    type: Literal["onlooker.session.close"]


AnyClientEvent = (
    SessionUpdate
    | ItemCreate
    | ResponseCreate
    | ResponseCancel
    | AudioAppend
    | AudioCommit
    | AudioClear
    | OutputClear
    | ItemTruncate
    | TaskCancel
    | TaskDeliver
    | Label
    | StreamAdd
    | StreamRemove
    | SessionClose
)
_READER: TypeAdapter[AnyClientEvent] = TypeAdapter(
    Annotated[AnyClientEvent, Field(discriminator="type")]
)


def read_client_event(message: str | bytes) -> AnyClientEvent:
    """Read one message of a client.

    Raises:
        BadEvent: it is no JSON, no event of ours, or a field of it is wrong.
    """
    try:
        plain = from_json(message, allow_inf_nan=False)
    except (ValueError, TypeError) as error:  # half a letter is a TypeError
        raise BadEvent("invalid_json", f"the message is no JSON: {error}") from None
    try:
        return _READER.validate_python(plain)
    except ValidationError as error:
        bad = _explain(error)
        bad.event_id = _event_id(plain)
        raise bad from None


def _event_id(plain: Any) -> str | None:
    given = plain.get("event_id") if isinstance(plain, dict) else None
    return given[:512] if isinstance(given, str) else None


def _explain(error: ValidationError) -> BadEvent:
    """Name the first thing that is wrong. What was sent is not repeated: it may be a secret."""
    first = error.errors(include_url=False, include_input=False, include_context=True)[0]
    if first["type"].startswith("union_tag") and len(first["loc"]) < 2:
        named = first.get("ctx", {}).get("tag", "")
        return BadEvent("unknown_event", f"we know no event {named[:80]!r}; see docs/realtime.md")
    if not first["loc"]:
        return BadEvent("invalid_value", "an event is a JSON object with a type")
    param = _path(first["loc"][1:])
    return BadEvent("invalid_value", f"{param}: {first['msg']}", param)


def _path(loc: Sequence[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)[1:]
