from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from onlooker.evaluate.benchmarks.streaming_bench import (
    Task,
    clean,
    read,
    seconds_of,
    strict_official,
    to_official,
    truth_of,
)
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.problems import OfficialScriptStops, count
from onlooker.evaluate.score import score


def choice(stamp: str, answer: str, kind: str) -> dict[str, Any]:
    return {
        "task_type": kind,
        "question": "What is that?",
        "time_stamp": stamp,
        "answer": answer,
        "options": ["A. a", "B. b", "C. c", "D. d"],
        "required_ability": "working memory",
    }


def entry(*questions: dict[str, Any], video: str = "v.mp4") -> dict[str, Any]:
    return {
        "time": "[0:00:00 - 0:01:00]",
        "video_path": video,
        "video_categories": "sport",
        "questions": list(questions),
    }


def output(stamp: str, gold: str, text: str) -> dict[str, Any]:
    return {
        "task_type": "Proactive Output",
        "question": f'When it happens, output "{text}".',
        "time_stamp": stamp,
        "ground_truth_time_stamp": gold,
        "ground_truth_output": text,
        "required_ability": "working memory",
    }


FILES: dict[Task, list[Any]] = {
    "real": [
        entry(choice("00:00:06", "A", "OCR"), choice("00:00:09", "B", "Counting")),
        entry(choice("00:01:06", "C", "OCR"), video="w.mp4"),
    ],
    "omni": [entry(choice("00:00:06", "D", "Emotion"))],
    "sqa": [[entry(choice("00:00:06", "A", "SQA")), entry(choice("00:00:16", "B", "SQA"))]],
    "proactive": [
        entry(output("00:00:10", "00:00:16", "3")),
        entry(output("00:00:20", "00:01:29", "GOAL"), video="w.mp4"),
    ],
}
WORDS = ["A", "B", "C. c", "a", "The answer is B.", "A or B", "GOAL", "3", "13 goals", "no"]


def file_of(folder: Path, task: Task) -> Path:
    path = folder / f"questions_{task}.json"
    path.write_text(json.dumps(FILES[task]))
    return path


def restated(filled: list[Any], task: Task, model: str) -> dict[str, tuple[int, ...]]:
    """The official rules once more: type -> total, right (and right words of those in time)."""
    found: dict[str, list[tuple[bool, ...]]] = {}
    groups = [group if isinstance(group, list) else [group] for group in filled]
    for question in [one for group in groups for item in group for one in item["questions"]]:
        if model not in question:
            continue
        answer = question[model]
        if task == "proactive":
            hours, minutes, seconds = map(int, question["ground_truth_time_stamp"].split(":"))
            last = answer["dialog_history"][-1]
            near = abs(last["time"] - (hours * 3600 + minutes * 60 + seconds)) <= 2
            told = near and last["content"].count(question["ground_truth_output"]) > 0
            found.setdefault(question["task_type"], []).append((True, near, told))
        elif answer:
            right = (True, answer[0] == question["answer"])
            found.setdefault(question["task_type"], []).append(right)
            if task != "sqa":
                found.setdefault("total", []).append(right)
    return {
        kind: tuple(sum(column) for column in zip(*rows, strict=True))
        for kind, rows in found.items()
    }


@pytest.mark.parametrize("task", ["real", "omni", "sqa", "proactive"])
@pytest.mark.parametrize("seed", range(15))
def test_the_strict_score_is_the_official_one(tmp_path: Path, task: Task, seed: int) -> None:
    random = Random(seed)  # noqa: S311
    path = file_of(tmp_path, task)
    questions, _ = read(path, task)
    predictions = [
        Prediction(
            one.item,
            tuple(
                Emission(
                    random.choice((5.0, 14.0, 16.0, 18.0, 87.5, 91.0, 92.0)), random.choice(WORDS)
                )
                for _ in range(random.choice((0, 1, 1, 3)))
            ),
        )
        for one in questions
        if random.random() < 0.9
    ]
    filled, _ = to_official(path, task, predictions, "ours")
    stats = strict_official(filled, task, "ours")
    expected = restated(filled, task, "ours")
    assert stats.keys() == expected.keys()
    for kind, (total, *right) in expected.items():
        assert stats[kind]["total"] == total
        names = ("time_accuracy", "answer_accuracy") if task == "proactive" else ("accuracy",)
        rates = [stats[kind][name] for name in names]
        assert rates == pytest.approx([number / total for number in right], abs=1e-9)


