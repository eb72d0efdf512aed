"""Pairs are blind, ratings add up, agreement is what the formulas say, and judges may fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import numpy as np
import pytest

from onlooker.core.errors import JudgeUnavailable
from onlooker.core.media import VideoFrame
from onlooker.evaluate.agreement import cohen_kappa, fleiss_kappa
from onlooker.evaluate.content import Content, JudgeFailed, ask_judge
from onlooker.evaluate.judge import grader
from onlooker.evaluate.pairs import (
    Pair,
    Rating,
    append_rating,
    judged,
    pairs,
    read_ratings,
    tally,
)
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.problems import Problem
from onlooker.evaluate.rating_page import RatingPage
from tests.evaluate.players import busy

ITEMS = [f"busy-{number}" for number in range(12)]
TRUTHS = [busy(item).truth for item in ITEMS]


def run(text: str) -> list[Prediction]:
    return [Prediction(item, (Emission(10.5, f"{text} {item}"),)) for item in ITEMS]


def both(rater: str = "me") -> list[Pair]:
    return pairs(TRUTHS, run("good"), run("bad"), rater)


def test_order_and_sides_are_drawn_for_every_rater_and_stay_the_same_for_each() -> None:
    one, again, other = both(), both(), both("somebody else")
    assert one == again
    assert [pair.truth.item for pair in one] != [pair.truth.item for pair in other]
    assert {pair.first for pair in one} == {"one", "other"}


def test_pairs_with_nothing_to_choose_are_left_out() -> None:
    same = [Prediction(item) for item in ITEMS]
    assert pairs(TRUTHS, same, same, "me") == []


# The example of Cohen's kappa that textbooks give: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no.
def test_cohens_kappa_is_that_of_a_worked_example() -> None:
    one = ["yes"] * 25 + ["no"] * 25
    other = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohen_kappa(one, other) == pytest.approx(0.4)
    assert cohen_kappa(["a", "a"], ["a", "a"]) is None


def test_fleiss_kappa_is_that_of_a_worked_example() -> None:
    # 14 raters, 10 items, 5 categories: 0.2099 (Fleiss 1971's layout, Wikipedia's numbers).
    table = [
        (0, 0, 0, 0, 14),
        (0, 2, 6, 4, 2),
        (0, 0, 3, 5, 6),
        (0, 3, 9, 2, 0),
        (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0),
        (3, 2, 6, 3, 0),
        (2, 5, 3, 2, 2),
        (6, 5, 2, 1, 0),
        (0, 2, 2, 3, 7),
    ]
    answers = [[str(at) for at, num in enumerate(row) for _ in range(num)] for row in table]
    assert fleiss_kappa(answers) == pytest.approx(0.2099, abs=1e-4)


def test_ratings_add_up_and_broken_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    for item, answer in (("a", "one"), ("b", "tie"), ("c", "other"), ("d", "one")):
        for rater in ("x", "y"):
            append_rating(path, Rating(item, rater, answer, "one", "one"))  # type: ignore[arg-type]
    append_rating(path, Rating("a", "x", "other", "one", "one"))  # a second thought
    with path.open("a") as file:
        file.write('{"item": "a"}\nno json\n')
    found = tally(read_ratings(path))
    assert found["num_ratings"] == 8
    assert found["quality"]["win"] == 3 / 8
    assert found["quality"]["tie"] == 2 / 8
    assert found["timing"]["win"] == 1.0
    assert found["quality"]["kappa"] == pytest.approx(
        cohen_kappa(["other", "tie", "other", "one"], ["one", "tie", "other", "one"])
    )
    assert found["timing"]["kappa"] is None


class FakeJudge:
    """Prefers whoever says "good", unless it is told to look at the place alone, or to fail."""

    def __init__(self, way: str = "words") -> None:
        self.way = way
        self.questions: list[str] = []

    def answer(self, question: str) -> str:
        self.questions.append(question)
        if self.way == "down":
            raise JudgeUnavailable("no answer in 60 s")
        if self.way == "chatty":
            return "I would rather not say."
        if self.way == "place":
            return '{"better": 1}'
        first = question.split("Assistant 1 said:")[1].split("Assistant 2 said:", maxsplit=1)[0]
        return f'Thinking {{a}} ... {{"better": {1 if "good" in first else 2}}}'

    def close(self) -> None: ...


def test_a_judge_finds_the_better_run_wherever_it_stands() -> None:
    ratings = [one for one in judged(both(), FakeJudge(), "judge") if isinstance(one, Rating)]
    assert len(ratings) == len(ITEMS)
    assert {(one.quality, one.timing) for one in ratings} == {("one", "one")}


def test_a_judge_that_goes_by_the_place_gives_ties() -> None:
    ratings = [one for one in judged(both(), FakeJudge("place"), "j") if isinstance(one, Rating)]
    assert {one.quality for one in ratings} == {"tie"}


@pytest.mark.parametrize("way", ["down", "chatty"])
def test_a_judge_that_fails_is_counted_and_rates_nothing(way: str) -> None:
    found = list(judged(both(), FakeJudge(way), "judge"))
    assert [type(one) for one in found] == [Problem] * len(ITEMS)
    assert {one.kind for one in found if isinstance(one, Problem)} == {"judge_failed"}


@pytest.mark.parametrize(
    ("answer", "score"),
    [('{"score": 0.5}', 0.5), ('first {"score": 0} then {"score": 1}', 1.0)],
)
def test_grades_are_read_out_of_what_a_judge_writes(answer: str, score: float) -> None:
    judge = FakeJudge()
    judge.answer = lambda question: answer  # type: ignore[method-assign]
    assert ask_judge(grader(judge), Content("keywords", ("boils",)), "it cooks", "") == score


@pytest.mark.parametrize("answer", ["", "none", '{"score": 7}', '{"score": "high"}', "{}"])
def test_what_is_no_grade_is_a_failure(answer: str) -> None:
    judge = FakeJudge()
    judge.answer = lambda question: answer  # type: ignore[method-assign]
    with pytest.raises(JudgeFailed):
        ask_judge(grader(judge), Content("keywords", ("boils",)), "it cooks", "")


# The page.


def film(item: str) -> Iterator[VideoFrame]:
    for second in range(3):
        yield VideoFrame("pot", second + 0.5, np.zeros((36, 64, 3), np.uint8))


@pytest.fixture
def page(tmp_path: Path) -> Iterator[RatingPage]:
    page = RatingPage(both()[:2], "me", tmp_path / "ratings.jsonl", film)
    serving = Thread(target=page.serve)
    serving.start()
    yield page
    page.close()
    serving.join(5)


def rate(page: RatingPage, plain: dict[str, Any], **more: Any) -> int:
    return httpx.post(f"{page.url}rate", json=plain, **more).status_code


def test_a_person_rates_pairs_one_after_the_other(page: RatingPage, tmp_path: Path) -> None:
    assert "Which one" in httpx.get(page.url).text
    for number, pair in enumerate(both()[:2]):
        shown = httpx.get(f"{page.url}next").json()
        assert (shown["item"], shown["num_rated"]) == (pair.truth.item, number)
        first = [one["text"] for one in shown["said"][0]]
        assert first == [one.text for one in pair.shown[0].emissions]
        assert len(httpx.get(f"{page.url}film?{shown['item']}").json()) == 3
        place = "first" if "good" in first[0] else "second"
        assert rate(page, {"item": shown["item"], "quality": place, "timing": "tie"}) == 200
    end = httpx.get(f"{page.url}next").json()
    assert end["tally"]["quality"]["win"] == 1.0
    written = read_ratings(tmp_path / "ratings.jsonl")
    assert [(one.quality, one.timing) for one in written] == [("one", "tie")] * 2


def test_nothing_on_the_page_tells_which_run_is_which(page: RatingPage) -> None:
    shown = httpx.get(f"{page.url}next").json()
    assert "first" not in json.dumps(shown)
    assert "one" not in shown
    assert "other" not in shown


@pytest.mark.parametrize(
    ("plain", "headers", "path"),
    [
        ({"item": "nobody", "quality": "first", "timing": "tie"}, {}, "rate"),
        ({"item": "busy-1", "quality": "best", "timing": "tie"}, {}, "rate"),
        ([1, 2], {}, "rate"),
        ({}, {"Host": "evil.example"}, "rate"),
        ({}, {"Content-Type": "text/plain"}, "rate"),
        ({}, {}, "elsewhere"),
    ],
)
def test_what_is_no_rating_of_ours_is_refused(
    page: RatingPage, plain: Any, headers: dict[str, str], path: str, tmp_path: Path
) -> None:
    answer = httpx.post(f"{page.url}{path}", content=json.dumps(plain), headers={
        "Content-Type": "application/json", **headers
    })  # fmt: skip
    assert answer.status_code in (400, 404)
    assert not (tmp_path / "ratings.jsonl").exists()


def test_without_the_secret_there_is_no_page(page: RatingPage) -> None:
    assert httpx.get(f"http://127.0.0.1:{page.port}/next").status_code == 404
