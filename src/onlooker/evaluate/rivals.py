"""A turn-based use of any model: asked anew at every second, with no session of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

from onlooker.core.decision import Silent, Speak
from onlooker.core.moment import Instruction
from onlooker.core.ports import Model, Outcome, Say
from onlooker.core.prompt import Prompt, Turn, fold


@dataclass(frozen=True, slots=True)
class Polling:
    """How a turn-based rival is asked."""

    num_turns: int = 1  # newest seconds that it is shown, without its decisions
    repeat_s: float = 10.0  # the same words within so long are held back, as such systems do


class Polled:
    """The same model, prompted and polled once a second.

    Each poll is a conversation of its own: what stands, the newest seconds, what was asked and
    answered in them. What it said before it does not know; the same words again are held back.
    """

    def __init__(self, model: Model, polling: Polling | None = None) -> None:
        self._model = model
        self._polling = polling or Polling()
        self.traits = replace(model.traits, name=f"{model.traits.name}, polled")

    async def open(self) -> PolledSession:
        return PolledSession(self._model, self._polling)

    async def close(self) -> None:
        await self._model.close()


class PolledSession:
    """What a poller keeps by itself: what stands, and what was said when."""

    def __init__(self, model: Model, polling: Polling) -> None:
        self._model, self._polling = model, polling
        self._standing: dict[str, Instruction] = {}
        self._shown: list[Turn] = []
        self._said_s: dict[str, float] = {}

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        """Ask about the newest seconds alone."""
        now = prompt.now
        self._standing = fold(self._standing, now.instructed)
        shown = [*self._shown, replace(now, instructed=())][-self._polling.num_turns :]
        self._shown = [replace(turn, decision=Silent()) for turn in shown]
        asked = Prompt(
            prompt.persona,
            (*self._shown[:-1], shown[-1]),
            standing=tuple(self._standing.values()),
            memory=prompt.memory,
        )
        pieces: list[str] = []

        async def keep(piece: str) -> None:
            pieces.append(piece)

        session = await self._model.open()
        try:
            outcome = await session.decide(asked, keep)
        finally:
            await session.close()
        if isinstance(outcome.decision, Speak) and self._is_repeated(outcome.decision, now):
            return replace(outcome, decision=Silent())
        for piece in pieces:
            await say(piece)
        return outcome

    async def close(self) -> None: ...

    def _is_repeated(self, said: Speak, now: Turn) -> bool:
        last_s = self._said_s.get(said.text, float("-inf"))
        is_repeated = now.tick.end_s - last_s < self._polling.repeat_s
        if not is_repeated:
            self._said_s[said.text] = now.tick.end_s
        return is_repeated and not now.heard
