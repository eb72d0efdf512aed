import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from onlooker.train.tokenizer import CAPITAL, MARKERS, MAX_NUMBER, UnknownToken, id_of


def ids(words: Tokenizer, text: str) -> list[int]:
    found: list[int] = words.encode(text, add_special_tokens=False).ids
    return found


@given(text=st.text(st.characters(exclude_characters=CAPITAL, exclude_categories=["Cs"])))
def test_any_text_comes_back_as_it_was(words: Tokenizer, text: str) -> None:
    assert words.decode(ids(words, text), skip_special_tokens=False) == text


def test_every_marker_is_one_token(words: Tokenizer) -> None:
    for marker in MARKERS:
        assert ids(words, marker) == [id_of(words, marker)]


def test_numbers_are_one_token_so_that_they_can_be_compared(words: Tokenizer) -> None:
    assert all(len(ids(words, f" {number}")) == 1 for number in range(MAX_NUMBER + 1))


def test_a_word_has_the_same_tokens_with_a_capital(words: Tokenizer) -> None:
    for word in ("person", "niba", "keyboard"):
        capital = ids(words, f" {word.capitalize()}")
        assert capital[1:] == ids(words, f" {word}")
        assert capital[:1] == ids(words, CAPITAL)


def test_a_tokenizer_without_our_markers_is_refused(words: Tokenizer) -> None:
    with pytest.raises(UnknownToken, match="no token '</shout>'"):
        id_of(words, "</shout>")
