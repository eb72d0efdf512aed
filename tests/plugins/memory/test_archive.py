import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from onlooker.core.errors import MemoryFailed
from onlooker.core.memory import Entry, Question, Segment
from onlooker.core.percept import Picture
from onlooker.plugins.memory.archive import Archive, Limits
from onlooker.plugins.memory.schema import APPLICATION_ID, STEPS
from onlooker.plugins.memory.search import Search
from onlooker.plugins.memory.store import FILE, open_store
from tests.plugins.memory.entries import NO_LIMITS, OPENED_S, seen, site

SEGMENT = Segment(0, 90, ("<3.0> a dog came in",), ("watch the dog",))


def texts(search: Search) -> list[str]:
    return [found.text for found in search.find(Question(limit=1000), OPENED_S)]


def test_entries_are_written_all_or_none(tmp_path: Path) -> None:
    bad = Entry("seen", 1, 2, "no such stream", stream=object())  # type: ignore[arg-type]
    with site(tmp_path) as (archive, search):
        with pytest.raises(MemoryFailed):
            archive.add("default", OPENED_S, [seen(1, "good"), bad])
        assert texts(search) == []
        archive.add("default", OPENED_S, [seen(2, "after the failure")])
        assert texts(search) == ["after the failure"]


def test_what_is_too_old_goes_with_its_picture(tmp_path: Path) -> None:
    limits = Limits(100, 10**9, 2**40, 2**40, 10)
    with site(tmp_path, seen(0, "old", jpeg=b"old"), seen(200, "new", jpeg=b"new")) as (a, search):
        a.retain(limits, OPENED_S + 250)
        assert texts(search) == ["new"]
    assert [path.read_bytes() for path in tmp_path.glob("pictures/*/*")] == [b"new"]


def test_the_number_of_entries_is_bounded(tmp_path: Path) -> None:
    with site(tmp_path, *(seen(second, f"thing {second}") for second in range(100))) as (a, search):
        a.retain(Limits(1e9, 50, 2**40, 2**40, 10), OPENED_S + 100)
        assert texts(search)[-1] == "thing 50"


def test_the_size_of_the_database_is_bounded(tmp_path: Path) -> None:
    limits = Limits(1e9, 10**9, 200_000, 2**40, 10)
    with site(tmp_path) as (archive, search):
        for second in range(300):
            archive.add("default", OPENED_S, [seen(second, f"thing {second} " + "x y z " * 300)])
            archive.retain(limits, OPENED_S + second)
        assert texts(search)[0].startswith("thing 299")
    assert (tmp_path / FILE).stat().st_size < 400_000


def test_the_size_of_key_frames_is_bounded_and_the_words_stay(tmp_path: Path) -> None:
    jpegs = [bytes([number]) * 1000 for number in range(20)]
    entries = [seen(second, f"thing {second}", jpeg=jpeg) for second, jpeg in enumerate(jpegs)]
    with site(tmp_path, *entries) as (archive, search):
        archive.retain(Limits(1e9, 10**9, 2**40, 10_000, 10), OPENED_S + 20)
        assert len(texts(search)) == 20
    held = {path.read_bytes() for path in tmp_path.glob("pictures/*/*")}
    assert held == set(jpegs[11:])


def test_a_picture_that_two_entries_show_stays_until_both_are_gone(tmp_path: Path) -> None:
    with site(tmp_path, seen(0, "one", jpeg=b"same"), seen(200, "two", jpeg=b"same")) as (a, _):
        a.retain(Limits(100, 10**9, 2**40, 2**40, 10), OPENED_S + 250)
        assert len(list(tmp_path.glob("pictures/*/*.jpg"))) == 1
        a.retain(Limits(10, 10**9, 2**40, 2**40, 10), OPENED_S + 250)
        assert not list(tmp_path.glob("pictures/*/*.jpg"))


def test_a_segment_waits_until_its_summary_is_written(tmp_path: Path) -> None:
    with site(tmp_path) as (archive, search):
        archive.owe("default", OPENED_S, SEGMENT, 10)
        assert search.kept("default", OPENED_S, 9, 9).waiting == (SEGMENT,)
        assert archive.settle("default", OPENED_S, SEGMENT, seen(0, "a dog", kind="summary"))
        kept = search.kept("default", OPENED_S, 9, 9)
        assert kept.waiting == ()
        assert [entry.text for entry in kept.entries] == ["a dog"]
        assert not archive.settle("default", OPENED_S, SEGMENT, seen(0, "again", kind="summary"))


