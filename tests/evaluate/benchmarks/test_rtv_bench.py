from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from onlooker.evaluate.benchmarks.rtv_bench import (
    clean,
    read,
    strict_accuracy,
    strict_official,
    to_official,
)
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.problems import count

KINDS = ("Event-IA", "Object-TP", "Action-SR", "Event-FP", "Scene-VP", "GU")


def entry(group: int, level: str, kind: str, suffix: str = "") -> dict[str, Any]:
    return {
        "video": f"{group}.mp4",
        "questionID": f"q-group-g{group}x-{level}{suffix}",
        "type": kind,
        "field": "sport",
        "start_time": 0,
        "end_time": 30 + int(level),
        "question": "What is he doing?",
        "options": {"A": "run", "B": "jump", "C": "swim", "D": "rest"},
        "answer": "ABCD"[group % 4],
    }


ENTRIES = [
    entry(group, level, kind, suffix)
    for group, kind in enumerate(KINDS)
    for level, suffix in (("0", ""), ("1", ""), ("2", "-option1"), ("2", "-option2"))
]


def macro(rates: list[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return sum(known) / len(known) if known else None


def rate_of(won: list[bool]) -> float | None:
    return 100 * won.count(True) / len(won) if won else None


PARTS = ("TP", "VP", "SP", "IA", "PU", "GU", "SR", "FP")
DIMENSION_OF = dict(zip(PARTS, "PPPUUURR", strict=True))
MAINS = ("Object", "Action", "Event")


def restated_gate(rows: list[dict[str, Any]]) -> dict[str, float | None]:
    """The gated rule once more, group by group."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["questionID"].split("-")[2], []).append(row)
    won: list[tuple[str, bool]] = []
    for group in groups.values():
        level = {id(row): row["questionID"].split("-")[3] for row in group}
        passed = all(row["correct"] for row in group if level[id(row)] != "2")
        last = [row for row in group if level[id(row)] == "2"]
        won += [(last[0]["type"], passed and row["correct"]) for row in last]
    parts = {part: [right for kind, right in won if part in kind.split("-")] for part in PARTS}
    dims: dict[str, list[bool]] = {"R": [], "U": [], "P": []}
    for part, dim in DIMENSION_OF.items():
        dims[dim] += parts[part]
    mains = [[right for kind, right in won if kind.startswith(f"{name}-")] for name in MAINS]
    return {
        "overall": rate_of([right for _, right in won]),
        "main_macro": macro([rate_of(one) for one in mains]),
        "dimension_macro": macro([rate_of(one) for one in dims.values()]),
        **{part: rate_of(parts[part]) for part in PARTS},
    }


def restated_accuracy(rows: list[dict[str, Any]]) -> dict[str, float | None]:
    """The plain rule once more."""

    def rate(test: Any) -> float | None:
        return rate_of([row["correct"] for row in rows if test(row)])

    levels = [rate(lambda row, at=at: f"-{at}" in row["questionID"][8:]) for at in "012"]
    mains = [rate(lambda row, name=name: row["type"].startswith(name + "-")) for name in MAINS]
    # A type of one part only, such as GU, is passed over.
    dims = [
        rate(
            lambda row, dim=dim: (
                "-" in row["type"] and DIMENSION_OF[row["type"].split("-")[1]] == dim
            )
        )
        for dim in "RUP"
    ]
    return {
        "overall": rate(lambda row: True),
        "level_macro": macro(levels),
        "main_macro": macro(mains),
        "dimension_macro": macro(dims),
    }


@pytest.fixture
def questions(tmp_path: Path) -> Any:
    (tmp_path / "QA.json").write_text(json.dumps(ENTRIES))
    return read(tmp_path / "QA.json")[0]


@pytest.mark.parametrize("seed", range(40))
def test_the_strict_scores_are_the_official_ones(questions: Any, seed: int) -> None:
    random = Random(seed)  # noqa: S311
    answers = ["", "A", "B. jump", "c", "(D)", "A or B", "Yes, No", "12"]
    predictions = [
        Prediction(
            one.item,
            (Emission(30.0, random.choice([one.right] * 12 + answers)),)
            if random.random() < 0.9
            else (),
        )
        for one in questions
    ]
    rows, _ = to_official(questions, predictions)
    assert strict_official(rows) == pytest.approx(restated_gate(rows), abs=1e-9)
    assert strict_accuracy(rows) == pytest.approx(restated_accuracy(rows), abs=1e-9)


def test_the_gate_needs_all_basic_questions(questions: Any) -> None:
    right = {one.item: one.right for one in questions}
    all_right = [Prediction(item, (Emission(1.0, text),)) for item, text in right.items()]
    assert clean(questions, all_right)[0] == {"accuracy": 100.0, "gated": 100.0}
    # One basic question wrong closes the gate of its group: two of twelve are lost.
    all_right[0] = Prediction(all_right[0].item, (Emission(1.0, "D"),))
    numbers = clean(questions, all_right)[0]
    assert numbers["gated"] == pytest.approx(100 * 10 / 12)
    assert numbers["accuracy"] == pytest.approx(100 * 23 / 24)


def test_rows_that_cannot_be_used_are_passed_over_as_officially() -> None:
    rows = [
        7,
        {"questionID": "q-group-a-2", "type": "Event-IA"},
        {"questionID": "q-group-a-2", "type": "Event-IA", "pred": "ERROR"},
        {"questionID": "q-group-a-2", "type": "Event-IA", "pred": "A"},
        {"questionID": "q-a-2", "type": "Event-IA", "pred": "A", "correct": True},
        {"questionID": "q-group-b-2", "type": "Event-IA", "pred": "A", "correct": True},
    ]
    # A group without basic questions passes.
    assert strict_official(rows)["overall"] == 50.0
    assert strict_official([])["overall"] is None


def test_a_group_that_is_not_complete_is_in_no_clean_score(questions: Any) -> None:
    some = [Prediction(one.item, (Emission(1.0, one.right),)) for one in questions[1:]]
    numbers, problems = clean(questions, some)
    assert numbers == {"accuracy": 100.0, "gated": 100.0}
    assert count(problems) == {"missing_prediction": 4}


def test_an_answer_that_is_no_option_is_listed(tmp_path: Path) -> None:
    (tmp_path / "QA.json").write_text(json.dumps([{**ENTRIES[0], "answer": "E"}, ENTRIES[1]]))
    assert count(read(tmp_path / "QA.json")[1]) == {"bad_annotation": 1}
