from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from onlooker.evaluate.benchmarks.annotations import BadAnnotations, missing_videos
from onlooker.evaluate.benchmarks.ovo_bench import (
    Question,
    clean,
    read,
    strict_official,
    to_official,
)
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.problems import OfficialScriptStops, count

ENTRIES: list[dict[str, Any]] = [
    {
        "id": 1,
        "task": "EPM",
        "video": "a/1.mp4",
        "realtime": 20,
        "question": "Where was the cup?",
        "answer": "on the shelf",
        "options": ["on the table", "on the shelf", "in the sink"],
        "gt": 1,
    },
    {
        "id": 2,
        "task": "OCR",
        "video": "a/2.mp4",
        "realtime": 9.5,
        "question": "What does the sign say?",
        "answer": "STOP",
        "options": ["STOP", "GO"],
        "gt": 0,
    },
    {
        "id": 3,
        "task": "REC",
        "video": "a/3.mp4",
        "activity": "jump",
        "start_times": [3, 8],
        "end_times": [4, 9],
        "test_info": [{"realtime": 5, "count": 1}, {"realtime": 12, "count": 2}],
    },
    {
        "id": 4,
        "task": "SSR",
        "video": "a/4.mp4",
        "tutorial": "MakeTea",
        "all_steps": ["boil", "pour"],
        "start_time": [2, 6],
        "end_time": [4, 9],
        "test_info": [
            {"realtime": 3, "step": "boil", "type": 1},
            {"realtime": 5, "step": "pour", "type": 0},
        ],
    },
    {
        "id": 5,
        "task": "CRR",
        "video": "a/5.mp4",
        "question": "What does she hold?",
        "answer": "a knife",
        "ask_time": 10,
        "clue_time": 15,
        "test_info": [{"realtime": 12, "type": 0}, {"realtime": 17, "type": 1}],
    },
]
ANSWERS = ["", "A", "B", "b.", "A or B", "1", "1 or 2", "2", "Yes", "No", "Yes, No", "Y", "N", "12"]


def questions_in(folder: Path, entries: list[Any] | None = None) -> tuple[Question, ...]:
    path = folder / "ovo_bench_new.json"
    path.write_text(json.dumps(ENTRIES if entries is None else entries))
    return read(path)[0]


def answered(answers: dict[str, str]) -> list[Prediction]:
    return [Prediction(item, (Emission(1.0, text),)) for item, text in answers.items()]


RIGHT = {"1": "B", "2": "A", "3/0": "1", "3/1": "2", "4/0": "Yes", "4/1": "No"} | {
    "5/0": "No",
    "5/1": "Yes",
}


def restated(results: dict[str, list[dict[str, Any]]]) -> dict[str, float]:
    """The official rules once more, in the plainest words."""
    by_task: dict[str, dict[str, list[int]]] = {"backward": {}, "realtime": {}, "forward": {}}
    for part in ("backward", "realtime"):
        for row in results[part]:
            won = 0
            if row["response"] is not None and row["response"].find(row["ground_truth"]) >= 0:
                won = 1
            by_task[part].setdefault(row["task"], []).append(won)
    for row in results["forward"]:
        for point in row["test_info"]:
            text, won = point["response"], 0
            if text is not None and row["task"] == "REC":
                digits = "".join(ch for ch in text if re.match(r"\d", ch))
                won = int(digits == str(point["count"]))
            elif text is not None:
                word, letter = (("No", "N"), ("Yes", "Y"))[point["type"]]
                won = int(text == letter or word in text)
            by_task["forward"].setdefault(row["task"], []).append(won)
    numbers: dict[str, float] = {}
    parts = []
    for part, tasks in by_task.items():
        rates = {task: 100 * sum(won) / len(won) for task, won in tasks.items()}
        numbers |= rates
        parts.append(sum(rates.values()) / len(rates))
        numbers[part] = parts[-1]
    numbers["total"] = sum(parts) / 3
    return numbers


def test_the_annotations_become_questions_at_their_times(tmp_path: Path) -> None:
    questions = questions_in(tmp_path)
    assert {one.item: one.right for one in questions} == RIGHT
    assert [one.time_s for one in questions if one.task == "CRR"] == [12.0, 17.0]


def test_right_answers_get_everything_in_both_modes(tmp_path: Path) -> None:
    questions = questions_in(tmp_path)
    official, problems = to_official(questions, answered(RIGHT))
    assert set(strict_official(official).values()) == {100.0}
    assert set(clean(questions, answered(RIGHT))[0].values()) == {100.0}
    assert problems == ()


@pytest.mark.parametrize("seed", range(40))
def test_the_strict_score_is_the_official_one(tmp_path: Path, seed: int) -> None:
    random = Random(seed)  # noqa: S311
    questions = questions_in(tmp_path)
    some = [one.item for one in questions if random.random() < 0.9]
    official, _ = to_official(questions, answered({item: random.choice(ANSWERS) for item in some}))
    assert json.loads(json.dumps(official)) == official
    assert strict_official(official) == pytest.approx(restated(official), abs=1e-9)


def test_the_quirks_are_there_and_the_clean_score_is_without_them(tmp_path: Path) -> None:
    questions = questions_in(tmp_path)
    tricks = dict.fromkeys(RIGHT, "A B 1 or 2 Yes, No")
    official = strict_official(to_official(questions, answered(tricks))[0])
    honest = clean(questions, answered(tricks))[0]
    assert official["EPM"] == official["SSR"] == official["CRR"] == 100.0
    assert official["REC"] == 0.0  # the digits make 12
    assert honest["EPM"] == honest["SSR"] == honest["CRR"] == 0.0
    assert honest["REC"] == 50.0  # the last number is 2


def test_an_answer_that_is_no_text_stops_the_official_script(tmp_path: Path) -> None:
    official, _ = to_official(questions_in(tmp_path), answered(RIGHT))
    official["forward"][0]["test_info"][0]["response"] = ["1"]
    with pytest.raises(OfficialScriptStops, match="TypeError"):
        strict_official(official)


def test_without_a_category_there_is_no_total(tmp_path: Path) -> None:
    questions = questions_in(tmp_path, ENTRIES[:1])
    official, _ = to_official(questions, answered({"1": "B"}))
    assert strict_official(official) == {"EPM": 100.0, "backward": 100.0}


def test_what_is_missing_unknown_or_there_twice_is_listed_and_not_scored(tmp_path: Path) -> None:
    questions = questions_in(tmp_path)
    predictions = answered({"1": "B", "99": "A"}) + answered({"1": "A"})
    numbers, problems = clean(questions, predictions)
    assert numbers == {"EPM": 100.0, "backward": 100.0}
    assert count(problems) == {"duplicate_item": 1, "missing_prediction": 7, "unknown_item": 1}


def test_broken_entries_are_listed_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ovo.json"
    broken = [{"id": 9, "task": "XYZ"}, 7, {**ENTRIES[0], "id": 8, "gt": 5}, ENTRIES[0], ENTRIES[0]]
    path.write_text(json.dumps(broken))
    questions, problems = read(path)
    assert [one.item for one in questions] == ["1"]
    assert count(problems) == {"bad_annotation": 3, "duplicate_item": 1}


@pytest.mark.parametrize("text", ["", '[{"id": 1, "ta', '{"id": 1}'])
def test_a_truncated_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ovo.json"
    path.write_text(text)
    with pytest.raises(BadAnnotations, match=r"ovo\.json"):
        read(path)


def test_missing_videos_are_listed(tmp_path: Path) -> None:
    questions = questions_in(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.mp4").touch()
    assert count(missing_videos(questions, tmp_path)) == {"missing_video": 7}
