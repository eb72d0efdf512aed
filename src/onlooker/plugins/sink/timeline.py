"""A session as one picture: what was asked, seen and said, second by second. Written at its end."""

from __future__ import annotations

import asyncio
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image
from pydantic import BaseModel, Field

from onlooker.core.decision import Delegate, Speak
from onlooker.core.errors import SinkFailed
from onlooker.core.event import Closed, Decided, Event, Observed, Opened, Perceived
from onlooker.core.moment import Answer, Instruction
from onlooker.core.percept import Percept, Picture, Pictures, Scene
from onlooker.plugins.sink.timeline_svg import Seen, Thumbnail, Words, draw

THUMBNAIL_PX = 192
MAX_THINGS = 60  # of a second


class TimelineSettings(BaseModel, frozen=True, extra="forbid"):
    """Where the picture goes, and how much of the session is in it."""

    path: Path = Field(
        default=Path("onlooker-timeline.svg"), description="an SVG, which every browser shows"
    )
    seconds: int = Field(default=600, ge=1, le=3600, description="of the session, the newest")


class TimelineSink:
    """Keeps the newest seconds in small, and draws them when the session has ended."""

    Settings = TimelineSettings

    def __init__(self, settings: TimelineSettings) -> None:
        self._path = settings.path.expanduser()
        self._seconds: deque[Seen] = deque(maxlen=settings.seconds)
        self._title = ""

    async def accept(self, event: Event) -> None:
        match event:
            case Opened():
                self._title = f"{', '.join(event.streams)}: {event.model} decides"
            case Observed():
                self._seconds.append(Seen(event.start_s, event.end_s, tuple(_asked(event))))
            case Perceived() if self._seconds:
                await asyncio.to_thread(self._see, event)
            case Decided() if self._seconds:
                self._seconds[-1] = replace(
                    self._seconds[-1],
                    said=_said(event),
                    speak_probability=event.speak_probability,
                )
            case Closed():
                await asyncio.to_thread(self._write)

    async def close(self) -> None:
        """The picture is drawn when the session says that it has ended."""

    def _see(self, event: Perceived) -> None:
        views = [
            view
            for percept in event.percepts
            if isinstance(percept, Scene)
            for view in percept.views
        ]
        self._seconds[-1] = replace(
            self._seconds[-1],
            things=tuple(
                (view.stream, thing) for view in views for thing in view.objects[:MAX_THINGS]
            ),
            texts=tuple(text.text for view in views for text in view.texts[:MAX_THINGS]),
            pictures=tuple(map(_small, _newest(event.percepts))),
        )

    def _write(self) -> None:
        if not self._seconds:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(draw(self._title, tuple(self._seconds)), "utf-8")
        except OSError as error:
            raise SinkFailed(
                f"cannot write the timeline {self._path}: {error.strerror or error}; "
                f"name a path that can be written to"
            ) from error


def _asked(event: Observed) -> Iterator[Words]:
    yield from (_of_instruction(change) for change in event.instructed)
    yield from (
        Words("asked" if words.speaker == "user" else "overheard", words.text)
        for words in event.heard
    )
    yield from (_of_answer(answer) for answer in event.answers)


def _of_instruction(change: Instruction) -> Words:
    what = {"standing": "", "paused": "pause: ", "removed": "forget: "}[change.state]
    return Words("asked", f"{what}{change.text}")


def _of_answer(answer: Answer) -> Words:
    return Words("answer", answer.text if answer.status == "done" else f"no answer: {answer.text}")


def _said(event: Decided) -> Words | None:
    match event.decision:
        case Speak(text):
            return Words("spoken", text)
        case Delegate(text, question):
            return Words("delegated", f"{text} → {question}")
    return None


def _newest(percepts: tuple[Percept, ...]) -> Iterator[Picture]:
    pictures = [
        picture
        for percept in percepts
        if isinstance(percept, Pictures)
        for picture in percept.pictures
    ]
    yield from {picture.stream: picture for picture in pictures}.values()


def _small(picture: Picture) -> Thumbnail:
    with Image.open(io.BytesIO(picture.jpeg)) as image:
        image.draft("RGB", (THUMBNAIL_PX, THUMBNAIL_PX))
        small = image.convert("RGB")
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    written = io.BytesIO()
    small.save(written, "JPEG", quality=70)
    return Thumbnail(picture.stream, *small.size, written.getvalue())
