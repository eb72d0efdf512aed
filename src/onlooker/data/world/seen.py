"""A rendered scenario as eyes see it: their views, and when what truly happens shows in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from itertools import groupby

from onlooker.core.media import VideoFrame
from onlooker.core.moment import Observation, Tick
from onlooker.core.percept import Box, Scene, View
from onlooker.data.stream import BadData, LabelledStream
from onlooker.data.world.compose import Scenario, label
from onlooker.data.world.noise import Seen
from onlooker.data.world.pixels import SIZE_PX, Size, rendered
from onlooker.data.world.stage import Stage

Look = Callable[[Observation], Scene]
"""Looks at a tick, and remembers the ticks before."""
Eyes = Callable[[Stage], Look]
"""Opens eyes on a stage, whose zones they must know."""

SAME_TEXT = 0.6  # likeness of a line and of what is read of it
NEAR = 0.12  # from the middle of a thing to that of what is taken for it, in parts of the picture


def seen_by(
    eyes: Eyes, scenario: Scenario, *, size_px: Size = SIZE_PX, fps: float = 1
) -> LabelledStream:
    """Let eyes look at a rendered scenario.

    Returns:
        turns with what they saw, decisions on the seconds in which it could be seen, and the
        truth of what happened.
    """
    look = eyes(scenario.stage)
    return label(
        scenario, noted(scenario.stage, rendered(scenario, size_px=size_px, fps=fps), look)
    )


def noted(stage: Stage, frames: Iterable[VideoFrame], look: Look) -> Seen:
    """Look at frames, second by second, and note when each thing is first seen and last."""
    seen = Seen()
    tracks: dict[int, int] = {}  # track -> thing
    for second, shown in groupby(frames, key=lambda frame: int(frame.time_s)):
        scene = look(Observation(Tick(second, float(second), second + 1.0), tuple(shown)))
        if len(scene.views) != 1 or second != len(seen.views):
            raise BadData(f"second {second} has {len(scene.views)} views: expected one a second")
        view = scene.views[0]
        seen.views.append(view)
        _note_things(stage, second, view, seen, tracks)
        _note_texts(stage, second, view, seen)
    return seen


def apart(one: Box, other: Box) -> float:
    """Tell how far the middles of two boxes are apart, in parts of the picture."""
    x = (one.left + one.right - other.left - other.right) / 2
    y = (one.top + one.bottom - other.top - other.bottom) / 2
    return float((x * x + y * y) ** 0.5)


def _note_things(stage: Stage, second: int, view: View, seen: Seen, tracks: dict[int, int]) -> None:
    left = {tracks[one.track_id] for one in view.left if one.track_id in tracks}
    for thing in stage.things:
        if thing.id in left and second >= thing.leaves:
            seen.goes[thing.id] = second
    there = [thing for thing in stage.things if thing.is_there(second)]
    pairs = sorted(
        (apart(thing.box(second), one.box), thing.id, one.track_id)
        for thing in there
        for one in view.objects
        if one.label == thing.label
    )
    taken: set[int] = set()
    for distance, thing_id, track_id in pairs:
        if distance > NEAR or thing_id in taken or track_id in taken:
            continue
        taken |= {thing_id, track_id}
        tracks[track_id] = thing_id
        seen.comes.setdefault(thing_id, second)


def _note_texts(stage: Stage, second: int, view: View, seen: Seen) -> None:
    for writing in stage.writings:
        if writing.id in seen.reads or not writing.is_there(second):
            continue
        for text in view.texts:
            pair = (text.text.casefold(), writing.text.casefold())
            if SequenceMatcher(None, *pair).ratio() >= SAME_TEXT:
                seen.reads[writing.id], seen.read_as[writing.id] = second, text.text
                break
