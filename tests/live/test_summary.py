import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.memory import Segment, estimate_tokens
from onlooker.live.summary import clip, extract, objection

LINES = (
    "3.0 s door: person 1 appeared at the left",
    "8.0 s door: person 2 appeared at the right",
    "12.0 s user: where is my cup?",
    '30.0 s door: the text "EXIT 7" appeared at the top',
    "40.0 s onlooker: Your cup is on the table.",
    "55.0 s door: dog 3 appeared at the center",
    "70.0 s door: person 1 left at the left",
    "most at once, door: 2 person, 1 dog",
    "at the end, door: 1 person, 1 dog",
)
SEGMENT = Segment(0, 90, LINES, ("tell me when a dog comes",))


def test_what_an_instruction_cares_for_is_kept_when_hardly_anything_is() -> None:
    assert extract(SEGMENT, 16) == "55.0 s door: dog 3 appeared at the center"


def test_an_extract_tells_in_order_and_keeps_words_and_the_end_before_the_rest() -> None:
    told = extract(Segment(0, 90, LINES), 60)
    assert told.index("where is my cup") < told.index("on the table") < told.index("at the end")
    assert "person 2" not in told


def test_what_happens_again_and_again_is_told_once_with_its_number() -> None:
    lines = tuple(f"{n}.0 s door: car {n} appeared at the left" for n in range(30))
    assert extract(Segment(0, 90, lines), 25).startswith(
        "0.0 s door: car 0 appeared at the left (30"
    )


def test_extracts_merge_into_an_extract_of_what_matters_most() -> None:
    parts = tuple(
        f"<{start}.0-{start + 90}.0 seconds> " + extract(Segment(start, start + 90, LINES), 200)
        for start in (0, 90, 180)
    )
    merged = extract(Segment(0, 270, parts, ("tell me when a dog comes",)), 60)
    assert "dog 3 appeared" in merged
    assert "seconds>" not in merged


def test_nothing_is_told_as_nothing() -> None:
    assert extract(Segment(0, 90, ()), 100) == "nothing worth telling happened"


@given(st.lists(st.text(max_size=200), max_size=60), st.integers(20, 300))
def test_an_extract_never_costs_more_than_its_budget(lines: list[str], budget: int) -> None:
    told = extract(Segment(0, 90, tuple(lines)), budget)
    assert estimate_tokens(told) <= budget


@given(st.text(max_size=500), st.integers(1, 100))
def test_clipping_keeps_a_beginning_within_the_budget(text: str, budget: int) -> None:
    clipped = clip(text, budget)
    assert estimate_tokens(clipped) <= budget
    assert text.startswith(clipped.removesuffix("..."))


@pytest.mark.parametrize(
    "paragraph",
    [
        "At 3.0 s a person came in, at 8.0 s another. Two people and one dog were there at most.",
        'The user asked for the cup; the sign "EXIT 7" could be read. A dog came at 55.0 s.',
        "Person 1 stayed for 67 s and left at 70 s.",
        "一个人在 3.0 s 进来，狗在 55.0 s 出现。",
    ],
)
def test_a_summary_that_fits_the_record_passes(paragraph: str) -> None:
    assert objection(SEGMENT, paragraph, 200) == ""


@pytest.mark.parametrize(
    ("paragraph", "wrong"),
    [
        ("", "no paragraph"),
        ("</response> A dog.", "no paragraph"),
        ("word " * 2000, "longer than 200"),
        ("A dog came at 355.0 s.", "speaks of 355.0 s"),
        ('The sign said "ENTRANCE".', 'quotes "entrance"'),
        ("Seven people were at the door.", "counts seven person"),
        ("Then 5 dogs came.", "counts 5 dog"),
        ("No dog was seen.", "no dog was there"),
    ],
)
def test_a_summary_that_contradicts_the_record_is_caught(paragraph: str, wrong: str) -> None:
    assert wrong in objection(SEGMENT, paragraph, 200)


@pytest.mark.parametrize(
    ("language", "paragraph", "is_right"),
    [
        ("zh", "0.0 秒到 90.0 秒: 门口来了两个人。", True),
        ("zh-CN", "Two persons came to the door.", False),
        ("ru", "У двери были двое.", True),
        ("ru", "Two persons came.", False),
        ("de", "Zwei Personen kamen.", True),
        ("", "Two persons came.", True),
    ],
)
def test_a_summary_in_another_script_than_the_sessions_is_objected_to(
    language: str, paragraph: str, is_right: bool
) -> None:
    segment = Segment(0, 90, LINES, language=language)
    assert ("is not written in" not in objection(segment, paragraph, 100)) == is_right