def test_waiting_segments_are_bounded_in_number_and_size(tmp_path: Path) -> None:
    lines = tuple(f"<{second}.0> " + "word " * 20 for second in range(2000))
    with site(tmp_path) as (archive, search):
        for number in range(5):
            start_s = number * 90
            archive.owe("default", OPENED_S, Segment(start_s, start_s + 90, lines), 3)
        waiting = search.kept("default", OPENED_S, 9, 9).waiting
    assert [segment.start_s for segment in waiting] == [180, 270, 360]
    assert sum(map(len, waiting[0].lines)) <= 60_000
    assert waiting[0].lines[-1] == lines[-1]


def test_summaries_that_were_merged_are_not_kept_twice(tmp_path: Path) -> None:
    parts = [seen(n * 90, f"part {n}", kind="summary", lasts_s=90) for n in range(3)]
    block = seen(0, "both", kind="block", lasts_s=180)
    with site(tmp_path, *parts, block) as (_, search):
        kept = search.kept("default", OPENED_S, 9, 9)
    assert [entry.text for entry in kept.entries] == ["both", "part 2"]


def test_an_older_database_is_brought_up_to_date(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / FILE)
    database.executescript(STEPS[0])
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute("PRAGMA user_version = 1")
    database.execute(
        "INSERT INTO entry (session, kind, wall_s, duration_s, labels, text) "
        "VALUES ('default', 'seen', ?, 0, '', 'from before')",
        (OPENED_S,),
    )
    database.commit()
    database.close()
    with site(tmp_path) as (archive, search):
        archive.keep_state("default", "fine")
        assert texts(search) == ["from before"]
        assert search.kept("default", OPENED_S, 9, 9).state == "fine"


def _of_something_else(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE mine (x)")
    database.commit()
    database.close()


def _of_the_future(path: Path) -> None:
    Archive(open_store(path.parent)).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()


def _no_database(path: Path) -> None:
    path.write_bytes(b"these are my holiday notes\n" * 100)


def _torn(path: Path) -> None:
    archive = Archive(open_store(path.parent))
    archive.add("default", OPENED_S, [seen(n, f"thing {n} " + "x" * 900) for n in range(200)])
    archive.close()
    data = bytearray(path.read_bytes())
    data[8192:40960] = bytes(range(256)) * 128
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_of_something_else, "something else: name another folder"),
        (_of_the_future, "of version 99.*install a newer one"),
        (_no_database, "damaged.*left as it is.*recover"),
        (_torn, "damaged.*left as it is.*recover"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_left_as_it_is(
    tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(tmp_path / FILE)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(MemoryFailed, match=words):
        Archive(open_store(tmp_path))
    assert (tmp_path / FILE).read_bytes() == before


def test_a_full_disk_costs_the_write_and_nothing_else(tmp_path: Path) -> None:
    with site(tmp_path, seen(1, "before")) as (archive, search):
        (pages,) = archive.database.execute("PRAGMA page_count").fetchone()
        archive.database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(MemoryFailed, match="full"):
            archive.add("default", OPENED_S, [seen(n, "x " * 2000) for n in range(50)])
        assert texts(search) == ["before"]
        archive.database.execute("PRAGMA max_page_count = 1000000")
        archive.add("default", OPENED_S, [seen(3, "after")])
        assert texts(search) == ["after", "before"]


def test_a_key_frame_that_cannot_be_written_costs_its_entry(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_bytes(b"a file in the way")
    picture = Picture("door", 1, 4, 4, b"jpeg")
    with site(tmp_path) as (archive, search):
        with pytest.raises(MemoryFailed, match="key frame"):
            archive.add("default", OPENED_S, [Entry("seen", 1, 1, "a dog", picture=picture)])
        assert texts(search) == []


def test_retention_of_nothing_is_nothing(tmp_path: Path) -> None:
    with site(tmp_path) as (archive, search):
        archive.retain(NO_LIMITS, OPENED_S)
        assert texts(search) == []
