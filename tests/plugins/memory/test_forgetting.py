from pathlib import Path

import pytest

from onlooker.core.errors import BadSettings
from onlooker.core.memory import Forgotten, Question, Segment, Target
from onlooker.plugins.memory.embedding import Embedder, packed
from onlooker.plugins.memory.forgetting import forget
from tests.plugins.memory.entries import OPENED_S, seen, site

SECRET = "a visitor in a zebraprint coat"
ENTRIES = (
    seen(10, "a dog ran by", jpeg=b"\xff\xd8dog"),
    seen(200, SECRET, jpeg=b"\xff\xd8zebra", stream="hall"),
    seen(203, "", kind="picture", jpeg=b"\xff\xd8near", stream="hall"),
    seen(230, "", kind="picture", jpeg=b"\xff\xd8far", stream="hall"),
    seen(400, "a van left", stream="street", jpeg=b"\xff\xd8van"),
    seen(0, "a dog, nobody else", kind="summary", lasts_s=90),
    seen(180, "somebody strangely dressed came", kind="summary", lasts_s=90),
    seen(390, "a van", kind="summary", lasts_s=90),
)


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def embedder() -> Embedder:
    pytest.importorskip("tokenizers")
    pytest.importorskip("onnxruntime")
    return Embedder()


def test_a_topic_goes_with_text_words_direction_pictures_and_summary(
    tmp_path: Path, embedder: Embedder
) -> None:
    bits, exact = packed(embedder.embed(SECRET))
    traces = [
        SECRET.encode(),
        b"zebraprint",
        b"strangely dressed",
        b"\xff\xd8zebra",
        b"\xff\xd8near",
    ]
    with site(tmp_path, *ENTRIES, embedder=embedder) as (archive, search):
        archive.owe("default", OPENED_S, Segment(180, 270, (f"<200.0> {SECRET}",)), 9)
        search.find(Question("dog"), OPENED_S)
        before = all_bytes(tmp_path)
        assert all(trace in before for trace in (*traces, bits, exact))

        forgotten = forget(archive, Target(topic="Zebraprint"))

        assert forgotten == Forgotten(
            num_entries=3, num_pictures=2, num_waiting=1, is_complete=True
        )
        after = all_bytes(tmp_path)
        assert not [trace for trace in (*traces, bits, exact) if trace in after]
        # Whoever held the database open all the time finds nothing either, and the rest is there.
        assert search.find(Question("zebraprint coat", stream="hall"), OPENED_S) == ()
        assert search.find(Question("dog"), OPENED_S)[0].start_s in (0, 10)
        assert b"\xff\xd8far" in after
        assert b"\xff\xd8van" in after


def test_a_span_goes_from_every_stream(tmp_path: Path) -> None:
    with site(tmp_path, *ENTRIES) as (archive, search):
        forget(archive, Target(since_s=OPENED_S + 150, until_s=OPENED_S + 300))
        left = search.find(Question(limit=99), OPENED_S)
    assert {evidence.text for evidence in left} == {
        "a dog ran by", "a dog, nobody else", "a van left", "a van",
    }  # fmt: skip


def test_a_stream_goes_and_the_others_stay(tmp_path: Path) -> None:
    with site(tmp_path, *ENTRIES) as (archive, search):
        forget(archive, Target(stream="hall"))
        left = search.find(Question(limit=99), OPENED_S)
    assert "hall" not in {evidence.stream for evidence in left}
    assert "a van left" in {evidence.text for evidence in left}
    assert "somebody strangely dressed came" not in {evidence.text for evidence in left}


def test_a_span_of_which_only_a_waiting_segment_speaks_goes_too(tmp_path: Path) -> None:
    with site(tmp_path) as (archive, search):
        archive.owe("default", OPENED_S, Segment(0, 90, ("<5.0> a secret word",)), 9)
        archive.owe("default", OPENED_S, Segment(90, 180, ("<95.0> another",)), 9)
        forgotten = forget(archive, Target(until_s=OPENED_S + 50))
        assert forgotten.num_waiting == 1
        assert len(search.kept("default", OPENED_S, 9, 9).waiting) == 1
    assert b"a secret word" not in all_bytes(tmp_path)


def test_forgetting_what_is_not_there_removes_nothing(tmp_path: Path) -> None:
    with site(tmp_path, *ENTRIES) as (archive, search):
        assert forget(archive, Target(topic="rhinoceros")).num_entries == 0
        assert forget(archive, Target(topic='"; DROP TABLE entry; --')).num_entries == 0
        assert len(search.find(Question(limit=99), OPENED_S)) == len(ENTRIES)


def test_forgetting_everything_by_accident_is_refused() -> None:
    with pytest.raises(BadSettings, match="say what to forget"):
        Target(topic="  ")


def test_a_topic_in_a_script_without_spaces_goes_too(tmp_path: Path) -> None:
    with site(tmp_path, seen(10, "user: 我的密码是红色"), seen(99, "user: 你好")) as (
        archive,
        search,
    ):
        assert forget(archive, Target(topic="密码")).num_entries == 1
        assert [one.text for one in search.find(Question(), OPENED_S)] == ["user: 你好"]
