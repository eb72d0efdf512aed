"""RTV-Bench (arXiv 2505.02064): the same question at several times; the gated score.

Annotations: github.com/LJungang/RTV-Bench, which names where `QA.json` and the clips are; no
licence of the data is stated there. Items are its question ids, `q-group-GROUP-{0,1,2}[-optionN]`;
the first emission is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onlooker.evaluate.benchmarks.annotations import (
    Entry,
    choice_of,
    join,
    load_list,
    mean,
    read_entries,
)
from onlooker.evaluate.prediction import Prediction
from onlooker.evaluate.problems import Problem

MAIN = ("Object", "Action", "Event")
DIMENSIONS = {
    "Reasoning": ("SR", "FP"),
    "Understanding": ("IA", "PU", "GU"),
    "Perception": ("TP", "VP", "SP"),
}
SUBDIMENSIONS = ("TP", "VP", "SP", "IA", "PU", "GU", "SR", "FP")
LEVELS = ("0", "1", "2")  # 0 and 1 are basic, 2 builds on them

_GROUP = re.compile(r"q-group-([a-z0-9]+)-([012])(?:-[^-]+)*\Z", re.IGNORECASE)

Row = dict[str, Any]
"""Of the official results: questionID, type, pred and correct."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question at one time."""

    item: str
    kind: str  # such as Event-IA
    video: str
    start_s: float
    end_s: float  # when it is asked
    question: str
    options: Mapping[str, str]
    right: str


def read(path: Path) -> tuple[tuple[Question, ...], tuple[Problem, ...]]:
    """Read `QA.json`."""
    return read_entries(load_list(path), lambda _, entry: [_question_of(entry)])


def to_official(
    questions: Sequence[Question], predictions: Iterable[Prediction]
) -> tuple[list[Row], tuple[Problem, ...]]:
    """Write answers as the rows that both official scripts read; silence is their "ERROR"."""
    pairs, problems = join(questions, predictions)
    rows = []
    for question, prediction in pairs:
        named = choice_of(prediction.answer or "", "".join(question.options))
        row = {"questionID": question.item, "type": question.kind, "pred": named or "ERROR"}
        rows.append({**row, "correct": named == question.right})
    return rows, problems


def strict_accuracy(rows: Iterable[Any]) -> dict[str, float | None]:
    """Compute the plain accuracies of `scripts/eval/compute_acc.py` at a928cbe, in percent."""
    groups: dict[str, list[bool]] = {}
    for row in rows:
        if not isinstance(row, dict) or "questionID" not in row or "type" not in row:
            continue
        correct, level = _correct(row), _level(row["questionID"])
        if correct is None or level is None:
            continue
        named = ["overall", f"level {level}", _main(row["type"]), _dimension_with_part(row["type"])]
        for name in filter(None, named):
            groups.setdefault(name, []).append(correct)
    percents = {name: 100 * mean(values) for name, values in groups.items()}
    return {
        "overall": percents.get("overall"),
        "level_macro": _macro(percents, (f"level {level}" for level in LEVELS)),
        "main_macro": _macro(percents, MAIN),
        "dimension_macro": _macro(percents, DIMENSIONS),
    }


def strict_official(rows: Iterable[Any]) -> dict[str, float | None]:
    """Compute the gated score of `scripts/eval/compute_score.py` at a928cbe, in percent.

    A question of level 2 counts only if all of levels 0 and 1 of its group are right. Its quirks:
    a group without basic questions passes, and a group's type is that of its first question.
    """
    groups: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        if not isinstance(row, dict) or not {"questionID", "type", "pred"} <= row.keys():
            continue
        found = (
            _GROUP.match(row["questionID"].strip()) if isinstance(row["questionID"], str) else None
        )
        if found and _correct(row) is not None:
            groups.setdefault(found[1], {}).setdefault(found[2], []).append(row)
    gates: dict[str, list[bool]] = {}
    for levels in groups.values():
        passes = all(_correct(row) for level in "01" for row in levels.get(level, ()))
        advanced = levels.get("2", [])
        for row in advanced:
            kind = advanced[0]["type"]
            named = ["overall", _main(kind), _dimension(kind), _subdimension(kind)]
            for name in filter(None, named):
                gates.setdefault(name, []).append(passes and bool(_correct(row)))
    percents = {name: 100 * mean(values) for name, values in gates.items()}
    return {
        "overall": percents.get("overall"),
        "main_macro": _macro(percents, MAIN),
        "dimension_macro": _macro(percents, DIMENSIONS),
        **{part: percents.get(part) for part in SUBDIMENSIONS},
    }


def clean(
    questions: Sequence[Question], predictions: Iterable[Prediction]
) -> tuple[dict[str, float | None], tuple[Problem, ...]]:
    """Compute accuracy and gated score; a group counts only if all of it was predicted."""
    pairs, problems = join(questions, predictions)
    predicted = {question.item for question, _ in pairs}
    torn = {_group(question.item) for question in questions if question.item not in predicted} - {
        None
    }
    whole = [pair for pair in pairs if _group(pair[0].item) not in torn]
    rows, _ = to_official([one for one, _ in whole], [one for _, one in whole])
    listed = [
        Problem("missing_prediction", question.item, "its group is not complete, and in no score")
        for question, _ in pairs
        if _group(question.item) in torn
    ]
    gated, plain = strict_official(rows), strict_accuracy(rows)
    return {"accuracy": plain["overall"], "gated": gated["overall"]}, (*problems, *listed)


def _correct(row: Row) -> bool | None:
    if "correct" in row:
        return bool(row["correct"])
    return False if row.get("pred") == "ERROR" else None


def _group(item: str) -> str | None:
    found = _GROUP.match(item.strip())
    return found[1] if found else None


def _level(question_id: Any) -> str | None:
    parts = question_id.split("-") if isinstance(question_id, str) else []
    if len(parts) >= 5 and parts[-2] in LEVELS:
        return str(parts[-2])
    return str(parts[-1]) if len(parts) >= 4 and parts[-1] in LEVELS else None


def _main(kind: Any) -> str | None:
    if not isinstance(kind, str):
        return None
    return next((name for name in MAIN if kind.startswith(f"{name}-")), None)


def _dimension(kind: Any) -> str | None:
    if not isinstance(kind, str):
        return None
    return next(
        (name for name, parts in DIMENSIONS.items() if any(part in kind for part in parts)), None
    )


def _dimension_with_part(kind: Any) -> str | None:
    """The plain accuracy passes over a dimension that names no part of its own."""
    has_part = isinstance(kind, str) and any(kind.split("-")[1:2])
    return _dimension(kind) if has_part else None


def _subdimension(kind: Any) -> str | None:
    if not isinstance(kind, str):
        return None
    parts = re.split("[-_]", kind.strip())
    return next((part for part in SUBDIMENSIONS if part in parts), None)


def _macro(percents: Mapping[str, float], names: Iterable[str]) -> float | None:
    known = [percents[name] for name in names if name in percents]
    return sum(known) / len(known) if known else None


def _question_of(entry: Entry) -> Question:
    options = {str(letter): str(text) for letter, text in entry["options"].items()}
    if entry["answer"] not in options:
        raise ValueError(f"the answer is {entry['answer']!r}, and the options {sorted(options)}")
    return Question(
        entry["questionID"],
        entry["type"],
        entry["video"],
        float(entry["start_time"]),
        float(entry["end_time"]),
        entry["question"],
        options,
        entry["answer"],
    )