def test_only_the_first_character_counts_officially(tmp_path: Path) -> None:
    path = file_of(tmp_path, "omni")
    questions, _ = read(path, "omni")
    predictions = [Prediction("omni/0/0", (Emission(6.0, "Definitely A"),))]
    filled, _ = to_official(path, "omni", predictions, "ours")
    assert strict_official(filled, "omni", "ours")["Emotion"]["accuracy"] == 1.0
    assert clean(questions, predictions)[0]["Emotion"] == 0.0


def test_the_last_word_counts_officially_and_the_first_in_the_clean_score(tmp_path: Path) -> None:
    path = file_of(tmp_path, "proactive")
    questions, _ = read(path, "proactive")
    said = Prediction("proactive/0/0", (Emission(11.0, "no"), Emission(16.0, "13 points")))
    filled, _ = to_official(path, "proactive", [said], "ours")
    history = [{"content": one.text, "time": one.time_s} for one in said.emissions]
    filled[0]["questions"][0]["ours"]["dialog_history"] = history
    official = strict_official(filled, "proactive", "ours")["Proactive Output"]
    assert (official["time_accuracy"], official["answer_accuracy"]) == (1.0, 1.0)
    assert clean(questions, [said])[0] == {"time_accuracy": 0.0, "answer_accuracy": 0.0}


def test_the_right_words_must_be_whole_words_in_the_clean_score(tmp_path: Path) -> None:
    questions, _ = read(file_of(tmp_path, "proactive"), "proactive")
    for text, right in (("13", 0.0), ("now it is 3!", 1.0)):
        said = [Prediction("proactive/0/0", (Emission(17.0, text),))]
        assert clean(questions, said)[0] == {"time_accuracy": 1.0, "answer_accuracy": right}


def test_an_empty_answer_stops_the_official_script(tmp_path: Path) -> None:
    filled = json.loads(file_of(tmp_path, "omni").read_text())
    filled[0]["questions"][0]["ours"] = ""
    with pytest.raises(OfficialScriptStops, match="IndexError"):
        strict_official(filled, "omni", "ours")
    history = json.loads(file_of(tmp_path, "proactive").read_text())
    history[0]["questions"][0]["ours"] = {"dialog_history": []}
    with pytest.raises(OfficialScriptStops, match="IndexError"):
        strict_official(history, "proactive", "ours")


def test_silence_is_listed_where_an_answer_was_asked_for(tmp_path: Path) -> None:
    path = file_of(tmp_path, "omni")
    filled, problems = to_official(path, "omni", [Prediction("omni/0/0")], "ours")
    assert count(problems) == {"missing_prediction": 1}
    assert strict_official(filled, "omni", "ours") == {}


def test_proactive_output_can_be_scored_by_our_own_scorer(tmp_path: Path) -> None:
    questions, _ = read(file_of(tmp_path, "proactive"), "proactive")
    truth = truth_of(questions[1])
    one = score(truth, Prediction(truth.item, (Emission(90.0, "Goal!"),)))
    assert one.timings[0].f1 == 1.0
    assert one.counts.num_right == 1
    with pytest.raises(ValueError, match="no moment"):
        truth_of(read(file_of(tmp_path, "real"), "real")[0][0])


def test_stamps_are_hours_minutes_and_seconds() -> None:
    assert seconds_of("01:02:03") == 3723


def test_a_question_that_cannot_be_read_is_listed_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "questions_real.json"
    broken = entry(choice("soon", "A", "OCR"), choice("00:00:09", "B", "OCR"))
    path.write_text(json.dumps([broken, 7, {"video_path": "x.mp4"}, *FILES["real"]]))
    questions, problems = read(path, "real")
    assert [one.item for one in questions] == ["real/0/1", "real/3/0", "real/3/1", "real/4/0"]
    assert count(problems) == {"bad_annotation": 3}
