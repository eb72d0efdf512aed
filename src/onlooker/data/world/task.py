"""What a family makes of a stage: what is asked, and what is then due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from onlooker.core.moment import InstructionState
from onlooker.core.percept import View
from onlooker.data.world.phrases import Phrases
from onlooker.data.world.stage import Stage
from onlooker.data.world.words import Words

SignKind = Literal["comes", "goes", "reads"]


@dataclass(frozen=True, slots=True)
class Sign:
    """What must be seen before something can be told."""

    kind: SignKind
    id: int
    later_s: int = 0  # it can be told so long after it was seen


@dataclass(frozen=True, slots=True)
class Ask:
    """Something that a person says or instructs in a second, or that is overheard."""

    at: int
    text: str
    kind: Literal["instruction", "question", "overheard"] = "instruction"
    id: str = ""  # of an instruction
    state: InstructionState = "standing"


@dataclass(frozen=True, slots=True)
class Due:
    """Something that should be told in a second.

    `keys` must all be said, each a word or a run of words; where one of several whole texts is
    right instead, they are in `any_of`.
    """

    at: int
    text: str
    keys: tuple[str, ...]
    any_of: tuple[str, ...] = ()
    question: str | None = None  # it is delegated
    signs: tuple[Sign, ...] = ()
    instruction: str | None = None
    as_seen: Callable[[View], str] | None = None  # says it of what is seen, right or wrong


@dataclass(frozen=True, slots=True)
class Return:
    """The brain's answer to what was delegated in second `asked_at`."""

    asked_at: int
    at: int
    question: str
    text: str
    is_done: bool = True


@dataclass(slots=True)
class Task:
    """All of one task in a stream."""

    asks: list[Ask] = field(default_factory=list)
    dues: list[Due] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    memory: list[str] = field(default_factory=list)
    persona: Literal["silent", "default", "talkative"] = "default"

    def __add__(self, other: Task) -> Task:
        return Task(
            self.asks + other.asks,
            self.dues + other.dues,
            self.returns + other.returns,
            self.memory + other.memory,
            self.persona,
        )


@dataclass(slots=True)
class Setting:
    """What a family works with. `busy` are seconds in which somebody asks something already."""

    stage: Stage
    words: Words
    phrases: Phrases
    rng: Random
    num_instructions: int = 0
    busy: set[int] = field(default_factory=set)
    remembered: set[str] = field(default_factory=set)  # labels that memory tells of
    at_once: int | None = None  # the second in which all that shall stand is asked, if it is one

    @property
    def num_seconds(self) -> int:
        return self.stage.num_seconds

    @property
    def is_training(self) -> bool:
        """Whether the stream teaches: it may be harder than those that are measured with."""
        return self.phrases.split == "train"

    def instruct(self, at: int, text: str) -> Ask:
        """Give a new standing instruction."""
        self.num_instructions += 1
        self.busy.add(at)
        return Ask(at, text, "instruction", f"i{self.num_instructions}")

    def ask(self, at: int, text: str) -> Ask:
        """Ask something that is done with once it is answered."""
        self.busy.add(at)
        return Ask(at, text, "question")

    def early(self) -> int:
        """Choose a second in the first part of the stream, for what shall stand."""
        if self.at_once is not None:
            return self.at_once
        return self._free(0, max(2, self.num_seconds // 4))

    def later(self, first: int = 3) -> int:
        """Choose a second anywhere from `first` on."""
        return self._free(min(first, self.num_seconds - 2), self.num_seconds - 1)

    def target(self, share_absent: float = 0.15) -> str:
        """Choose what is watched for: mostly something that comes in this stream."""
        coming = [one.label for one in self.stage.things if one.enters > 0]
        if coming and self.rng.random() >= share_absent:
            return self.rng.choice(coming)
        return self.rng.choice(self.words.labels)

    def _free(self, first: int, end: int) -> int:
        for _ in range(20):
            if (at := self.rng.randrange(first, end)) not in self.busy:
                return at
        return next(at for at in range(first, self.num_seconds + 99) if at not in self.busy)
