from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from onlooker.evaluate.benchmarks.proactive_videoqa import (
    Question,
    Turn,
    clean,
    judge_requests,
    pauc,
    read,
    strict_official,
    to_official,
    truth_of,
)
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.problems import count
from onlooker.evaluate.truth import Span

ENTRIES: list[dict[str, Any]] = [
    {
        "video": "1.mp4",
        "question_id": "q=1",
        "duration": 60,
        "conversation": [{"role": "user", "content": "What is she doing?", "time": 0}],
        "answer": [
            {"content": "She cuts.", "related_timespan": [5, 10], "reply_timespan": [5, 15]},
            {"content": "She fries.", "related_timespan": [20, 30], "reply_timespan": [20, 40]},
        ],
    },
    {
        "video": "2.mp4",
        "question_id": "q2",
        "duration": 30,
        "conversation": [{"role": "user", "content": "Who comes?", "time": 0}],
        "answer": [{"content": "A man.", "reply_timespan": [10, 20]}],
    },
]
TURN = Turn("x", Span(0.0, 10.0), Span(0.0, 10.0))


@pytest.fixture
def questions(tmp_path: Path) -> tuple[Question, ...]:
    (tmp_path / "anno.json").write_text(json.dumps(ENTRIES))
    read_ones, problems = read(tmp_path / "anno.json")
    assert problems == ()
    return read_ones


def restated(entries: list[dict[str, Any]], verdicts: dict[str, str], omega: float) -> float:
    """PAUC once more, rectangle by rectangle."""
    areas = []
    for entry in entries:
        for number, answer in enumerate(entry["answer"]):
            start, end = answer["reply_timespan"]
            related_end = answer.get("related_timespan", answer["reply_timespan"])[1]
            scores: dict[float, int] = {}
            for key, written in verdicts.items():
                item, turn, time = key.rsplit("=", 2)
                is_here = item == entry["question_id"] and int(turn) == number
                if (
                    is_here
                    and start <= float(time) <= end
                    and written.strip()[:1] in {"1", "2", "3"}
                ):
                    scores[float(time)] = int(written.strip()[0]) - 1
            if not scores:
                areas.append(0.25)
                continue
            if len(scores) > 1:
                before = [scores[time] for time in sorted(scores) if time <= related_end]
                floor = before[-1] if before else 0
                scores = {
                    time: one for time, one in scores.items() if time <= related_end or one >= floor
                }
            moved = sorted((time - start) * (1 - omega) for time in scores)
            heights = [0.5, *(scores[time] for time in sorted(scores))]
            edges = [0.0, *moved, end - start]
            area = sum(
                (right - left) * height
                for left, right, height in zip(edges, edges[1:], heights, strict=False)
            )
            areas.append(area / (2 * (end - start)))
    return 100 * sum(areas) / len(areas)


@pytest.mark.parametrize(
    ("score", "slope", "best"), [(2.0, 37.5, 100), (1.0, 12.5, 50), (0.0, -12.5, 0)]
)
@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.5, 1.0])
def test_one_reply_gives_the_closed_form(
    score: float, slope: float, best: float, fraction: float
) -> None:
    # At omega 0.5 and f into the span: right 100 - 37.5 f, partly 50 - 12.5 f, wrong 12.5 f.
    assert 100 * pauc(TURN, {10 * fraction: score}, 0.5) == pytest.approx(best - slope * fraction)


def test_silence_gives_a_quarter_at_every_omega() -> None:
    assert {pauc(TURN, {}, omega) for omega in (0.0, 0.5, 1.0)} == {0.25}


@pytest.mark.parametrize("seed", range(40))
def test_the_strict_score_is_the_official_one(questions: tuple[Question, ...], seed: int) -> None:
    random = Random(seed)  # noqa: S311
    predictions = [
        Prediction(
            one.item,
            tuple(
                Emission(random.randrange(0, 90) / 2, random.choice(("a", "b", "She cuts.")))
                for _ in range(random.choice((0, 1, 4, 12)))
            ),
        )
        for one in questions
    ]
    written = ["1", "2", "3", " 3: yes", "", "0", "four", "12"]
    verdicts = {one.id: random.choice(written) for one in judge_requests(questions, predictions)}
    verdicts |= {"nobody=0=6.0": "3", "q2=7=12.0": "3", "q2=x=12.0": "3", "odd": "3"}
    known = {
        key: text for key, text in verdicts.items() if key.count("=") >= 2 and "=x=" not in key
    }
    exact = {f"omega={omega:g}": restated(ENTRIES, known, omega) for omega in (0.0, 0.5, 1.0)}
    # Officially rounded to two places, so no nearer than half of the last one.
    assert strict_official(questions, verdicts) == pytest.approx(exact, abs=0.005 + 1e-9)


def test_the_judge_reads_all_that_was_said_so_far_and_each_text_once(
    questions: tuple[Question, ...],
) -> None:
    said = (Emission(6.0, "a"), Emission(7.0, "a"), Emission(8.0, "b"), Emission(16.0, "c"))
    requests = judge_requests(questions, [Prediction("q=1", said)])
    assert [(one.id, one.said) for one in requests] == [("q=1=0=6.0", "a"), ("q=1=0=8.0", "a b")]
    assert requests[0].gold == "She cuts."


def test_a_judge_that_fails_is_listed_and_its_turn_is_no_silence(
    questions: tuple[Question, ...],
) -> None:
    def judge(_: str, gold: str, __: str) -> int:
        if gold == "She fries.":
            raise TimeoutError("no answer")
        return 3 if gold == "She cuts." else 7

    said = [
        Prediction("q=1", (Emission(5.0, "She cuts."), Emission(25.0, "She fries."))),
        Prediction("q2", (Emission(10.0, "A man."),)),
    ]
    numbers, problems = clean(questions, said, judge)
    assert numbers["omega=0.5"] == 100.0
    assert count(problems) == {"judge_failed": 2}


def test_repeats_word_for_word_are_counted(questions: tuple[Question, ...]) -> None:
    said = [Prediction("q2", (Emission(11.0, "A man."), Emission(12.0, "A man.")))]
    assert clean(questions, said, lambda *_: 3)[0]["repeat_share"] == 0.5


def test_replies_are_written_as_the_original_reads_them(questions: tuple[Question, ...]) -> None:
    lines, problems = to_official(questions, [Prediction("q2", (Emission(11.0, "A man."),))])
    assert lines == [
        {
            "question_id": "q2",
            "model_response_list": [{"role": "assistant", "time": 11.0, "content": "A man."}],
        }
    ]
    assert count(problems) == {"missing_prediction": 1}


def test_turns_become_events_for_our_own_scorer(questions: tuple[Question, ...]) -> None:
    assert [(one.onset_s, one.until_s) for one in truth_of(questions[0]).events] == [
        (5.0, 15.0),
        (20.0, 40.0),
    ]


def test_a_question_without_an_answer_is_listed(tmp_path: Path) -> None:
    (tmp_path / "anno.json").write_text(json.dumps([{**ENTRIES[0], "answer": []}, ENTRIES[1]]))
    read_ones, problems = read(tmp_path / "anno.json")
    assert [one.item for one in read_ones] == ["q2"]
    assert count(problems) == {"bad_annotation": 1}
