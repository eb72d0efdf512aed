from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.evaluate.content import (
    ANYTHING,
    Content,
    JudgeFailed,
    ask_judge,
    is_right,
    last_number,
    likeness,
    token_f1,
    tokens,
)
from onlooker.evaluate.problems import BadTruth


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", None),
        ("nobody", None),
        ("3", 3.0),
        ("first 2, now 12 people", 12.0),
        ("Twenty-three cars", 23.0),
        ("it is -4.5 degrees", -4.5),
        ("1,000 visitors", 1000.0),
        ("three 4", 4.0),
        ("twenty, five", 25.0),
        ("seven three", 3.0),
    ],
)
def test_the_last_number_counts(text: str, number: float | None) -> None:
    assert last_number(text) == number


def test_tokens_are_words_without_case_and_punctuation_and_single_chinese_characters() -> None:
    assert tokens("Hello, WORLD! 3.5 km; 红车") == ("hello", "world", "3.5", "km", "红", "车")


@pytest.mark.parametrize(
    ("content", "said", "expected"),
    [
        (ANYTHING, "", True),
        (Content("exact", ("It boils.",)), "it boils", True),
        (Content("exact", ("It boils.",)), "it boils now", False),
        (Content("any_of", ("yes", "it does")), "It does!", True),
        (Content("keywords", ("red car", "left")), "A red car came from the left.", True),
        (Content("keywords", ("red car", "left")), "A car, red, came from the left.", False),
        (Content("keywords", ("art",)), "start", False),
        (Content("number", number=3.0), "Now there are three.", True),
        (Content("number", number=3.0), "3, no, 4", False),
    ],
)
def test_what_is_right(content: Content, said: str, expected: bool) -> None:
    assert is_right(content, said) is expected


def test_likeness_is_the_token_f1_of_the_nearest_text() -> None:
    content = Content("any_of", ("a red car", "the pot boils"))
    assert likeness(content, "a blue car") == pytest.approx(2 / 3)
    assert likeness(Content("keywords", ("red", "car")), "a car") == 0.5


@given(st.text(max_size=30), st.text(max_size=30))
def test_token_f1_is_symmetric_and_within_0_and_1(left: str, right: str) -> None:
    assert 0 <= token_f1(left, right) <= 1
    assert token_f1(left, right) == token_f1(right, left)
    assert token_f1(left, left) == 1


@given(st.text(max_size=40))
def test_any_text_can_be_judged_lexically(text: str) -> None:
    assert is_right(Content("number", number=3.0), text) in (True, False)
    assert 0 <= likeness(Content("keywords", ("car",)), text) <= 1


@pytest.mark.parametrize("value", [2.0, -0.1, math.nan, "much", None])
def test_a_judge_without_a_score_has_failed(value: object) -> None:
    with pytest.raises(JudgeFailed):
        ask_judge(lambda *_: value, ANYTHING, "a", "b")  # type: ignore[arg-type]


def test_a_judge_that_times_out_has_failed() -> None:
    def judge(*_: object) -> float:
        raise TimeoutError("no answer in 30 s")

    with pytest.raises(JudgeFailed, match="no answer in 30 s"):
        ask_judge(judge, ANYTHING, "a", "b")


@pytest.mark.parametrize(
    ("kind", "texts", "number"),
    [
        ("exact", ("a", "b"), None),
        ("any_of", (), None),
        ("number", (), None),
        ("exact", ("a",), 1.0),
    ],
)
def test_content_that_does_not_fit_itself_is_refused(
    kind: str, texts: tuple[str, ...], number: float | None
) -> None:
    with pytest.raises(BadTruth, match="does not fit"):
        Content(kind, texts, number)  # type: ignore[arg-type]
