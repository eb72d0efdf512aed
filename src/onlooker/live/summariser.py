"""Any model that decides can tell what left the window, too."""

from __future__ import annotations

from onlooker.core.decision import Delegate, Speak
from onlooker.core.errors import MalformedDecision, MemoryFailed, ModelUnavailable
from onlooker.core.memory import Segment
from onlooker.core.moment import Tick, Utterance
from onlooker.core.percept import Percept, Pictures
from onlooker.core.ports import Model
from onlooker.core.prompt import Prompt, Turn
from onlooker.core.summary_words import SUMMARY_SYSTEM, summary_request

TICK_S = 1.0


class ModelSummariser:
    """Asks a model in a session of its own, so that the line's keeps what it has read.

    The model is whoever's gave it: it is not closed here.
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    async def summarise(self, segment: Segment, max_tokens: int, objection: str = "") -> str:
        """Take what the model says to a single turn: the request, and the segment's pictures."""
        request = (
            f"{SUMMARY_SYSTEM} At most {max_tokens} tokens.\n\n"
            f"{summary_request(segment, objection)}"
        )
        tick = Tick(int(segment.end_s // TICK_S), segment.end_s - TICK_S, segment.end_s)
        seen: tuple[Percept, ...] = (Pictures(segment.pictures),) if self._sees(segment) else ()
        turn = Turn(tick, percepts=seen, heard=(Utterance(request, tick.start_s),))
        try:
            asked = await self._model.open()
            try:
                outcome = await asked.decide(Prompt("default", (turn,)), _say_nothing)
            finally:
                await asked.close()
        except (ModelUnavailable, MalformedDecision) as error:
            raise MemoryFailed(f"no summary from the model: {error}") from None
        if isinstance(outcome.decision, Speak | Delegate):
            return outcome.decision.text
        raise MemoryFailed(f"no summary from the model {self._model.traits.name!r}: it was silent")

    async def close(self) -> None:
        pass

    def _sees(self, segment: Segment) -> bool:
        return bool(segment.pictures) and "pictures" in self._model.traits.reads


async def _say_nothing(text: str) -> None:
    pass
