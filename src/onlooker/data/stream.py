"""What training and evaluation get: a stream whose every second says what is right."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from onlooker.core.decision import Delegate, Speak
from onlooker.core.errors import OnlookerError
from onlooker.core.prompt import Persona, Turn
from onlooker.evaluate.truth import Truth


class BadData(OnlookerError, ValueError):
    """A data set, or a stream in it, cannot be what it says."""


@dataclass(frozen=True, slots=True)
class Video:
    """Where a stream's pictures lie, if they are in a file and not in its turns."""

    path: str  # relative to wherever the videos are kept
    fps: int  # pictures of a second that a turn shows


@dataclass(frozen=True, slots=True)
class LabelledStream:
    """Turns with the decision that is right at each, and the truth that scores any decisions.

    The two differ where seeing is imperfect: a decision falls on the second in which what it
    tells can be seen, the truth on the second in which it happened.
    """

    truth: Truth
    turns: tuple[Turn, ...]
    split: str = "train"
    source: str = "world"
    persona: Persona = "default"
    memory: tuple[str, ...] = ()  # of what came before the first turn
    video: Video | None = None

    def __post_init__(self) -> None:
        if not self.turns:
            raise BadData(f"stream {self.item!r} has no turns: label at least one second")
        indices = [turn.tick.index for turn in self.turns]
        if any(turn.decision is None for turn in self.turns):
            raise BadData(f"stream {self.item!r} has a turn without a decision: label every second")
        if any(after <= before for before, after in pairwise(indices)):
            raise BadData(f"the ticks of stream {self.item!r} do not grow: {indices[:8]} ...")

    @property
    def item(self) -> str:
        return self.truth.item

    @property
    def family(self) -> str:
        return self.truth.family

    @property
    def num_spoken(self) -> int:
        return sum(isinstance(turn.decision, Speak | Delegate) for turn in self.turns)

    @property
    def num_delegated(self) -> int:
        return sum(isinstance(turn.decision, Delegate) for turn in self.turns)
