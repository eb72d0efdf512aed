"""A labelled stream as the prompts that a live session would build from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from onlooker.core.prompt import Prompt
from onlooker.data.stream import LabelledStream
from onlooker.live.context import Context
from onlooker.live.settings import LiveSettings


@dataclass(frozen=True, slots=True)
class Window:
    """A full prompt, all of its turns decided. The first `num_carried` stood in the one before."""

    prompt: Prompt
    num_carried: int


def windows(stream: LabelledStream, settings: LiveSettings | None = None) -> Iterator[Window]:
    """Yield the windows of a stream, each as it stands just before it is turned over."""
    settings = replace(settings or LiveSettings(), persona=stream.persona)
    context = Context(settings)
    full: Prompt | None = None
    num_carried = 0
    for turn in stream.turns:
        if turn.decision is None:
            continue
        prompt = context.ask(replace(turn, decision=None))
        if full is not None and len(prompt.turns) <= len(full.turns):
            yield Window(full, num_carried)
            num_carried = len(prompt.turns) - 1
        context.settle(turn.decision)
        decided = (*prompt.turns[:-1], turn)
        full = replace(prompt, turns=decided, memory=stream.memory)
    if full is not None:
        yield Window(full, num_carried)
