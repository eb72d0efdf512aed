"""OVO-Timing: when the forward questions of OVO-Bench are answered by themselves.

Protocol of Em-Garde (arXiv 2603.19054), scorer of OneStreamer (github.com/MCG-NJU/OneStreamer,
`Eval/VLMEvalKit/vlmeval/dataset/ovo_timing.py` at f0a610b, Apache-2.0). Annotations: those of
OVO-Bench, see ovo_bench.py. Our items are its ids; every emission of a prediction is a detection.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
from onlooker.evaluate.benchmarks.ovo_bench import FORWARD
from onlooker.evaluate.prediction import Prediction
from onlooker.evaluate.problems import Problem
from onlooker.evaluate.score import ScoreSettings, Timing, score
from onlooker.evaluate.truth import Expected, Standing, Truth

TOLERANCE_S = 2.0

Row = dict[str, Any]
"""Of the official results: sample_id, task, gt_timestamp and prediction, the latter as JSON."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A question, and the moments at which it has something new to say."""

    item: str
    task: str
    video: str
    question: str
    start_s: float
    end_s: float
    gold_s: tuple[float, ...]


def read(path: Path) -> tuple[tuple[Stream, ...], tuple[Problem, ...]]:
    """Read the annotation file of OVO-Bench; other tasks than forward ones are passed over."""
    return read_entries(load_list(path), _streams_of)


def truth_of(stream: Stream) -> Truth:
    """Say what is right, for our own scorer and its blind players."""
    last_s = max(stream.end_s, *stream.gold_s)
    events = tuple(
        Expected(str(number), gold_s, gold_s, instruction="question")
        for number, gold_s in enumerate(stream.gold_s)
    )
    asked = Standing("question", stream.question, stream.start_s)
    return Truth(stream.item, last_s, events, (asked,), family=stream.task)


def to_official(
    streams: Sequence[Stream], predictions: Iterable[Prediction]
) -> tuple[list[Row], tuple[Problem, ...]]:
    """Write detections as the scorer reads them.

    Its strict mode also wants `inference_config`, a digest of the prompt and frame rate of its own
    runner, which no other system has.
    """
    pairs, problems = join(streams, predictions)
    rows = []
    for stream, prediction in pairs:
        times_s = [one.time_s for one in prediction.emissions]
        events = [{"time": one.time_s, "text": one.text} for one in prediction.emissions]
        row = {
            "sample_id": int(stream.item),
            "task": stream.task,
            "gt_timestamp": list(stream.gold_s),
        }
        told = {
            "detections": times_s,
            "checked_detections": [{"time": time_s} for time_s in times_s],
            "response_events": events,
        }
        rows.append({**row, "prediction": json.dumps({**row, **told})})
    return rows, problems


def strict_official(rows: Iterable[Row]) -> dict[str, float]:
    """Score as the official `evaluate` does.

    Its quirks: gold moments take the first detection of the list that is near enough, not the best
    one; a task's F1 is the harmonic mean of mean recall and mean precision; what cannot be read
    counts as silence.

    Raises:
        OfficialScriptStops: a detection without a time.
    """
    return as_script(lambda: _strict(rows), "OVO-Timing")


def clean(
    streams: Sequence[Stream], predictions: Iterable[Prediction]
) -> tuple[dict[str, float], tuple[Problem, ...]]:
    """Score with the best one-to-one matching, pooled over a task; early is as good as late."""
    pairs, problems = join(streams, predictions)
    settings = ScoreSettings((TOLERANCE_S,), early_s=TOLERANCE_S)
    tasks: dict[str, Timing] = {}
    for stream, prediction in pairs:
        one = score(truth_of(stream), prediction, settings)
        problems += one.problems
        seen = tasks.get(stream.task)
        tasks[stream.task] = seen + one.timings[0] if seen else one.timings[0]
    f1s = {task: timing.f1 for task, timing in sorted(tasks.items())}
    return {**f1s, "average": mean(f1s.values())}, problems


def _strict(rows: Iterable[Row]) -> dict[str, float]:
    rates: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        gold = row.get("gt_timestamp", "[]")
        gold_s = [float(time_s) for time_s in (json.loads(gold) if isinstance(gold, str) else gold)]
        detected_s = _detections_of(row.get("prediction", ""))
        rates.setdefault(str(row.get("task", "")), []).append(
            _recall_and_precision(gold_s, detected_s)
        )
    result: dict[str, float] = {}
    for task in ("CRR", "REC", "SSR"):
        recall = mean(one[0] for one in rates.get(task, ()))
        precision = mean(one[1] for one in rates.get(task, ()))
        whole = recall + precision
        result[f"{task}_recall"], result[f"{task}_precision"] = recall, precision
        result[f"{task}_f1"] = 2 * recall * precision / whole if whole > 0 else 0.0
    present = [task for task in ("CRR", "REC", "SSR") if task in rates]
    for name in ("recall", "precision", "f1"):
        result[f"average_{name}"] = mean(result[f"{task}_{name}"] for task in present)
    return result


def _recall_and_precision(gold_s: list[float], detected_s: list[float]) -> tuple[float, float]:
    left = list(detected_s)
    num_correct = 0
    for time_s in gold_s:
        near = next((at for at, one in enumerate(left) if abs(one - time_s) <= TOLERANCE_S), None)
        if near is not None:
            num_correct += 1
            del left[near]
    return (
        num_correct / len(gold_s) if gold_s else 0.0,
        num_correct / len(detected_s) if detected_s else 0.0,
    )


def _detections_of(prediction: Any) -> list[float]:
    if not isinstance(prediction, str) or not prediction.strip().startswith("{"):
        return []
    try:
        told = json.loads(prediction)
    except json.JSONDecodeError:
        return []
    if isinstance(told.get("checked_detections"), list) and told["checked_detections"]:
        return [float(one["time"]) for one in told["checked_detections"]]
    if isinstance(told.get("detections"), list):
        return [float(one) for one in told["detections"]]
    if isinstance(told.get("response_events"), list):
        return [float(one["time"]) for one in told["response_events"]]
    return []


def _streams_of(_: int, entry: Entry) -> list[Stream]:
    task = entry["task"]
    if task not in FORWARD:
        return []
    if task == "CRR":
        question, gold = str(entry["question"]), [float(entry["clue_time"])]
    elif task == "REC":
        question = f"How many times does the event: {entry['activity']} happen?"
        gold = [float(time_s) + 2.0 for time_s in entry["start_times"]]
    else:
        steps = re.sub(r"(?<!^)(?=[A-Z])", " ", entry["tutorial"]).lower()
        question = f"Describe the steps of {steps}"
        gold = [float(time_s) + 2.0 for time_s in entry["start_time"]]
    return [
        Stream(
            str(int(entry["id"])),
            task,
            entry["video"],
            question,
            float(entry["ask_time"]) if task == "CRR" else 0.0,
            float(entry["test_info"][-1]["realtime"]),
            tuple(gold),
        )
    ]
