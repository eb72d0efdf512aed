"""Parts that all sessions of a server share: built once, closed once, by the hub."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from onlooker.assemble import (
    built,
    chosen,
    model_of,
    perception_of,
    speech_of,
    summariser_of,
    tasks_of,
)
from onlooker.config import Players, Settings
from onlooker.core.ports import Brain, Codec, Memory, Model, Perception, Sink, Summariser
from onlooker.live.budget import Budget
from onlooker.live.session import Parts
from onlooker.live.speech import SpeechParts
from onlooker.plugins.loader import load
from onlooker.server.zones import ZonedPerception, Zones

P = TypeVar("P")
# What writes to the terminal, or needs a place of its own in each session.
NOT_SHARED = ("console", "jsonl", "recorder")


class _Lent:
    """A part that a session may use and not close: weights are everybody's."""

    def __init__(self, part: Any) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)

    async def close(self) -> None:
        """The owner closes it."""


def lent(part: P) -> P:
    """Give a part away without its end."""
    return cast("P", _Lent(part)) if part is not None else part


@dataclass(frozen=True)
class Shared:
    """The parts of which there is one: weights and connections."""

    settings: Settings
    model: Model
    codec: Codec | None
    perception: Perception | None
    brain: Brain | None
    summariser: Summariser | None
    budget: Budget
    speech: SpeechParts

    def parts_for(
        self, session_id: str, zones: Zones, sinks: dict[str, Sink], *, remembers: bool = True
    ) -> Parts:
        """Put together what one session needs; it closes only what is its own."""
        perception = ZonedPerception(self.perception, zones) if self.perception else None
        return Parts(
            sources={},
            model=lent(self.model),
            codec=lent(self.codec),
            perception=perception,
            brain=lent(self.brain),
            tasks=tasks_of(self.settings.brain.tasks, self.settings.live.language),
            budget=self.budget,
            memory=_memory_of(self.settings, session_id) if remembers else None,
            summariser=lent(self.summariser),
            speech=_lent_speech(self.speech),
            sinks={
                **{
                    name: built("sink", name, self.settings.sink)
                    for name in self.settings.sink.use
                    if name not in NOT_SHARED
                },
                **sinks,
            },
        )


def _of_pages(settings: Settings) -> Settings:
    """Leave this machine's microphone and loudspeaker alone: a visitor has their own."""
    speech = settings.speech.model_copy(update={"microphone": ""})
    return settings.model_copy(update={"speech": speech, "player": Players()})


def _lent_speech(speech: SpeechParts) -> SpeechParts:
    """Give the voice and the ears away without their end."""
    ears = speech.ears
    return replace(
        speech,
        voice=lent(speech.voice),
        ears=replace(ears, transcriber=lent(ears.transcriber)) if ears else None,
    )


def share(settings: Settings, stack: AsyncExitStack) -> Shared:
    """Build what is shared; `stack` closes it.

    Raises:
        BadSettings, UnknownPlugin: a sentence that says what to change.
    """
    model = model_of(settings)
    shared = Shared(
        settings,
        model=model,
        codec=chosen("codec", settings.codec),
        perception=perception_of(settings, model),
        brain=chosen("brain", settings.brain),
        summariser=summariser_of(settings, model),
        budget=Budget(settings.brain.together),
        speech=speech_of(_of_pages(settings)),
    )
    ears = shared.speech.ears.transcriber if shared.speech.ears else None
    for part in (
        shared.model,
        shared.codec,
        shared.perception,
        shared.brain,
        shared.summariser,
        shared.speech.voice,
        ears,
    ):
        if part is not None:
            stack.push_async_callback(part.close)
    return shared


def _memory_of(settings: Settings, session_id: str) -> Memory | None:
    """Build a session's memory under its own name, where the plug-in knows names."""
    choice = settings.memory
    if choice.use and "session" in load("memory", choice.use).Settings.model_fields:
        table = {**choice.table(choice.use), "session": session_id}
        choice = choice.model_validate({**choice.model_dump(), choice.use: table})
    memory: Memory | None = chosen("memory", choice)
    return memory


def recorder_of(settings: Settings, folder: Any) -> Sink:
    """Build a recorder into a folder of its own."""
    table = {
        "max_bytes": settings.server.max_recording_bytes,
        **settings.sink.table("recorder"),
        "folder": str(folder),
    }
    sinks = settings.sink.model_validate({**settings.sink.model_dump(), "recorder": table})
    recorder: Sink = built("sink", "recorder", sinks)
    return recorder
