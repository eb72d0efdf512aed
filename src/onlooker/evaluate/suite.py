"""A suite: items to play, each made when it is wanted, and what is right for each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from onlooker.core.errors import OnlookerError
from onlooker.core.media import VideoFrame
from onlooker.core.percept import SceneObject
from onlooker.core.prompt import Persona, Turn
from onlooker.evaluate.replay import Brain, Past
from onlooker.evaluate.truth import Truth


class ItemMissing(OnlookerError):
    """An item cannot be made here, such as for want of its video. It is listed and in no score."""


@dataclass(frozen=True, slots=True)
class Place:
    """A named column of the picture, from `left` to before `right`, in parts of its width."""

    name: str
    left: float
    right: float

    def holds(self, thing: SceneObject) -> bool:
        """Whether a thing's foot stands in it."""
        return self.left <= (thing.box.left + thing.box.right) / 2 < self.right


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
    frames_sha256: str = ""  # what they should be, see `FramesDigest`
    places: tuple[Place, ...] = ()  # zones that somebody drew into the picture


class FramesDigest:
    """Names frames by their pixels, sizes and times."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, frame: VideoFrame) -> None:
        """Take a frame in."""
        head = f"{frame.stream} {frame.time_s:.6f} {frame.pixels_HWC.shape}\n"
        self._hash.update(head.encode())
        self._hash.update(np.ascontiguousarray(frame.pixels_HWC).data)

    @property
    def hex(self) -> str:
        return self._hash.hexdigest()


class Suite(Protocol):
    """Named items. Equal digests are equal items, pixels included."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def items(self) -> tuple[str, ...]: ...

    def family_of(self, item: str) -> str:
        """Say which family an item belongs to, without making it."""
        ...

    def open(self, item: str) -> Item:
        """Make one item.

        Raises:
            ItemMissing: it cannot be made here; the sentence says why.
        """
        ...
