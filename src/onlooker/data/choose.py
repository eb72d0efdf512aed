"""Choose the streams of a suite: which recipes of the world to take, a family at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from onlooker.core.percept import Scene, View
from onlooker.core.prompt import Turn
from onlooker.data.stream import LabelledStream
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.data.world.words import Split

MAX_TRIES = 20_000  # recipes that are looked at for one family

# Seconds, from shortest to longest, so that a whole suite is played in minutes.
LENGTHS_S = {"memory": (90, 120), "quiet": (60, 120)}
USUAL_S = (30, 60)
FAMILIES = (
    "monitoring",
    "counting",
    "text",
    "time",
    "commentary",
    "memory",
    "delegation",
    "quiet",
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a suite shall hold."""

    families: tuple[str, ...] = FAMILIES
    splits: tuple[Split, ...] = ("seeds", "phrasings")  # in turns
    num_each: int = 20  # of each family
    seed: int = 2026


def choose(
    wish: Wish, is_fit: Callable[[Recipe], bool] = lambda _: True
) -> Iterator[dict[str, Any]]:
    """Yield the entries of a suite's recipe.

    Streams in which something is due must have it happen, and quiet ones must have somebody or
    something in them, for silence where nothing moves is no merit.

    Args:
        wish: what to hold.
        is_fit: whether a stream can be shown, such as whether eyes know what is in it.
    """
    for family in wish.families:
        for at, split in enumerate(wish.splits):
            whole, rest = divmod(wish.num_each, len(wish.splits))
            num = whole + (at < rest)
            yield from _entries(family, split, wish.seed, num, is_fit)


def _entries(
    family: str, split: Split, seed: int, num: int, is_fit: Callable[[Recipe], bool]
) -> Iterator[dict[str, Any]]:
    recipes = (Recipe(family, split, seed, number) for number in range(MAX_TRIES))
    found = (one for one in recipes if _is_worth(make_stream(one)) and is_fit(one))
    for recipe in islice(found, num):
        yield {"family": family, "world": asdict(recipe)}


def _is_worth(stream: LabelledStream) -> bool:
    def views(turn: Turn) -> Iterator[View]:
        for percept in turn.percepts:
            yield from percept.views if isinstance(percept, Scene) else ()

    shortest, longest = LENGTHS_S.get(stream.family, USUAL_S)
    is_quiet = stream.family == "quiet"
    is_lively = any(view.entered for turn in stream.turns[1:] for view in views(turn))
    return (
        shortest <= stream.truth.duration_s <= longest
        and bool(stream.truth.events) != is_quiet
        and (is_lively or not is_quiet)
    )
