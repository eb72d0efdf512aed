"""OVO-Bench (arXiv 2501.05510): backward, real-time and forward questions.

Annotations: github.com/JoeLeelyf/OVO-Bench, `data/ovo_bench_new.json`, CC BY-NC-SA 4.0; videos from
the place that its README names. Ids of our items: `ID` for a multiple choice, `ID/N` for the Nth
test point of a forward entry; the prediction's first emission is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from onlooker.evaluate.benchmarks.annotations import (
    Entry,
    as_script,
    choice_of,
    join,
    load_list,
    mean,
    means_of,
    read_entries,
    yes_or_no,
)
from onlooker.evaluate.content import last_number
from onlooker.evaluate.prediction import Prediction
from onlooker.evaluate.problems import Problem

Category = Literal["backward", "realtime", "forward"]

BACKWARD = ("EPM", "HLD", "ASI")
REALTIME = ("STU", "OJR", "ATR", "ACR", "OCR", "FPD")
FORWARD = ("REC", "SSR", "CRR")
_LETTERS = "ABCDEFGH"

Official = dict[str, list[dict[str, Any]]]
"""`{"backward": rows, "realtime": rows, "forward": rows}`, a file of `results/MODEL/`."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question at one time."""

    item: str
    category: Category
    task: str
    video: str
    time_s: float
    question: str
    options: tuple[str, ...]  # of a multiple choice
    right: str  # a letter, a count, Yes or No
    entry: Entry
    point: int | None = None  # of a forward entry: which of its test points


def read(path: Path) -> tuple[tuple[Question, ...], tuple[Problem, ...]]:
    """Read the annotation file."""
    return read_entries(load_list(path), _questions_of)


def to_official(
    questions: Sequence[Question], predictions: Iterable[Prediction]
) -> tuple[Official, tuple[Problem, ...]]:
    """Write answers into the rows that `score.py` reads; what is missing is None there."""
    pairs, problems = join(questions, predictions)
    answers = {question.item: prediction.answer for question, prediction in pairs}
    rows: Official = {"backward": [], "realtime": [], "forward": []}
    forward: dict[str, dict[str, Any]] = {}
    for question in questions:
        answer = answers.get(question.item)
        if question.point is None:
            rows[question.category].append(
                {
                    "id": question.entry["id"],
                    "video": question.video,
                    "task": question.task,
                    "question": question.question,
                    "response": answer,
                    "ground_truth": question.right,
                }
            )
            continue
        key = question.item.rpartition("/")[0]
        row = forward.setdefault(key, {**question.entry, "test_info": []})
        point = question.entry["test_info"][question.point]
        row["test_info"].append({**point, "response": answer})
    rows["forward"] = list(forward.values())
    return rows, problems


def strict_official(results: Official) -> dict[str, float]:
    """Score as `utils/OVOBenchScore.py` does at commit c34093f, in percent.

    Its quirks: a letter counts wherever it occurs in the answer, all digits of a count are strung
    together ("1 or 2" is 12), and "Yes, No" is right either way. `total` is the mean of the three
    categories; an older version of the script averaged the tasks instead. It stands there only if
    all three categories do.

    Raises:
        OfficialScriptStops: an answer is no text, or a task has no test point.
    """
    return as_script(lambda: _strict(results), "OVO-Bench")


def clean(
    questions: Sequence[Question], predictions: Iterable[Prediction]
) -> tuple[dict[str, float], tuple[Problem, ...]]:
    """Score one option, one number, one yes or no an answer; in percent of what is there."""
    pairs, problems = join(questions, predictions)
    scores: dict[str, dict[str, list[float]]] = {}
    for question, prediction in pairs:
        tasks = scores.setdefault(question.category, {})
        tasks.setdefault(question.task, []).append(is_right(question, prediction.answer))
    return _averages(scores), problems


def is_right(question: Question, answer: str | None) -> bool:
    """Say whether an answer is right, whatever words it is wrapped in."""
    said = answer or ""
    if question.options:
        return choice_of(said, _LETTERS[: len(question.options)]) == question.right
    if question.task == "REC":
        return last_number(said) == float(question.right)
    return yes_or_no(said) == question.right


def _strict(results: Official) -> dict[str, float]:
    scores: dict[str, dict[str, list[float]]] = {}
    for category in ("backward", "realtime"):
        for row in results[category]:
            tasks = scores.setdefault(category, {})
            response = row["response"]
            right = response is not None and row["ground_truth"] in response
            tasks.setdefault(row["task"], []).append(right)
    for row in results["forward"]:
        points = scores.setdefault("forward", {}).setdefault(row["task"], [])
        is_right_point = _is_right_count if row["task"] == "REC" else _is_right_poll
        points += [is_right_point(point) for point in row["test_info"]]
    if not all(points for tasks in scores.values() for points in tasks.values()):
        raise ZeroDivisionError("a task without a test point")
    return _averages(scores)


def _is_right_count(point: dict[str, Any]) -> bool:
    response = point["response"]
    return response is not None and "".join(re.findall(r"\d+", response)) == str(point["count"])


def _is_right_poll(point: dict[str, Any]) -> bool:
    response, kind = point["response"], point["type"]
    if (response == "N" and kind == 0) or (response == "Y" and kind == 1):
        return True
    return response is not None and ("No" if kind == 0 else "Yes") in response


def _averages(scores: dict[str, dict[str, list[float]]]) -> dict[str, float]:
    averages: dict[str, float] = {}
    for category, tasks in scores.items():
        accuracies = means_of(tasks)
        averages |= {task: 100 * accuracy for task, accuracy in accuracies.items()}
        averages[category] = 100 * mean(accuracies.values())
    if len(scores) == len(("backward", "realtime", "forward")):
        averages["total"] = mean(averages[category] for category in scores)
    return averages


def _questions_of(_: int, entry: Entry) -> list[Question]:
    task = entry["task"]
    if task in FORWARD:
        return [_poll_of(entry, number) for number in range(len(entry["test_info"]))]
    if task not in BACKWARD + REALTIME:
        raise ValueError(f"there is no task {task!r}")
    options = tuple(map(str, entry["options"]))
    category: Category = "backward" if task in BACKWARD else "realtime"
    gold = int(entry["gt"])
    if not 0 <= gold < len(options):
        raise ValueError(f"gt is {gold}, and there are {len(options)} options")
    return [
        Question(
            str(entry["id"]),
            category,
            task,
            entry["video"],
            float(entry["realtime"]),
            entry["question"],
            options,
            _LETTERS[gold],
            entry,
        )
    ]


def _poll_of(entry: Entry, number: int) -> Question:
    point = entry["test_info"][number]
    task = entry["task"]
    right = str(point["count"]) if task == "REC" else ("Yes" if point["type"] == 1 else "No")
    words = {"REC": "activity", "SSR": "tutorial", "CRR": "question"}[task]
    return Question(
        f"{entry['id']}/{number}",
        "forward",
        task,
        entry["video"],
        float(point["realtime"]),
        str(entry[words]),
        (),
        right,
        entry,
        number,
    )
