"""A labelled stream as the prompts that a live session would build from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from onlooker.core.conversation import one_decimal
from onlooker.core.prompt import Prompt, Turn
from onlooker.data.stream import LabelledStream
from onlooker.live.context import Context
from onlooker.live.settings import LiveSettings

MAX_NOTES = 80  # of one paragraph, the newest


@dataclass(frozen=True, slots=True)
class Window:
    """A full prompt, all of its turns decided. The first `num_carried` stood in the one before."""

    prompt: Prompt
    num_carried: int


def windows(stream: LabelledStream, settings: LiveSettings | None = None) -> Iterator[Window]:
    """Yield the windows of a stream, each as it stands just before it is turned over.

    What left the window is remembered as a paragraph of notes, after the stream's own memory.
    """
    context = Context(replace(settings or LiveSettings(), persona=stream.persona))
    full: Prompt | None = None
    memory = stream.memory
    num_carried = 0
    for turn in stream.turns:
        assert turn.decision is not None  # noqa: S101 - a labelled stream has all of them
        prompt = context.ask(replace(turn, decision=None))
        if full is not None and len(prompt.turns) <= len(full.turns):
            yield Window(full, num_carried)
            num_carried = len(prompt.turns) - 1
            memory = (*memory, *notes(full.turns[: len(full.turns) - num_carried]))
        context.settle(turn.decision)
        decided = replace(prompt.now, decision=turn.decision)
        full = replace(prompt, turns=(*prompt.turns[:-1], decided), memory=memory)
    if full is not None:
        yield Window(full, num_carried)


def notes(turns: Sequence[Turn]) -> tuple[str, ...]:
    """Write what came, went and could be read in some turns, as one paragraph if there is any."""
    found = [f"{one_decimal(turn.tick.start_s)}: {news}" for turn in turns for news in _news(turn)]
    if not found:
        return ()
    first, last = turns[0].tick.start_s, turns[-1].tick.end_s
    span = f"{one_decimal(first)} to {one_decimal(last)} seconds"
    return (f"{span}: {'; '.join(found[-MAX_NOTES:])}.",)


def _news(turn: Turn) -> Iterator[str]:
    for view in turn.views:
        yield from (f"{one.label} came" for one in view.entered)
        yield from (f"{one.label} left" for one in view.left)
        yield from (f'text "{one.text}"' for one in view.texts if one.since_s >= turn.tick.start_s)
