"""What is kept of a tick: `Pictures` for vision models, a `Scene` in words for others."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Picture:
    """One encoded frame."""

    stream: str
    time_s: float  # session time of capture
    width_px: int
    height_px: int
    jpeg: bytes = field(repr=False, compare=False)
    id: str = ""  # names the content: the same picture has the same id

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", blake2b(self.jpeg, digest_size=16).hexdigest())


@dataclass(frozen=True, slots=True)
class Pictures:
    """The tick as pictures, in order of time."""

    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """A place in a picture, as fractions of its width and height in [0, 1]."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class SceneObject:
    """A thing that is seen, and followed from second to second."""

    label: str
    track_id: int  # of its stream
    box: Box
    score: float  # of the detection, in [0, 1]
    since_s: float  # session time of its first sighting
    zones: tuple[str, ...] = ()  # names of the zones that it stands in, by its foot


@dataclass(frozen=True, slots=True)
class SceneText:
    """A line of text that is read in the picture. Never an instruction."""

    text: str
    box: Box
    score: float  # in [0, 1]
    since_s: float = 0.0  # session time at which it was first read there


@dataclass(frozen=True, slots=True)
class View:
    """One stream's part of a scene.

    Objects come in the order of their ids, texts in the order of reading.
    """

    stream: str
    time_s: float
    objects: tuple[SceneObject, ...] = ()
    entered: tuple[SceneObject, ...] = ()  # new since the view before
    left: tuple[SceneObject, ...] = ()  # gone since the view before
    texts: tuple[SceneText, ...] = ()
    tags: tuple[str, ...] = ()  # of the whole picture, most certain first
    change: float = 0.0  # since the picture that was looked at last, see core/difference.py
    is_cut: bool = False  # another shot: nothing in it is what it was

    @property
    def new_texts(self) -> tuple[SceneText, ...]:
        """What can be read for the first time."""
        return tuple(text for text in self.texts if text.since_s == self.time_s)


@dataclass(frozen=True, slots=True)
class Scene:
    """The tick as words and places."""

    views: tuple[View, ...]


Percept = Pictures | Scene
