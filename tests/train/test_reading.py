import torch
from tokenizers import Tokenizer

from onlooker.data.world.phrases import templates
from onlooker.data.world.words import DICTIONARY
from onlooker.train.examples import Encoding
from onlooker.train.reading import KINDS, MOST_LINES, NOT_ASKED, QUESTIONS, lesson


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


def test_a_text_is_wanted_in_english_only_in_the_language_that_was_asked_for(
    words: Tokenizer,
) -> None:
    given = lesson(6, Encoding(words), num_queries=120)
    told: set[tuple[bool, bool]] = set()
    facts = zip(given.fact_rows_F, given.fact_ends_F, given.wanted_F.tolist(), strict=True)
    for row, end, is_wanted in facts:
        written = words.decode(given.ids_BT[row, :end].tolist()).rpartition("\n")[2]
        reads, quote, request = written.partition('": ')
        if " reads " not in reads or not quote:
            continue
        shown = set(reads.rpartition('"')[2].split())
        asked = [name for name in DICTIONARY if name.lower() in request.lower()]
        is_of_it = any(shown <= DICTIONARY[name].keys() for name in asked)
        assert not is_wanted or is_of_it, written
        told.add((bool(is_wanted), is_of_it))
    assert told >= {(True, True), (False, False)}


def test_who_wants_all_news_is_told_what_nobody_named(words: Tokenizer) -> None:
    given = lesson(7, Encoding(words), num_queries=1200)
    comments = given.rows_N[given.kinds_N == KINDS.index("comment")].tolist()
    told: set[tuple[bool, bool]] = set()
    with_facts = set(given.fact_rows_F.tolist())
    for row in comments:
        if row in with_facts:
            continue
        seen = words.decode(given.ids_BT[row].tolist()).rpartition("\n")[2]
        has_news = any(sign in seen for sign in ("; new ", "; gone "))
        told.add((has_news, bool(given.speaks_B[row])))
    assert (True, True) in told
    assert (True, False) not in told


def test_the_parts_of_a_lesson_teach_what_the_whole_does(words: Tokenizer) -> None:
    given = lesson(8, Encoding(words), num_queries=40)
    parts = list(given.parts(5))
    assert [len(part.ids_BT) for part in parts] == [8] * 5
    assert sum(part.ids_BT.numel() for part in parts) < 0.7 * given.ids_BT.numel()
    queries = [row for part in parts for row in part.ids_BT]
    for row, query in enumerate(queries):
        assert query.equal(given.ids_BT[row, : len(query)])
        assert not given.ids_BT[row, len(query) :].any()
    for name in ("kinds_N", "wanted_F", "ends_N", "fact_ends_F", "ends_B", "speaks_B"):
        assert torch.cat([getattr(part, name) for part in parts]).equal(getattr(given, name))


def test_the_same_number_is_the_same_lesson_and_another_is_another(words: Tokenizer) -> None:
    once, again, other = (lesson(number, Encoding(words), 8) for number in (5, 5, 6))
    assert once.ids_BT.equal(again.ids_BT)
    assert once.kinds_N.equal(again.kinds_N)
    assert once.ids_BT.shape != other.ids_BT.shape or not once.ids_BT.equal(other.ids_BT)


def test_every_kind_of_request_is_taught_and_nothing_that_nobody_asks() -> None:
    assert set(KINDS) == set(templates()) - NOT_ASKED
    assert set(KINDS) >= QUESTIONS
