from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

import pytest

from onlooker.evaluate.benchmarks.interaction_bench import (
    Item,
    clean,
    content_score,
    read,
    score_item,
    strict_official,
    to_official,
)
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.problems import count


def question(
    kind: str, capability: str, *answers: tuple[float, str], **more: Any
) -> dict[str, Any]:
    return {
        "capability": capability,
        "time_type": kind,
        "question": "What?",
        "question_time_s": 20.0,
        "answers": [{"time_s": time_s, "content": text} for time_s, text in answers],
        **more,
    }


VIDEO: dict[str, Any] = {
    "video_id": "v1",
    "domain": "kitchen",
    "duration_s": 60.0,
    "items": [
        question("A", "LVM", (12.0, "a red cup")),
        question("B", "PTR", (10.0, "the pot boils"), (30.0, "it burns")),
        question("C", "CST", (5.0, "1"), (15.0, "2"), auto_number=True),
        question("C", "LCG", (5.0, "she cuts"), (25.0, "she fries")),
        question("B", "TOA", (0.0, "SHOULD_REMAIN_SILENT")),
        question("B", "TOA", (9.0, "now"), is_negative=True),
    ],
}


@pytest.fixture
def items(tmp_path: Path) -> tuple[Item, ...]:
    (tmp_path / "kitchen").mkdir()
    (tmp_path / "kitchen" / "v1.json").write_text(json.dumps(VIDEO))
    read_ones, problems = read(tmp_path)
    assert problems == ()
    return read_ones


def said(*pairs: tuple[float, str]) -> tuple[Emission, ...]:
    return tuple(Emission(time_s, text) for time_s, text in pairs)


def restated(item: Item, spoken: list[tuple[float, str]]) -> dict[str, float | None]:
    """The rules of one item once more, with events as windows from a second before to the next."""
    if not item.answers:
        return {"total_score": 100.0 if not spoken else 0.0}
    events = {answer.time_s: answer.text for answer in item.answers}
    if item.time_type == "A":
        events = {item.question_time_s: item.answers[0].text}
    starts = sorted(events)
    windows = zip(starts, [start - 1 for start in starts[1:]] + [1e9], strict=True)
    first: dict[float, tuple[float, str]] = {}
    num_wrong = sum(time_s < starts[0] - 1 for time_s, _ in spoken)
    for start, end in windows:
        inside = [one for one in spoken if start - 1 <= one[0] < end]
        if inside:
            first[start] = inside[0]
            num_wrong += len(inside) - 1
    credit = [
        1 - min(5.0, max(0.0, first[start][0] - start)) / 5 if start in first else 0.0
        for start in starts
    ]
    timing = round(100 * mean(credit), 1)
    silence = round(max(0.0, 100 - 100 * num_wrong / len(starts)), 1) if spoken else None
    both: float = timing
    if silence is not None:
        both = round(2 / (1 / timing + 1 / silence), 1) if timing and silence else 0.0
    if item.capability == "LCG":
        edges = [*starts, 60.0 + 1e-6]
        shares = []
        for start, end in pairwise(edges):
            text = " ".join(text for time_s, text in spoken if start <= time_s < end)
            shares.append(content_score(events[start], text) if text else 0.0)
        return {"total_score": round(100 * mean(shares), 1)}
    scores = [content_score(events[start], text) for start, (_, text) in first.items()]
    accuracy = round(100 * mean(scores), 1) if scores else 0.0
    if item.is_counting:
        numbers = [text for _, text in spoken if text.isdigit()]
        accuracy = 100.0 if numbers and numbers[-1] == item.answers[-1].text else 0.0
    return {"total_score": round(mean((accuracy, both)), 1)}


@pytest.mark.parametrize("seed", range(60))
def test_the_strict_score_is_the_official_one(items: tuple[Item, ...], seed: int) -> None:
    random = Random(seed)  # noqa: S311
    texts = ("1", "2", "12", "it burns", "A pot boils!", "the red cup", "she", "Yes, No")
    spoken = {
        item.item: sorted(
            (random.randrange(0, 120) / 2, random.choice(texts))
            for _ in range(random.choice((0, 1, 2, 9)))
        )
        for item in items
        if random.random() < 0.9
    }
    lines, _ = to_official(items, [Prediction(one, said(*pairs)) for one, pairs in spoken.items()])
    totals = [restated(item, spoken.get(item.item, []))["total_score"] or 0.0 for item in items]
    got = strict_official(items, lines)["total_score"]
    assert got == pytest.approx(round(mean(totals), 3), abs=1e-9)


def test_items_are_read_as_what_they_ask(items: tuple[Item, ...]) -> None:
    assert [one.item for one in items] == [f"v1#{number}" for number in range(6)]
    assert [len(one.answers) for one in items] == [1, 2, 2, 2, 0, 0]
    assert items[2].is_counting
    assert items[0].video == "kitchen/v1.mp4"


def test_known_answers_of_one_item(items: tuple[Item, ...]) -> None:
    # The first a second early, the second two late: (1 + 0.6) / 2; one remark too many of two.
    pairs = ((9.0, "the pot boils"), (20.0, "hm"), (32.0, "it burns"))
    record = score_item(items[1], said(*pairs))
    assert record["timing_accuracy"] == pytest.approx(80)
    assert record["silence_compliance"] == pytest.approx(50)
    assert record["timing_score"] == pytest.approx(2 * 80 * 50 / 130)
    assert record["accuracy"] == pytest.approx(100)
    assert record["total_score"] == pytest.approx((100 + 2 * 80 * 50 / 130) / 2)


def test_silence_keeps_no_silence_where_something_was_due(items: tuple[Item, ...]) -> None:
    record = score_item(items[1], ())
    assert record["silence_compliance"] is None
    assert record["total_score"] == 0.0
    assert score_item(items[4], ())["total_score"] == 100.0
    assert score_item(items[5], said((9.0, "now")))["total_score"] == 0.0


@pytest.mark.parametrize(
    ("right", "words", "score"),
    [
        ("a red cup", "The red cup!", 1.0),
        ("7", "count is now 7", 1.0),
        ("JUMP 4", "DUCK 4", 0.5),
        ("she cuts", "he runs", 0.0),
    ],
)
def test_content_is_compared_by_words_and_numbers(right: str, words: str, score: float) -> None:
    assert content_score(right, words) == pytest.approx(score)


def test_what_was_not_predicted_is_listed_and_not_taken_for_silence(
    items: tuple[Item, ...],
) -> None:
    numbers, problems = clean(items, [Prediction("v1#4"), Prediction("v9#0")])
    assert numbers["total_score"] == 100.0
    assert count(problems) == {"missing_prediction": 5, "unknown_item": 1}


def test_a_judge_can_take_the_place_of_word_counting(items: tuple[Item, ...]) -> None:
    record = score_item(items[0], said((20.0, "crimson mug")), lambda *_: 1.0)
    assert record["accuracy"] == 100.0


def test_broken_files_and_items_are_listed_and_the_rest_is_read(tmp_path: Path) -> None:
    good, bad = VIDEO["items"][0], question("Z", "LVM", (1.0, "x"))
    video = {**VIDEO, "items": [bad, good, question("B", "PTR"), 7]}
    (tmp_path / "a.json").write_text(json.dumps(video))
    (tmp_path / "b.json").write_text('{"video_id": "b", "it')
    read_ones, problems = read(tmp_path)
    assert [one.item for one in read_ones] == ["v1#1"]
    assert count(problems) == {"bad_annotation": 4}
