"""A suite of two streams, and players whose scores one can compute by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.moment import Instruction, Tick
from onlooker.core.percept import Scene, View
from onlooker.core.ports import ModelTraits, Outcome, Say
from onlooker.core.prompt import Prompt, Turn
from onlooker.evaluate.content import Content
from onlooker.evaluate.suite import Item, ItemMissing
from onlooker.evaluate.truth import Expected, Standing, Truth

SECONDS = 40
DUE = (10, 20, 30)  # the last one is to be delegated


def busy(name: str = "busy", family: str = "monitoring") -> Item:
    """Three events, each in one second; the third is a hard question."""
    events = tuple(
        Expected(
            f"e{second}",
            float(second),
            second + 1.0,
            "delegate" if second == DUE[-1] else "speak",
            Content("keywords", ("boils",)),
            "i1",
        )
        for second in DUE
    )
    standing = Standing("i1", "tell me when it boils", 0.5)
    truth = Truth(name, float(SECONDS), events, (standing,), family=family)
    return Item(truth, _turns())


def quiet(name: str = "quiet") -> Item:
    """Nothing is due."""
    return Item(Truth(name, float(SECONDS), family="quiet"), _turns())


def _turns() -> tuple[Turn, ...]:
    change = (Instruction("i1", "tell me when it boils", 0.5),)
    return tuple(
        Turn(
            Tick(second, float(second), second + 1.0),
            (Scene((View("pot", second + 0.9),)),),
            instructed=change if second == 0 else (),
        )
        for second in range(SECONDS)
    )


@dataclass(frozen=True)
class TinySuite:
    """Items by name; a name that begins with "missing" cannot be made."""

    items: tuple[str, ...] = ("busy", "busy-2", "quiet", "quiet-2")
    name: str = "tiny"
    digest: str = "d1"

    def family_of(self, item: str) -> str:
        return "quiet" if item.startswith("quiet") else "monitoring"

    def open(self, item: str) -> Item:
        if item.startswith("missing"):
            raise ItemMissing(f"the video of {item} is not here")
        return quiet(item) if item.startswith("quiet") else busy(item)


BOILS = Speak("It boils.")
ASKED = Delegate("It boils. Let me see.", "why?")


def perfect(second: int, *, is_quiet: bool) -> Decision:
    if is_quiet or second not in DUE:
        return Silent()
    return ASKED if second == DUE[-1] else BOILS


def early(second: int, *, is_quiet: bool) -> Decision:
    """Speaks two seconds before."""
    return perfect(second + 2, is_quiet=is_quiet)


def late(second: int, *, is_quiet: bool) -> Decision:
    """Speaks two seconds after."""
    return perfect(second - 2, is_quiet=is_quiet)


def chattering(second: int, *, is_quiet: bool) -> Decision:
    return BOILS


def silent(second: int, *, is_quiet: bool) -> Decision:
    return Silent()


Play = Callable[..., Decision]


class Playing:
    """A model that follows one of the plays; the persona cannot tell it which item it is in."""

    traits = ModelTraits("playing", ("scene",))

    def __init__(self, play: Play, *, num_before_kill: int = 10**9) -> None:
        self.play = play
        self.num_open = 0
        self.num_before_kill = num_before_kill

    async def open(self) -> Playing:
        self.num_open += 1
        if self.num_open > self.num_before_kill:
            raise KeyboardInterrupt
        return self

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        # In this suite items with events come first.
        is_quiet = self.num_open > 2
        return Outcome(self.play(prompt.now.tick.index, is_quiet=is_quiet))

    async def close(self) -> None: ...
