"""What is said of a text that was written to be read."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onlooker.core.spoken import MAX_LETTERS, Pieces, pieces, spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It **boils** over!", "It boils over!"),
        ("# The *news*\n\n- one\n- two\n", "The news. one. two."),
        ("1. Open it\n2. Close it", "1, Open it. 2, Close it."),
        ("See [the manual](https://example.com/a?b=c#d).", "See the manual."),
        ("See https://www.example.com/a/b?c=d.", "See example dot com."),
        ("Mail me@example.com now", "Mail me at example dot com now"),
        ("Run `make test`:\n```sh\nrm -rf /\n```\nDone.", "Run make test: Done."),
        ("<b>Fire</b> &amp; smoke", "Fire and smoke"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a, b. 1, 2."),
        ("Great job \U0001f44d\U0001f3fd \U0001f469‍\U0001f469‍\U0001f467!", "Great job!"),
        ("It is -5 °C, 40% wet", "It is minus 5 degrees Celsius, 40 percent wet"),
        ("5 km/h, 3 m, 20kg", "5 kilometers per hour, 3 meters, 20 kilograms"),
        ("3–5 people", "3 to 5 people"),
        ("$E = mc^2$", "E equals mc squared"),
        (r"\(\frac{a}{b} \leq \sqrt{c}\)", "a over b is at most the square root of c"),
        ("x² + 1 ≥ 2", "x squared plus 1 is at least 2"),
        ("It costs $12.50 at 3:45 p.m.", "It costs $12.50 at 3:45 p.m."),
        ("~10 of #3", "about 10 of number 3"),
        ("A car enters at 24/7", "A car enters at 24/7"),
        ("\U0001f600 *** ---", ""),
        ("Wait!!! What?!?", "Wait! What?"),
    ],
)
def test_markup_and_symbols_become_words_or_nothing(written: str, said: str) -> None:
    assert spoken(written) == said


def test_other_languages_keep_their_numbers_for_the_voice() -> None:
    assert spoken("Es sind **20 %** bei 5 °C", "de") == "Es sind 20 % bei 5 °C"
    assert spoken("锅**开了**！", "zh") == "锅开了！"


def test_sentences_end_where_people_end_them() -> None:
    text = "Dr. Smith left at 3.5 m. He met J. Doe, e.g. twice! Is it 5 p.m. now? 好。是的。"
    assert pieces(text) == [
        "Dr. Smith left at 3.5 m.",
        "He met J. Doe, e.g. twice!",
        "Is it 5 p.m. now?",
        "好。",
        "是的。",
    ]


def test_a_long_sentence_is_cut_at_a_clause_or_else_between_words() -> None:
    clauses = ", ".join(["the red car passes the gate"] * 12) + "."
    assert all(piece.endswith((",", ".")) for piece in pieces(clauses))
    words = "word " * 200
    assert " ".join(pieces(words)).split() == words.split()


def test_the_first_clause_is_given_before_its_sentence_ends() -> None:
    growing = Pieces()
    assert growing.feed("A person has come in at the door, ") == []
    assert growing.feed("a") == ["A person has come in at the door,"]
    assert growing.feed("nd left a parcel, which is big") == []
    assert growing.feed(". T") == ["and left a parcel, which is big."]
    assert growing.rest() == ["T"]


def test_code_is_not_spoken_even_while_it_grows() -> None:
    growing = Pieces()
    said = [
        *growing.feed("Here it is. ```py\nx = 1. Y = 2.\n\nz"),
        *growing.feed(" = 3\n``` It works. "),
    ]
    assert said + growing.rest() == ["Here it is.", "It works."]


def test_a_very_long_text_is_cleaned_and_cut_in_a_moment() -> None:
    text = "**The** pot [boils](http://a.b/c) at 100 °C, _says_ the cook. " * 1500
    cut = pieces(spoken(text))
    assert len(cut) == 1500
    assert cut[0] == "The pot boils at 100 degrees Celsius, says the cook."


SAMPLES = ["**", "_", "# ", "\n", "\n\n", "```", "- ", "1. ", "| ", "[a](http://b.c)", ". ", "! "]
SAMPLES += ["5 km", "-3", "°C", "%", "$x^2$", "\\frac{1}{2}", "\U0001f600", "Dr. ", ", ", "。"]
SAMPLES += ["a word", "Then", "https://a.b/c", "<b>", "&lt;b&gt;", "~~", "=", "p.m. "]
WRITTEN = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(SAMPLES),
    ),
    max_size=30,
).map("".join)


@given(WRITTEN)
@example("&amp;lt;b&amp;gt;")
def test_what_is_said_is_one_line_of_letters_digits_and_punctuation(written: str) -> None:
    said = spoken(written)
    assert said == " ".join(said.split())
    assert not {unicodedata.category(letter) for letter in said} & {"So", "Cc", "Cf", "Cs", "Co"}
    assert not said or any(letter.isalnum() for letter in said)


@given(WRITTEN)
def test_cleaning_twice_changes_nothing(written: str) -> None:
    assert spoken(spoken(written)) == spoken(written)


@given(WRITTEN, st.integers(20, 300))
def test_pieces_are_short_and_lose_no_word(written: str, max_letters: int) -> None:
    said = spoken(written)
    cut = pieces(said, max_letters)
    assert all(0 < len(piece) <= max_letters for piece in cut)
    kept = "".join(letter for letter in "".join(cut) if letter.isalnum())
    assert kept == "".join(letter for letter in said if letter.isalnum())


@given(WRITTEN, st.lists(st.integers(0, 200), max_size=10))
def test_the_pieces_are_the_same_however_the_text_arrives(written: str, cuts: list[int]) -> None:
    whole, growing = Pieces(), Pieces()
    at_once = whole.feed(written) + whole.rest()
    ends = sorted({0, *(min(cut, len(written)) for cut in cuts), len(written)})
    by_and_by = [
        piece for begin, end in pairwise(ends) for piece in growing.feed(written[begin:end])
    ]
    assert by_and_by + growing.rest() == at_once
    assert all(len(piece) <= MAX_LETTERS for piece in at_once)
