"""The ports: what a plug-in of each kind must do. Implementations inherit nothing.

Weights belong to the plug-in, state to the object that `open` returns. Every `close` is called
once, also after an error. Traits say what the rest of the system must know before it uses a part.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Sequence,
)
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from onlooker.core.clock import Clock
from onlooker.core.decision import Decision
from onlooker.core.event import Event, Usage
from onlooker.core.media import AudioChunk, Media
from onlooker.core.memory import Entry, Evidence, Forgotten, Kept, Question, Segment, Target
from onlooker.core.moment import Observation
from onlooker.core.percept import Pictures, Scene
from onlooker.core.prompt import Prompt
from onlooker.core.task import Task, TaskNews

PerceptKind = Literal["pictures", "scene"]


@dataclass(frozen=True, slots=True)
class SourceTraits:
    """What the line must know of a source."""

    is_live: bool  # the world goes on whether we read or not: never read at another speed
    is_camera: bool  # a lens: a picture that stays exactly the same is a fault


class Source(Protocol):
    """One stream of pictures, and of sound where there is any. See plugins/source/."""

    traits: SourceTraits
    trouble: str  # why nothing comes, in words; empty while all is well

    def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        """Yield media in order of time, named `stream` and stamped with `clock`'s time.

        A file stamps media time from 0 and keeps pace with the clock by itself; a live source
        stamps the clock's time of arrival and reconnects by itself. The end of the iteration
        is the end of the stream. Cancelling it stops all work within a second.

        Raises:
            SourceFailed: there is nothing to read, and trying again will not help.
        """
        ...

    async def close(self) -> None: ...


class CodecSession(Protocol):
    """The state of a codec in one session."""

    async def encode(self, observation: Observation) -> Pictures:
        """Turn a tick's frames into the pictures that are kept of them.

        Raises:
            PerceptionFailed: the frames cannot be encoded.
        """
        ...

    async def close(self) -> None: ...


class Codec(Protocol):
    """Frames in, pictures out. See plugins/codec/."""

    async def open(self) -> CodecSession: ...

    async def close(self) -> None: ...


class PerceptionSession(Protocol):
    """What perception follows from tick to tick in one session, such as tracks."""

    async def look(self, observation: Observation) -> Scene:
        """Say what is seen in a tick.

        Raises:
            PerceptionFailed: the frames cannot be looked at.
        """
        ...

    async def close(self) -> None: ...


class Perception(Protocol):
    """Frames in, a scene out. See plugins/perception/."""

    async def open(self) -> PerceptionSession: ...

    async def close(self) -> None: ...


Say = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ModelTraits:
    """What a model reads."""

    name: str
    reads: tuple[PerceptKind, ...]  # at least one of them must be there
    window_ticks: int = 0  # the longest window that it was made for; 0: any
    carry_ticks: int = 0  # that stay of such a window when it turns over


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision, and what can be said about how it came about."""

    decision: Decision
    speak_probability: float | None = None
    usage: Usage = Usage()


class ModelSession(Protocol):
    """The state of a model in one session, such as its cache of what it has read."""

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        """Decide on the last turn of `prompt`.

        Awaits `say` with each piece of speech as it is written, once it is sure that the decision
        is to speak; the pieces joined are the decision's text. Cancelling stops all work.

        Raises:
            ModelUnavailable: no answer in time. MalformedDecision: an answer that is none.
        """
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Tunable(Protocol):
    """A model's session that can be made to speak more or less readily while it runs."""

    talkativeness: float  # in [0, 1]; 0.5: as it was trained to


class Model(Protocol):
    """An interaction model. See plugins/model/."""

    traits: ModelTraits

    async def open(self) -> ModelSession: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class BrainTraits:
    """What the session must know of a brain."""

    name: str
    sees: bool = True  # takes pictures


class Brain(Protocol):
    """Answers hard questions beside the line. See plugins/brain/."""

    traits: BrainTraits

    def solve(self, task: Task) -> AsyncGenerator[TaskNews]:
        """Yield what comes of a task; the last is a `Result` or a `NeedsInput`.

        Several tasks may run at once. Closing or cancelling the iteration stops all work on the
        task within two seconds, wherever it is done.

        Raises:
            BrainFailed: it came to no answer.
        """
        ...

    async def close(self) -> None: ...


