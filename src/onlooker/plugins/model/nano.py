"""The small model that ships: decides on scenes, on one core of the processor, in milliseconds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from onlooker.core.decision import Silent
from onlooker.core.errors import BadSettings
from onlooker.core.ports import ModelTraits, Outcome, Say
from onlooker.core.prompt import Prompt

if TYPE_CHECKING:
    from onlooker.model.nano.engine import Conversation


class NanoSettings(BaseModel, frozen=True, extra="forbid"):
    """Which weights, and how readily it speaks."""

    weights: str = Field(
        default="",
        description="folder with config.json, model.safetensors and tokenizer.json; "
        "the shipped one if empty",
    )
    talkativeness: float = Field(
        default=0.07,  # fewer false alarms than at 0.5, and about as much told: docs/nano.md
        ge=0,
        le=1,
        description="0 never speaks, 1 always; 0.5 does what the model finds likelier",
    )
    max_tokens: int = Field(default=96, ge=16, le=256, description="of one decision")


class NanoModel:
    """Holds the weights; what was read of a session belongs to it.

    Raises:
        BadSettings: the extra `scenes` is not installed, or the weights cannot be used.
    """

    Settings = NanoSettings
    # As in training: see train/examples.py.
    traits = ModelTraits("nano", ("scene",), window_ticks=40, carry_ticks=8)

    def __init__(self, settings: NanoSettings) -> None:
        try:
            from onlooker.model.nano.engine import SHIPPED, Engine
        except ModuleNotFoundError as error:
            raise BadSettings(
                f"the model 'nano' needs {error.name}: pip install 'onlooker[scenes]', "
                f"or choose another model, such as a server with --model-url"
            ) from None
        self._settings = settings
        folder = Path(settings.weights).expanduser() if settings.weights else SHIPPED
        self._engine = Engine(folder)

    async def open(self) -> NanoSession:
        from onlooker.model.nano.engine import Conversation

        settings = self._settings
        return NanoSession(Conversation(self._engine, settings.talkativeness, settings.max_tokens))

    async def close(self) -> None:
        """Nothing is held open but memory."""


class NanoSession:
    """One session, read and decided on in a thread."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    @property
    def talkativeness(self) -> float:
        return self._conversation.talkativeness

    @talkativeness.setter
    def talkativeness(self, value: float) -> None:
        self._conversation.talkativeness = value

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        """Decide on the last turn of a prompt; what is said comes in one piece.

        Raises:
            MalformedDecision: what was written is no decision. ModelUnavailable: the weights are
            damaged.
        """
        gone = Event()
        try:
            outcome = await asyncio.to_thread(self._conversation.decide, prompt, gone.is_set)
        finally:
            gone.set()
        if not isinstance(outcome.decision, Silent):
            await say(outcome.decision.text)
        return outcome

    async def close(self) -> None:
        """What was read goes with the session."""
