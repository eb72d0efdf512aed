"""A suite: items to play, each made when it is wanted, and what is right for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from onlooker.core.errors import OnlookerError
from onlooker.core.media import VideoFrame
from onlooker.core.prompt import Persona, Turn
from onlooker.evaluate.replay import Brain, Past
from onlooker.evaluate.truth import Truth


class ItemMissing(OnlookerError):
    """An item cannot be made here, such as for want of its video. It is listed and in no score."""


@dataclass(frozen=True, slots=True)
class Item:
    """One stream to play.

    `turns` hold what is heard in each second and, without `frames`, what is seen of it.
    """

    truth: Truth
    turns: tuple[Turn, ...]
    persona: Persona = "default"
    brain: Brain | None = None
    past: Past = field(default_factory=Past)
    frames: Callable[[], Iterator[VideoFrame]] | None = None  # in order of time


class Suite(Protocol):
    """Named items. Equal digests are equal items, pixels included."""

    name: str
    digest: str
    items: tuple[str, ...]

    def family_of(self, item: str) -> str:
        """Say which family an item belongs to, without making it."""
        ...

    def open(self, item: str) -> Item:
        """Make one item.

        Raises:
            ItemMissing: it cannot be made here; the sentence says why.
        """
        ...
