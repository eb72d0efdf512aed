from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from onlooker.evaluate.benchmarks.annotations import BadAnnotations
from onlooker.evaluate.benchmarks.omnimmi import (
    Task,
    clean,
    read,
    read_official,
    strict_official,
    to_official,
    truth_of,
)
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.problems import OfficialScriptStops, count

ALERTS: list[dict[str, Any]] = [
    {"video": f"{number}.mp4", "question": "Tell me when it's done.", "answer": [start, start + 5]}
    for number, start in enumerate((4, 10, 30))
]
TURNS: list[dict[str, Any]] = [
    {"video": f"{number}.mp4", "conversation": [{"user": "hm"}]} for number in range(3)
]


def samples_in(folder: Path, task: Task) -> Any:
    (folder / "a.json").write_text(json.dumps(ALERTS if task == "pa" else TURNS))
    return read(folder / "a.json", task)[0]


def said(item: str, *times_s: float, text: str = "now") -> Prediction:
    return Prediction(item, tuple(Emission(time_s, text) for time_s in times_s))


def restated(rows: list[dict[str, Any]]) -> tuple[float, float, float]:
    """The official rule for lists once more: first hit, share of hits, overlap of the extremes."""
    hit = share = overlap = 0.0
    for row in rows:
        low, high = row["answer"]
        times = row["pred"]
        if not times:
            continue
        inside = [low <= time <= high for time in times]
        hit += inside[0]
        share += inside.count(True) / len(inside)
        first, last = times[0], times[-1]
        common = min(last, high) - max(first, low)
        overlap += (max(0, common)) / (max(last, high) - min(first, low))
    return hit / len(rows), share / len(rows), overlap / len(rows)


@pytest.mark.parametrize("seed", range(40))
def test_the_strict_score_of_alerts_is_the_official_one(tmp_path: Path, seed: int) -> None:
    random = Random(seed)  # noqa: S311
    samples = samples_in(tmp_path, "pa")
    predictions = [
        said(one.item, *(random.randrange(0, 80) / 2 for _ in range(random.choice((0, 1, 6)))))
        for one in samples
    ]
    rows = read_official(to_official(samples, predictions)[0])
    expected = dict(zip(("accuracy", "precision", "iou"), restated(rows), strict=True))
    assert strict_official(rows, "pa") == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_single_numbers_are_scored_as_such(seed: int) -> None:
    random = Random(seed)  # noqa: S311
    rows = [{**alert, "pred": random.randrange(0, 40)} for alert in ALERTS]
    hits = [low <= row["pred"] <= high for row in rows for low, high in [row["answer"]]]
    assert strict_official(rows, "pa") == {"accuracy": pytest.approx(sum(hits) / 3, abs=1e-9)}


def test_turn_taking_is_won_by_saying_nothing(tmp_path: Path) -> None:
    samples = samples_in(tmp_path, "pt")
    rows = read_official(
        to_official(samples, [said("pt/0"), said("pt/1", 3.0), said("pt/2", 3.0, text="<2> hm")])[0]
    )
    assert strict_official(rows, "pt") == {"accuracy": pytest.approx(2 / 3)}
    assert clean(samples, [said("pt/0"), said("pt/1", 3.0)])[0] == {"accuracy": 0.5}


@pytest.mark.parametrize(
    ("rows", "task"),
    [
        ([], "pa"),
        ([], "pt"),
        ([{"answer": [1, 2], "pred": 1}, {"answer": [1, 2], "pred": [1]}], "pa"),
        ([{"answer": [2, 2], "pred": [2]}], "pa"),
        ([{"pred": 1}], "pt"),
    ],
)
def test_where_the_official_script_stops_there_is_no_score(rows: Any, task: Task) -> None:
    with pytest.raises(OfficialScriptStops):
        strict_official(rows, task)


def test_the_clean_score_tells_early_from_silent(tmp_path: Path) -> None:
    samples = samples_in(tmp_path, "pa")
    predictions = [said("pa/0", 5.0), said("pa/1", 9.0, 11.0), said("pa/2")]
    assert clean(samples, predictions)[0] == {
        "accuracy": pytest.approx(1 / 3),
        "early_share": pytest.approx(1 / 3),
        "silent_share": pytest.approx(1 / 3),
        "precision": pytest.approx((1 + 0.5 + 0) / 3),
    }


def test_lines_are_read_as_literals_and_never_run() -> None:
    with pytest.raises(BadAnnotations, match="line 2"):
        read_official(["{'pred': 1}", "__import__('os').getcwd()"])


def test_alerts_can_be_scored_by_our_own_scorer(tmp_path: Path) -> None:
    truth = truth_of(samples_in(tmp_path, "pa")[1])
    assert (truth.events[0].onset_s, truth.events[0].until_s) == (10.0, 15.0)
    with pytest.raises(ValueError, match="no moment"):
        truth_of(samples_in(tmp_path, "pt")[0])


def test_an_interval_that_is_none_is_listed(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{**ALERTS[0], "answer": [5]}, ALERTS[1]]))
    samples, problems = read(tmp_path / "a.json", "pa")
    assert [one.item for one in samples] == ["pa/1"]
    assert count(problems) == {"bad_annotation": 1}
