from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from onlooker.evaluate.benchmarks.ovo_timing import (
    Stream,
    clean,
    read,
    strict_official,
    to_official,
    truth_of,
)
from onlooker.evaluate.blind import blind_scores
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.problems import OfficialScriptStops, count

ENTRIES: list[dict[str, Any]] = [
    {
        "id": 3,
        "task": "REC",
        "video": "3.mp4",
        "activity": "jump",
        "start_times": [3, 6, 20],
        "test_info": [{"realtime": 5, "count": 1}, {"realtime": 30, "count": 3}],
    },
    {
        "id": 4,
        "task": "SSR",
        "video": "4.mp4",
        "tutorial": "MakeGreenTea",
        "start_time": [2, 16],
        "test_info": [{"realtime": 25, "type": 1}],
    },
    {
        "id": 5,
        "task": "CRR",
        "video": "5.mp4",
        "question": "What does she hold?",
        "ask_time": 10,
        "clue_time": 15,
        "test_info": [{"realtime": 12, "type": 0}, {"realtime": 22, "type": 1}],
    },
    {"id": 6, "task": "EPM", "video": "6.mp4"},
]


@pytest.fixture
def streams(tmp_path: Path) -> tuple[Stream, ...]:
    (tmp_path / "ovo.json").write_text(json.dumps(ENTRIES))
    read_ones, problems = read(tmp_path / "ovo.json")
    assert problems == ()
    return read_ones


def said(item: str, *times_s: float) -> Prediction:
    return Prediction(item, tuple(Emission(time_s, "now") for time_s in times_s))


def restated(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The official rules once more: take the first that is near, average, then F1."""
    numbers: dict[str, float] = {}
    f1s, recalls, precisions = [], [], []
    for task in ("CRR", "REC", "SSR"):
        of_task = [row for row in rows if row["task"] == task]
        recall_sum = precision_sum = 0.0
        for row in of_task:
            detected = json.loads(row["prediction"])["detections"]
            free = [True] * len(detected)
            hits = 0
            for gold in row["gt_timestamp"]:
                for at, time_s in enumerate(detected):
                    if free[at] and -2.0 <= time_s - gold <= 2.0:
                        free[at] = False
                        hits += 1
                        break
            recall_sum += hits / len(row["gt_timestamp"])
            precision_sum += hits / len(detected) if detected else 0.0
        recall = recall_sum / len(of_task) if of_task else 0.0
        precision = precision_sum / len(of_task) if of_task else 0.0
        f1 = 2 * recall * precision / (recall + precision) if recall + precision else 0.0
        numbers |= {f"{task}_recall": recall, f"{task}_precision": precision, f"{task}_f1": f1}
        if of_task:
            f1s.append(f1)
            recalls.append(recall)
            precisions.append(precision)
    for name, values in (("recall", recalls), ("precision", precisions), ("f1", f1s)):
        numbers[f"average_{name}"] = sum(values) / len(values) if values else 0.0
    return numbers


def test_gold_moments_and_questions_are_those_of_the_protocol(streams: tuple[Stream, ...]) -> None:
    assert [one.gold_s for one in streams] == [(5.0, 8.0, 22.0), (4.0, 18.0), (15.0,)]
    assert [one.start_s for one in streams] == [0.0, 0.0, 10.0]
    assert [one.question for one in streams] == [
        "How many times does the event: jump happen?",
        "Describe the steps of make green tea",
        "What does she hold?",
    ]


@pytest.mark.parametrize("seed", range(40))
def test_the_strict_score_is_the_official_one(streams: tuple[Stream, ...], seed: int) -> None:
    random = Random(seed)  # noqa: S311
    predictions = [
        said(one.item, *(random.randrange(0, 60) / 2 for _ in range(random.choice((0, 1, 3, 20)))))
        for one in streams
        if random.random() < 0.9
    ]
    rows, _ = to_official(streams, predictions)
    assert strict_official(rows) == pytest.approx(restated(rows), abs=1e-9)


def test_the_first_near_detection_can_cost_a_match_and_the_best_matching_does_not(
    streams: tuple[Stream, ...],
) -> None:
    # Gold at 5 and 8: the first takes 6.5, which only leaves 3.0 for 8.
    predictions = [said("3", 6.5, 3.0, 22.0)]
    rows, _ = to_official(streams, predictions)
    assert strict_official(rows)["REC_recall"] == pytest.approx(2 / 3)
    assert clean(streams, predictions)[0]["REC"] == 1.0


def test_perfect_and_silent_players(streams: tuple[Stream, ...]) -> None:
    perfect = [said(one.item, *one.gold_s) for one in streams]
    silent = [said(one.item) for one in streams]
    assert strict_official(to_official(streams, perfect)[0])["average_f1"] == 1.0
    assert strict_official(to_official(streams, silent)[0])["average_f1"] == 0.0
    assert clean(streams, perfect)[0]["average"] == 1.0
    assert clean(streams, silent)[0]["average"] == 0.0


def test_broken_predictions_are_silence_and_one_without_a_time_stops_the_script() -> None:
    row: dict[str, Any] = {
        "task": "CRR",
        "gt_timestamp": "[15.0]",
        "prediction": '{"detections": [1',
    }
    assert strict_official([row])["CRR_f1"] == 0.0
    told = {"checked_detections": [], "response_events": [{"time": 14}]}
    assert strict_official([{**row, "prediction": json.dumps(told)}])["CRR_f1"] == 1.0
    told = {"checked_detections": [{"at": 14}], "response_events": []}
    with pytest.raises(OfficialScriptStops, match="KeyError"):
        strict_official([{**row, "prediction": json.dumps(told)}])


def test_no_rows_give_zeros() -> None:
    assert set(strict_official([]).values()) == {0.0}


def test_its_streams_can_be_scored_by_our_own_scorer_beside_blind_players(
    streams: tuple[Stream, ...],
) -> None:
    truths = [truth_of(one) for one in streams]
    assert [len(one.events) for one in truths] == [3, 2, 1]
    assert {player: len(scores) for player, scores in blind_scores(truths).items()} == {
        "silence": 3,
        "always": 3,
        "clock": 3,
    }


def test_times_beyond_the_video_are_listed(streams: tuple[Stream, ...]) -> None:
    problems = clean(streams, [said("5", 15.0, 500.0)])[1]
    assert count(problems) == {"missing_prediction": 2, "time_beyond_video": 1}
