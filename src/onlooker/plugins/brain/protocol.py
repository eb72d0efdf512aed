"""Our own wire between a session and a brain elsewhere: JSON, the same over HTTP and over pipes.

The task goes out as one object; news comes back as objects with a `type`, the last of them
`result`, `needs_input` or `error`. docs/brain.md tells it field by field.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from onlooker.core.errors import BrainFailed
from onlooker.core.event import TaskUsage
from onlooker.core.moment import Delivery
from onlooker.core.task import (
    Artefact,
    ArtefactKind,
    NeedsInput,
    Partial,
    Progress,
    Result,
    Task,
    TaskNews,
)
from onlooker.plugins.brain.calls import ODD

VERSION = 1


class _Usage(BaseModel):
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    cost: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    def of_core(self) -> TaskUsage:
        return TaskUsage(**self.model_dump())


class _Artefact(BaseModel):
    kind: ArtefactKind = "file"
    title: str = ""
    text: str | None = None
    base64: str | None = None
    path: str | None = None  # of a file in the working directory of a command


class _Progress(BaseModel):
    type: Literal["progress"]
    text: str


class _Partial(BaseModel):
    type: Literal["partial"]
    text: str


class _Result(BaseModel):
    type: Literal["result"]
    text: str
    artefacts: list[_Artefact] = []
    usage: _Usage = _Usage()
    delivery: Delivery | None = None


class _NeedsInput(BaseModel):
    type: Literal["needs_input"]
    question: str = Field(min_length=1)
    usage: _Usage = _Usage()


class _Error(BaseModel):
    type: Literal["error"]
    message: str


_News = TypeAdapter[_Progress | _Partial | _Result | _NeedsInput | _Error](
    Annotated[_Progress | _Partial | _Result | _NeedsInput | _Error, Field(discriminator="type")]
)


def task_json(task: Task, picture_paths: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Write a task; pictures as base64, or as the paths that they were written to."""
    pictures = []
    for index, picture in enumerate(task.pictures):
        where = (
            {"path": picture_paths[index]}
            if picture_paths is not None
            else {"jpeg": base64.b64encode(picture.jpeg).decode()}
        )
        pictures.append({"stream": picture.stream, "time_s": picture.time_s, **where})
    return {
        "type": "task",
        "version": VERSION,
        "id": task.id,
        "question": task.question,
        "note": task.note,
        "asked_s": task.asked_s,
        "language": task.language,
        "timeout_s": task.timeout_s,
        "instructions": list(task.instructions),
        "said": [
            {"time_s": said.time_s, "speaker": said.speaker, "text": said.text}
            for said in task.said
        ],
        "memory": list(task.memory),
        "pictures": pictures,
    }


def read_news(data: str, where: str, files: dict[str, bytes] | None = None) -> TaskNews:
    """Read one object of news; `files` are those that artefacts may name by their path.

    Raises:
        BrainFailed: it is none, or it says that the brain failed.
    """
    try:
        news = _News.validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, problem["loc"])) or "it"
        why = " ".join(f"{place}: {problem['msg']}".split())[:200]
        raise BrainFailed(
            f"{where} sent {data[:120]!r}: {why}; expected an object of type "
            f"progress, partial, result, needs_input or error",
            ODD,
        ) from None
    match news:
        case _Progress(text=text):
            return Progress(text)
        case _Partial(text=text):
            return Partial(text)
        case _Result():
            made = tuple(_artefact_of(artefact, where, files or {}) for artefact in news.artefacts)
            return Result(news.text, made, news.usage.of_core(), news.delivery)
        case _NeedsInput():
            return NeedsInput(news.question, news.usage.of_core())
        case _Error(message=message):
            raise BrainFailed(f"{where} says that it failed: {message[:200]!r}")


def _artefact_of(plain: _Artefact, where: str, files: dict[str, bytes]) -> Artefact:
    if plain.text is not None:
        content = plain.text.encode(errors="replace")
    elif plain.base64 is not None:
        try:
            content = base64.b64decode(plain.base64, validate=True)
        except ValueError:
            raise BrainFailed(f"{where} sent an artefact that is no base64", ODD) from None
    elif plain.path in files:
        content = files[plain.path]
    else:
        raise BrainFailed(f"{where} sent an artefact without text, base64 or a path in it", ODD)
    return Artefact(plain.kind, content, plain.title)
