"""ViSpeak-Bench (arXiv 2503.12769): when a person's sign in the video is answered.

Annotations: github.com/HumanMLLM/ViSpeak-Bench, `data/annotations/*.json`; code Apache-2.0, videos
CC BY-NC-SA. Items are the names of the videos. The score of the text needs an LLM judge and is not
here: as the script was shipped, every call of it fails and counts 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import Any

from onlooker.evaluate.benchmarks.annotations import (
    Entry,
    as_script,
    join,
    load_list,
    mean,
    read_entries,
)
from onlooker.evaluate.prediction import Prediction
from onlooker.evaluate.problems import Problem
from onlooker.evaluate.truth import Expected, Truth

MARGIN_S = 2.0

TASKS = {
    "aw": "Anomaly_Warning.json",
    "gu": "Gesture_Understanding.json",
    "hr": "Humor_Reaction.json",
    "vi": "Visual_Interruption.json",
    "vt": "Visual_Termination.json",
    "vw": "Visual_Wake-Up.json",
}

Official = list[dict[str, list[Any]]]
"""`[{VIDEO: [text, time, history]}, ...]`"""


@dataclass(frozen=True, slots=True)
class Clip:
    """One video and when its sign asks for words: a span, or a single moment."""

    item: str
    video: str
    start_s: float
    due_s: tuple[float, float] | float


def read(path: Path) -> tuple[tuple[Clip, ...], tuple[Problem, ...]]:
    """Read one of the annotation files of `TASKS`."""
    return read_entries(load_list(path), lambda _, entry: [_clip_of(entry)])


def truth_of(clip: Clip) -> Truth:
    """Say what is right, for our own scorer."""
    start_s, end_s = _span_of(clip.due_s)
    event = Expected("sign", max(0.0, start_s), end_s)
    return Truth(clip.item, end_s + MARGIN_S, (event,))


def to_official(
    clips: Sequence[Clip], predictions: Iterable[Prediction]
) -> tuple[Official, tuple[Problem, ...]]:
    """Write the first words and their time; silence as the official poller leaves it."""
    pairs, problems = join(clips, predictions)
    rows: Official = []
    for clip, prediction in pairs:
        end_s = _span_of(clip.due_s)[1] + MARGIN_S
        # The poller asks each second from the first one on, until it is past the end.
        gave_up_s = clip.start_s + max(0, floor(end_s - clip.start_s)) + 1.0
        first = prediction.emissions[0] if prediction.emissions else None
        answer = [first.text, first.time_s, []] if first else [None, gave_up_s, []]
        rows.append({clip.item: answer})
    return rows, problems


def strict_official(rows: Official, annotations: Sequence[Entry]) -> dict[str, float]:
    """Score the times as `src/count.py` does at commit 16d7fc0.

    Its quirks: a time that is no number counts as wrong; where the reference is a moment, any time
    after it is right, and every time is if the moment lies in the first two seconds.

    Raises:
        OfficialScriptStops: an answer to an unknown video, or two annotations of one.
    """
    return as_script(lambda: _strict(rows, annotations), "ViSpeak-Bench")


def clean(
    clips: Sequence[Clip], predictions: Iterable[Prediction]
) -> tuple[dict[str, float], tuple[Problem, ...]]:
    """Score the first words: from the sign's first moment to two seconds after its last."""
    pairs, problems = join(clips, predictions)
    hits, early, silent = [], [], []
    for clip, prediction in pairs:
        start_s, end_s = _span_of(clip.due_s)
        first_s = min((one.time_s for one in prediction.emissions), default=None)
        hits.append(first_s is not None and max(0.0, start_s) <= first_s <= end_s + MARGIN_S)
        early.append(first_s is not None and first_s < start_s)
        silent.append(first_s is None)
    return {
        "time_accuracy": mean(hits),
        "early_share": mean(early),
        "silent_share": mean(silent),
    }, problems


def _strict(rows: Official, annotations: Sequence[Entry]) -> dict[str, float]:
    references: Mapping[str, Any] = {entry["video"]: entry for entry in annotations}
    if len(references) != len(annotations):
        raise ValueError("AssertionError: two annotations of one video")
    num_right = 0
    for row in rows:
        video, answer = next(iter(row.items()))
        _ = answer[0]
        last = references[video]["conversations"][-1]
        _ = last["value"]
        try:
            num_right += _is_in_time(answer[1], last.get("timespan", last.get("time")))
        except (TypeError, IndexError):
            continue
    return {
        "total": len(rows),
        "time_correct": num_right,
        "time_accuracy": num_right / len(rows) if rows else 0.0,
    }


def _is_in_time(time_s: Any, reference: Any) -> bool:
    if isinstance(reference, list | tuple):
        return bool(max(0.0, reference[0]) <= time_s <= reference[1] + MARGIN_S)
    return bool(time_s > reference or abs(-reference) <= MARGIN_S)


def _span_of(due_s: tuple[float, float] | float) -> tuple[float, float]:
    return due_s if isinstance(due_s, tuple) else (due_s, due_s)


def _clip_of(entry: Entry) -> Clip:
    last = entry["conversations"][-1]
    due_s: tuple[float, float] | float
    if "timespan" in last:
        start_s, end_s = map(float, last["timespan"])
        due_s = (start_s, end_s)
    else:
        due_s = float(last["time"])
    return Clip(entry["video"], entry["video"], float(entry.get("video_start_time", 0.0)), due_s)
