"""Choose the streams of a suite: which recipes of the world to take, a family at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice, zip_longest
from typing import Any

from onlooker.data.world.compose import Recipe, Scenario
from onlooker.data.world.pixels import scenario_of
from onlooker.data.world.words import Split

MAX_TRIES = 20_000  # recipes that are looked at for one family

# Seconds, from shortest to longest, so that a whole suite is played in minutes.
LENGTHS_S = {"memory": (90, 120), "quiet": (60, 120)}
USUAL_S = (30, 45)
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


def choose(wish: Wish) -> Iterator[dict[str, Any]]:
    """Yield the entries of a suite's recipe.

    Streams in which something is due must have it happen, and in quiet ones somebody or something
    must come, for silence where nothing moves is no merit.
    """
    for family in wish.families:
        whole, rest = divmod(wish.num_each, len(wish.splits))
        rows = [
            list(_entries(family, split, wish.seed, whole + (at < rest)))
            for at, split in enumerate(wish.splits)
        ]
        # Splits in turns, so that the first items of a family stand for all of it.
        for column in zip_longest(*rows):
            yield from (entry for entry in column if entry)


def _entries(family: str, split: Split, seed: int, num: int) -> Iterator[dict[str, Any]]:
    recipes = (Recipe(family, split, seed, number, "pixels") for number in range(MAX_TRIES))
    found = (one for one in recipes if _is_worth(scenario_of(one)))
    for recipe in islice(found, num):
        yield {"family": family, "world": asdict(recipe)}


def _is_worth(scenario: Scenario) -> bool:
    family, stage = scenario.recipe.family, scenario.stage
    shortest, longest = LENGTHS_S.get(family, USUAL_S)
    if not shortest <= stage.num_seconds <= longest:
        return False
    if family == "quiet":
        return not scenario.task.dues and any(one.enters > 0 for one in stage.things)
    return any(due.at < stage.num_seconds for due in scenario.task.dues)
