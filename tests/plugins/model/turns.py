"""Turns and conversations for the tests beside this file."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from onlooker.core.moment import Answer, Instruction, Tick, Utterance
from onlooker.core.percept import Picture, Pictures
from onlooker.core.ports import Outcome
from onlooker.core.prompt import Turn
from onlooker.live.context import Context
from onlooker.live.settings import LiveSettings
from onlooker.plugins.model.openai import OpenAIModel, OpenAISession, OpenAISettings
from onlooker.testing.http11 import Reply
from onlooker.testing.scripted import MODELS, ScriptedServer, Step, scripted

JPEG_BYTES = 3000


def picture(index: int, stream: str = "cam") -> Picture:
    jpeg = index.to_bytes(4, "big") * (JPEG_BYTES // 4)
    return Picture(stream, index + 0.5, 64, 48, jpeg)


def turn(
    index: int,
    *,
    heard: tuple[Utterance, ...] = (),
    instructed: tuple[Instruction, ...] = (),
    answers: tuple[Answer, ...] = (),
    streams: tuple[str, ...] = ("cam",),
) -> Turn:
    pictures = Pictures(
        tuple(picture(index + 1000 * at, stream) for at, stream in enumerate(streams))
    )
    tick = Tick(index, float(index), index + 1.0)
    return Turn(tick, (pictures,), heard=heard, instructed=instructed, answers=answers)


@dataclass
class Talk:
    """A session that goes on tick by tick, as the line drives it."""

    session: OpenAISession
    model: OpenAIModel
    context: Context
    server: ScriptedServer
    said: list[str] = field(default_factory=list)

    async def decide(self, turn: Turn) -> Outcome:
        self.said = []

        async def say(text: str) -> None:
            self.said.append(text)

        try:
            outcome = await self.session.decide(self.context.ask(turn), say)
        except Exception:
            self.context.postpone(turn)
            raise
        self.context.settle(outcome.decision)
        return outcome


@asynccontextmanager
async def talking(
    *steps: Step,
    models: Mapping[str, Any] | Reply = MODELS,
    live: LiveSettings | None = None,
    **settings: Any,
) -> AsyncIterator[Talk]:
    """Open a session with a server that follows a script."""
    async with scripted(*steps, models=models) as server, AsyncExitStack() as stack:
        model = OpenAIModel(OpenAISettings(url=server.url, **settings))
        stack.push_async_callback(model.close)
        session = await model.open()
        stack.push_async_callback(session.close)
        yield Talk(session, model, Context(live or LiveSettings()), server)
