import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onlooker.core.memory import Question
from onlooker.plugins.memory.embedding import Embedder, packed, similarity
from onlooker.plugins.memory.words import terms_of
from tests.plugins.memory.entries import OPENED_S, seen, site

NOTES = (
    seen(10, "a person put a red cup on the table", jpeg=b"cup"),
    seen(20, "a delivery van drove away", "street"),
    seen(30, "a dog ran across the lawn", "garden"),
    seen(40, "the sign reads CLOSED", "street"),
    seen(50, "two people shook hands at the door"),
)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    pytest.importorskip("tokenizers")
    pytest.importorskip("onnxruntime")
    return Embedder()


def test_words_alone_find_an_entry_with_its_time_stream_and_picture(tmp_path: Path) -> None:
    with site(tmp_path, *NOTES) as (_, search):
        best = search.find(Question("what did he put on the table?"), OPENED_S)[0]
    assert best.start_s == 10
    assert best.wall_s == OPENED_S + 10
    assert best.stream == "door"
    assert Path(best.picture).read_bytes() == b"cup"


@pytest.mark.parametrize(
    ("asked", "time_s"),
    [
        ("when did the vehicle leave?", 20),
        ("was there a pet outside?", 30),
        ("where is my mug?", 10),
        ("did anyone greet somebody?", 50),
    ],
)
def test_meaning_finds_what_other_words_ask_for(
    tmp_path: Path, embedder: Embedder, asked: str, time_s: float
) -> None:
    with site(tmp_path, *NOTES, embedder=embedder) as (_, search):
        assert search.find(Question(asked), OPENED_S)[0].start_s == time_s


def test_time_stream_and_kind_narrow_the_search(tmp_path: Path, embedder: Embedder) -> None:
    with site(tmp_path, *NOTES, embedder=embedder) as (_, search):
        spans = Question("a dog or a van or a sign", since_s=15, until_s=35)
        assert {found.start_s for found in search.find(spans, OPENED_S)} == {20, 30}
        street = Question("a dog or a van or a sign", stream="street")
        assert {found.stream for found in search.find(street, OPENED_S)} == {"street"}
        assert search.find(Question("dog", kinds=("said",)), OPENED_S) == ()


def test_without_words_the_newest_come_first(tmp_path: Path) -> None:
    with site(tmp_path, *NOTES) as (_, search):
        found = search.find(Question(limit=2), OPENED_S)
    assert [evidence.start_s for evidence in found] == [50, 40]


def test_all_of_a_large_site_can_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onlooker.plugins.memory.search.MAX_VALUES", 10)
    many = [seen(second, f"thing {second}") for second in range(57)]
    with site(tmp_path, *many) as (_, search):
        # Stands for SQLite's own limit, 32,766 values of one statement.
        search._database.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 10)
        assert len(search.find(Question(limit=100_000), OPENED_S)) == 57


def test_what_is_written_later_is_found_and_what_is_deleted_is_not(
    tmp_path: Path, embedder: Embedder
) -> None:
    with site(tmp_path, *NOTES, embedder=embedder) as (archive, search):
        assert search.find(Question("a cat or a dog?", limit=1), OPENED_S)[0].start_s == 30
        archive.add("default", OPENED_S, [seen(60, "a cat, or a dog, on the fence")])
        assert search.find(Question("a cat or a dog?", limit=1), OPENED_S)[0].start_s == 60
        with archive.writing():
            archive.delete("wall_s = ?", (OPENED_S + 60,))
        assert search.find(Question("a cat or a dog?", limit=1), OPENED_S)[0].start_s == 30


def test_the_same_thing_again_and_again_does_not_fill_an_answer(tmp_path: Path) -> None:
    many = [seen(100 + number, f"person {number} came in") for number in range(20)]
    with site(tmp_path, seen(5, "a person fell"), *many) as (_, search):
        found = search.find(Question("person"), OPENED_S)
    assert len(found) == 3


def test_a_question_of_empty_words_still_searches() -> None:
    assert terms_of("What was it?") == ["what", "was", "it"]
    assert terms_of("What did the man do?") == ["man"]


@given(words=st.text(max_size=60))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_question_breaks_the_search(tmp_path: Path, words: str) -> None:
    folder = tmp_path / "site"
    entries = () if folder.exists() else NOTES
    with site(folder, *entries) as (_, search):
        assert len(search.find(Question(words), OPENED_S)) <= 8


def test_a_packed_direction_measures_as_the_whole_one(embedder: Embedder) -> None:
    one, other = (embedder.embed(text) for text in ("a red car", "an automobile"))
    assert similarity(one, packed(other)[1]) == pytest.approx(float(one @ other), abs=0.01)
    assert float(one @ one) == pytest.approx(1, abs=1e-5)
