"""A labelled stream as a conversation, for people who look at data with their own eyes."""

from __future__ import annotations

from collections.abc import Iterator

from onlooker.core.decision import Silent, render_decision
from onlooker.core.percept import Scene
from onlooker.core.prompt import Turn
from onlooker.core.scene_words import scene_words
from onlooker.data.stream import LabelledStream

MAX_SHOWN = 100  # characters of a scene


def show(stream: LabelledStream, *, shows_all: bool = False) -> Iterator[str]:
    """Yield a stream line by line: the seconds in which something is said, or changes, or all."""
    yield (
        f"{stream.item}: {len(stream.turns)} s, {stream.num_spoken} spoken, "
        f"{stream.num_delegated} delegated, persona {stream.persona}"
    )
    yield from (f"  memory: {paragraph}" for paragraph in stream.memory)
    for turn in stream.turns:
        if shows_all or _matters(turn):
            yield from _lines(turn)


def _matters(turn: Turn) -> bool:
    is_said = turn.heard or turn.instructed or turn.answers
    return bool(is_said) or not isinstance(turn.decision, Silent) or _has_news(turn)


def _has_news(turn: Turn) -> bool:
    scenes = (percept for percept in turn.percepts if isinstance(percept, Scene))
    return any(view.entered or view.left for scene in scenes for view in scene.views)


def _lines(turn: Turn) -> Iterator[str]:
    for words in turn.heard:
        yield f"        {'overheard' if words.speaker == 'scene' else 'user'}: {words.text}"
    for change in turn.instructed:
        yield f"        instruction {change.id} {change.state}: {change.text}"
    for answer in turn.answers:
        yield f"        brain ({answer.status}): {answer.text}"
    seen = " | ".join(
        scene_words(percept).replace("\n", " | ")
        for percept in turn.percepts
        if isinstance(percept, Scene)
    )
    shown = seen if len(seen) <= MAX_SHOWN else f"{seen[: MAX_SHOWN - 3]}..."
    said = "" if isinstance(turn.decision, Silent | None) else render_decision(turn.decision)
    yield f"{turn.tick.start_s:6.1f}  {shown}" + (f"\n     -> {said}" if said else "")
