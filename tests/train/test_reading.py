from tokenizers import Tokenizer

from onlooker.data.world.phrases import templates
from onlooker.data.world.words import DICTIONARY
from onlooker.train.examples import Encoding
from onlooker.train.reading import (
    KINDS,
    LANGUAGES,
    MOST_LINES,
    NOT_ASKED,
    QUESTIONS,
    lesson,
)


def test_a_lesson_ends_each_line_where_its_kind_is_to_be_told(words: Tokenizer) -> None:
    given = lesson(3, Encoding(words), num_queries=12)
    (newline,) = words.encode("\n", add_special_tokens=False).ids
    assert len(given.rows_N) == len(given.ends_N) == len(given.kinds_N) >= 12
    assert set(given.rows_N.tolist()) == set(range(12))
    for row, end in zip(given.rows_N, given.ends_N, strict=True):
        assert given.ids_BT[row, end] == newline
    for row in range(12):
        query = words.decode(given.ids_BT[row].tolist(), skip_special_tokens=False)
        num_lines = int((given.rows_N == row).sum())
        asked, _, _ = query.partition(".0 seconds>")
        assert sum(asked.count(f"\n#{number} ") for number in range(MOST_LINES + 1)) == num_lines


def test_a_lesson_tells_the_language_of_a_text_at_its_end(words: Tokenizer) -> None:
    given = lesson(6, Encoding(words), num_queries=60)
    (quote,) = words.encode('"', add_special_tokens=False).ids
    languages = [LANGUAGES[number] for number in given.languages_W.tolist()]
    assert set(languages) == set(LANGUAGES)
    for row, end, language in zip(given.text_rows_W, given.text_ends_W, languages, strict=True):
        assert given.ids_BT[row, end] == quote
        shown = words.decode(given.ids_BT[row, :end].tolist()).rpartition('text new "')[2]
        if language:
            assert set(shown.split()) <= DICTIONARY[language].keys()


def test_the_same_number_is_the_same_lesson_and_another_is_another(words: Tokenizer) -> None:
    once, again, other = (lesson(number, Encoding(words), 8) for number in (5, 5, 6))
    assert once.ids_BT.equal(again.ids_BT)
    assert once.kinds_N.equal(again.kinds_N)
    assert once.ids_BT.shape != other.ids_BT.shape or not once.ids_BT.equal(other.ids_BT)


def test_every_kind_of_request_is_taught_and_nothing_that_nobody_asks() -> None:
    assert set(KINDS) == set(templates()) - NOT_ASKED
    assert set(KINDS) >= QUESTIONS
