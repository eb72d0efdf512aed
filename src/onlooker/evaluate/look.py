"""Frames of an item through the real eyes, once a second, into the turns that a model reads."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from time import perf_counter

from onlooker.core.errors import PerceptionFailed
from onlooker.core.event import Perceived
from onlooker.core.media import VideoFrame
from onlooker.core.moment import Observation
from onlooker.core.percept import Percept, Scene, SceneObject
from onlooker.core.ports import Codec, Perception
from onlooker.core.prompt import Turn
from onlooker.core.wire import from_json, to_json
from onlooker.evaluate.suite import FramesDigest, Item, Place


@dataclass(frozen=True, slots=True)
class Eyes:
    """What makes percepts of frames; a model reads what at least one of them makes."""

    perception: Perception | None = None
    codec: Codec | None = None
    kept: Path | None = None  # a folder of scenes that were seen before, by item


@dataclass(frozen=True, slots=True)
class Seen:
    """An item's turns with what was seen, and how long each look took."""

    turns: tuple[Turn, ...]
    look_ms: tuple[float, ...] = ()  # none: symbolic, or seen before
    frames_sha256: str = ""  # of the frames that were looked at


async def see(item: Item, eyes: Eyes) -> Seen:
    """Look at every second of an item.

    A tick that the eyes fail on has no percept, which costs it its decision, as in life.

    Raises:
        ItemMissing: its frames cannot be had.
    """
    if item.frames is None:
        return Seen(item.turns)
    kept = None
    if eyes.kept and not eyes.codec and item.frames_sha256:
        kept = eyes.kept / f"{item.truth.item}-{item.frames_sha256[:12]}.jsonl"
    if kept and kept.is_file():
        return Seen(_with_percepts(item.turns, _read(kept)))
    percepts: dict[int, tuple[Percept, ...]] = {}
    look_ms: list[float] = []
    digest = FramesDigest()
    frames = _by_second(_counted(item.frames(), digest), item.turns)
    async with _opened(eyes) as look:
        for turn, shown in frames:
            began_s = perf_counter()
            try:
                seen = await look(Observation(turn.tick, tuple(shown)))
            except PerceptionFailed:
                continue
            look_ms.append(round((perf_counter() - began_s) * 1e3, 3))
            percepts[turn.tick.index] = tuple(_placed(one, item.places) for one in seen)
    if kept and digest.hex == item.frames_sha256:
        _write(kept, percepts)
    return Seen(_with_percepts(item.turns, percepts), tuple(look_ms), digest.hex)


Look = Callable[[Observation], Awaitable[tuple[Percept, ...]]]


@asynccontextmanager
async def _opened(eyes: Eyes) -> AsyncIterator[Look]:
    """Open the eyes for one item: tracks do not go on from one to the next."""
    async with AsyncExitStack() as stack:
        codec = await eyes.codec.open() if eyes.codec else None
        if codec:
            stack.push_async_callback(codec.close)
        perception = await eyes.perception.open() if eyes.perception else None
        if perception:
            stack.push_async_callback(perception.close)

        async def look(observation: Observation) -> tuple[Percept, ...]:
            pictures = (await codec.encode(observation),) if codec else ()
            scene = (await perception.look(observation),) if perception else ()
            return (*pictures, *scene)

        yield look


def _counted(frames: Iterator[VideoFrame], digest: FramesDigest) -> Iterator[VideoFrame]:
    for frame in frames:
        digest.add(frame)
        yield frame


def _by_second(
    frames: Iterator[VideoFrame], turns: Sequence[Turn]
) -> Iterator[tuple[Turn, list[VideoFrame]]]:
    """Pair each turn with the frames of its second; all frames are taken, so that all count."""
    turn_of = {turn.tick.index: turn for turn in turns}
    period_s = turns[0].tick.end_s - turns[0].tick.start_s
    for index, shown in groupby(frames, key=lambda frame: int(frame.time_s / period_s)):
        group = list(shown)
        if index in turn_of:
            yield turn_of[index], group


def _placed(percept: Percept, places: Sequence[Place]) -> Percept:
    """Say of every thing in which place it stands: eyes that are shared know no item's zones."""
    if not places or not isinstance(percept, Scene):
        return percept

    def placed(things: tuple[SceneObject, ...]) -> tuple[SceneObject, ...]:
        return tuple(
            replace(one, zones=tuple(place.name for place in places if place.holds(one)))
            for one in things
        )

    views = [
        replace(
            view,
            objects=placed(view.objects),
            entered=placed(view.entered),
            left=placed(view.left),
        )
        for view in percept.views
    ]
    return Scene(tuple(views))


def _with_percepts(
    turns: Sequence[Turn], percepts: dict[int, tuple[Percept, ...]]
) -> tuple[Turn, ...]:
    return tuple(replace(turn, percepts=percepts.get(turn.tick.index, ())) for turn in turns)


def _read(path: Path) -> dict[int, tuple[Percept, ...]]:
    events = (from_json(json.loads(line)) for line in path.read_text("utf-8").splitlines())
    return {
        event.tick: event.percepts
        for event in events
        if isinstance(event, Perceived) and event.tick is not None
    }


def _write(path: Path, percepts: dict[int, tuple[Percept, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    events = [
        Perceived(tick=index, time_s=float(index), percepts=seen)
        for index, seen in percepts.items()
    ]
    lines = [json.dumps(to_json(event), ensure_ascii=False) + "\n" for event in events]
    whole = path.with_suffix(".part")
    whole.write_text("".join(lines), encoding="utf-8")
    whole.replace(path)
