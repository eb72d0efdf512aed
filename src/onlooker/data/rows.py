"""A labelled stream as a row of a table, and back."""

from __future__ import annotations

import json
from typing import Any

from onlooker.core.decision import parse_decision, render_decision
from onlooker.core.moment import Answer, Instruction, Tick, Utterance
from onlooker.core.percept import Box, Scene, SceneObject, SceneText, View
from onlooker.core.prompt import PERSONAS, Turn
from onlooker.data.stream import BadData, LabelledStream, Video
from onlooker.evaluate import truth as truths

Plain = dict[str, Any]

_WORDS = {"heard": Utterance, "instructed": Instruction, "answers": Answer}


def to_row(stream: LabelledStream) -> Plain:
    """Turn a stream into the values of a row.

    Raises:
        BadData: it holds pictures: those stay in a recording or a video.
    """
    return {
        "item": stream.item,
        "family": stream.family,
        "split": stream.split,
        "source": stream.source,
        "persona": stream.persona,
        "memory": list(stream.memory),
        "video_path": stream.video.path if stream.video else None,
        "video_fps": stream.video.fps if stream.video else None,
        "num_seconds": len(stream.turns),
        "num_spoken": stream.num_spoken,
        "num_delegated": stream.num_delegated,
        "truth": _dumps(truths.to_json(stream.truth)),
        "turns": [_turn_to_plain(turn, stream.item) for turn in stream.turns],
    }


def from_row(row: Plain) -> LabelledStream:
    """Read a stream back.

    Raises:
        BadData: a value is missing, or cannot be what it says.
    """
    try:
        video = None
        if row["video_path"] is not None:
            video = Video(row["video_path"], int(row["video_fps"]))
        if row["persona"] not in PERSONAS:
            raise ValueError(f"no persona is called {row['persona']!r}")
        return LabelledStream(
            truth=truths.from_json(json.loads(row["truth"])),
            turns=tuple(map(_turn_of, row["turns"])),
            split=row["split"],
            source=row["source"],
            persona=row["persona"],
            memory=tuple(row["memory"]),
            video=video,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, BadData):
            raise
        raise BadData(f"stream {row.get('item')!r}: {type(error).__name__}: {error}") from error


def _turn_to_plain(turn: Turn, item: str) -> Plain:
    assert turn.decision is not None  # noqa: S101 - a labelled stream has all of them
    words = {
        name: [_fields(one) for one in getattr(turn, name)]
        for name in _WORDS
        if getattr(turn, name)
    }
    return {
        "tick": turn.tick.index,
        "start_s": turn.tick.start_s,
        "end_s": turn.tick.end_s,
        "words": _dumps(words) if words else None,
        "scene": _scene_to_text(turn, item),
        "decision": render_decision(turn.decision),
    }


def _turn_of(plain: Plain) -> Turn:
    words = json.loads(plain["words"]) if plain["words"] else {}
    said: Plain = {
        name: tuple(_WORDS[name](**one) for one in given) for name, given in words.items()
    }
    return Turn(
        tick=Tick(plain["tick"], plain["start_s"], plain["end_s"]),
        percepts=(_scene_of(json.loads(plain["scene"])),) if plain["scene"] else (),
        decision=parse_decision(plain["decision"]),
        **said,
    )


def _fields(value: Any) -> Plain:
    """List the fields of a flat dataclass."""
    return {name: getattr(value, name) for name in type(value).__slots__}


def _scene_to_text(turn: Turn, item: str) -> str | None:
    """Write a scene as nested lists: a quarter of the size of one with names."""
    if not turn.percepts:
        return None
    if len(turn.percepts) > 1 or not isinstance(turn.percepts[0], Scene):
        raise BadData(
            f"tick {turn.tick.index} of {item!r} holds pictures: a data set keeps scenes; "
            f"leave pictures in the recording or the video"
        )
    return _dumps([_view_to_plain(view) for view in turn.percepts[0].views])


def _scene_of(plain: Any) -> Scene:
    return Scene(tuple(map(_view_of, plain)))


def _view_to_plain(view: View) -> list[Any]:
    return [
        view.stream,
        view.time_s,
        [_object_to_plain(one) for one in view.objects],
        [one.track_id for one in view.entered],
        [_object_to_plain(one) for one in view.left],
        [[text.text, _box_to_plain(text.box), text.score, text.since_s] for text in view.texts],
        list(view.tags),
        view.change,
        view.is_cut,
    ]


def _view_of(plain: list[Any]) -> View:
    stream, time_s, objects, entered, left, texts, tags, change, is_cut = plain
    there = {one.track_id: one for one in map(_object_of, objects)}
    return View(
        stream=stream,
        time_s=time_s,
        objects=tuple(there.values()),
        entered=tuple(there[track_id] for track_id in entered),
        left=tuple(map(_object_of, left)),
        texts=tuple(
            SceneText(text, Box(*box), score, since_s) for text, box, score, since_s in texts
        ),
        tags=tuple(tags),
        change=change,
        is_cut=is_cut,
    )


def _object_to_plain(one: SceneObject) -> list[Any]:
    return [one.label, one.track_id, _box_to_plain(one.box), one.score, one.since_s, *one.zones]


def _object_of(plain: list[Any]) -> SceneObject:
    label, track_id, box, score, since_s, *zones = plain
    return SceneObject(label, track_id, Box(*box), score, since_s, tuple(zones))


def _box_to_plain(box: Box) -> list[float]:
    return [round(side, 4) for side in (box.left, box.top, box.right, box.bottom)]


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