class MemorySession(Protocol):
    """One session's hold on what its site remembers. Every method may raise `MemoryFailed`."""

    async def remember(self, entries: Sequence[Entry]) -> None:
        """Keep entries, all or none of them."""
        ...

    async def recall(self, question: Question) -> tuple[Evidence, ...]:
        """Give what fits, best first; without words, the newest first."""
        ...

    async def entry(self, id_: int) -> Evidence | None:
        """Give one entry by its number; None if it has gone."""
        ...

    async def picture(self, id_: int) -> bytes | None:
        """Give the key frame of an entry as JPEG; None if it has none, or has gone."""
        ...

    async def forget(self, target: Target) -> Forgotten:
        """Remove what the target names: text, search index, key frames, summaries of the time."""
        ...

    async def owe(self, segment: Segment) -> None:
        """Keep a segment until it is summarised, whatever happens."""
        ...

    async def settle(self, segment: Segment, summary: Entry) -> bool:
        """Keep a segment's summary in its place; False if the segment was forgotten meanwhile."""
        ...

    async def keep_state(self, state: str) -> None:
        """Keep a text for the next session of this name."""
        ...

    async def kept(self) -> Kept:
        """Give what there is to go on from, of earlier sessions and of this one."""
        ...

    async def num_deletes(self) -> int:
        """Count how often something was forgotten; more than before: read `kept` again."""
        ...

    async def close(self) -> None: ...


class Memory(Protocol):
    """Remembers for longer than a prompt. See plugins/memory/."""

    async def open(self, now_s: float) -> MemorySession:
        """Take up a session at its session time `now_s`.

        Raises:
            MemoryFailed: what is there cannot be used.
        """
        ...

    async def close(self) -> None: ...


class Summariser(Protocol):
    """Tells a stretch of time in a paragraph. See plugins/summariser/."""

    async def summarise(self, segment: Segment, max_tokens: int, objection: str = "") -> str:
        """Tell what happened in a segment, with what its instructions care for.

        `objection` says what was wrong with the paragraph before, if this is another try.
        Cancelling stops all work.

        Raises:
            MemoryFailed: no paragraph came of it; trying later may help.
        """
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class VoiceTraits:
    """What the line must know of a voice."""

    name: str
    languages: tuple[str, ...] = ()  # such as "en"; empty: whatever its server speaks


class Voice(Protocol):
    """Text in, speech out. See plugins/voice/."""

    traits: VoiceTraits

    def say(self, text: str) -> AsyncGenerator[AudioChunk]:
        """Yield the speech for `text`, sentence by sentence, all of one rate.

        `start_s` counts from the beginning of this speech, without gaps. Nothing that can be
        said yields nothing. Closing or cancelling the iteration ends it within 100 ms.

        Raises:
            VoiceFailed: there is no speech, or it broke off.
        """
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was understood of an utterance so far."""

    text: str  # empty: nothing that was speech
    is_final: bool


@dataclass(frozen=True, slots=True)
class TranscriberTraits:
    """What the line must know of a transcriber."""

    name: str
    languages: tuple[str, ...] = ()  # such as "en"; empty: whatever its server understands


class Transcriber(Protocol):
    """Speech in, text out. See plugins/transcriber/."""

    traits: TranscriberTraits

    def hear(self, speech: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript]:
        """Yield what is understood of one utterance; the last is final and comes after its end.

        Closing or cancelling the iteration ends it within 100 ms.

        Raises:
            TranscriberFailed: it was not understood, or not in time.
        """
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Player(Protocol):
    """Where the voice's sound goes. See plugins/player/.

    Both methods return at once, whatever becomes of the sound. A sink that is a player as well
    is given the sound of every stream.
    """

    latency_s: float  # from here to somebody's ear

    def play(self, chunk: AudioChunk) -> None:
        """Take the next sound, which is to be heard from `start_s` on, in session time."""
        ...

    def flush(self, time_s: float) -> None:
        """Be silent from `time_s` on, which is now: what was to be heard later is not heard."""
        ...

    async def close(self) -> None: ...


class Judge(Protocol):
    """Reads what happened and what was said, and grades it. See plugins/judge/.

    Evaluation alone asks it, off the line: it may take its time.
    """

    def answer(self, question: str) -> str:
        """Answer in text.

        Raises:
            JudgeUnavailable: there is no answer, or not in time.
        """
        ...

    def close(self) -> None: ...


class Sink(Protocol):
    """Somewhere that events go: a page, a file, a webhook. See plugins/sink/.

    Each sink runs at its own pace behind a bounded queue: it cannot slow the line.
    """

    async def accept(self, event: Event) -> None: ...

    async def close(self) -> None: ...
