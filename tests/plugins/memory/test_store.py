"""Where a site lies: under lock and key, in RAM, and written by an earlier version."""

import sqlite3
from pathlib import Path

import pytest

from onlooker.core.errors import BadSettings, MemoryFailed
from onlooker.core.memory import Question, Target
from onlooker.core.percept import Picture
from onlooker.plugins.memory.ram import RamMemory, RamSettings
from onlooker.plugins.memory.schema import APPLICATION_ID, STEPS
from onlooker.plugins.memory.search import Search
from onlooker.plugins.memory.sqlite import SqliteMemory, SqliteSettings
from onlooker.plugins.memory.store import FILE, KEY, open_store
from tests.plugins.memory.entries import OPENED_S, seen, site
from tests.plugins.memory.test_forgetting import all_bytes

JPEG = b"\xff\xd8 a picture of the safe"
PASSPHRASE = "it's a long way to tipperary"


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def encrypted(folder: Path) -> SqliteMemory:
    return SqliteMemory(SqliteSettings(folder=folder, encrypted=True, meaning="off"))


async def test_an_encrypted_site_shows_nothing_without_its_passphrase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sqlcipher3")
    monkeypatch.setenv(KEY, PASSPHRASE)
    session = await encrypted(tmp_path).open(0.0)
    await session.remember([seen(4, "the safe is open", jpeg=JPEG)])
    in_use = all_bytes(tmp_path)
    (found,) = await session.recall(Question("safe"))
    assert await session.picture(found.id) == JPEG
    await session.close()

    for stored in (in_use, all_bytes(tmp_path)):
        for trace in (b"safe", b"SQLite", b"CREATE TABLE", PASSPHRASE.encode()):
            assert trace not in stored
    assert Picture("door", 4, 4, 4, JPEG).id not in str(files(tmp_path))

    again = await encrypted(tmp_path).open(10.0)
    (found,) = await again.recall(Question("safe"))
    assert await again.picture(found.id) == JPEG
    forgotten = await again.forget(Target(topic="safe"))
    assert (forgotten.num_entries, forgotten.num_pictures) == (1, 1)
    assert await again.picture(found.id) is None
    await again.close()


async def test_a_wrong_passphrase_or_none_is_refused_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sqlcipher3")
    monkeypatch.setenv(KEY, PASSPHRASE)
    await (await encrypted(tmp_path).open(0.0)).close()
    before = (tmp_path / FILE).read_bytes()
    monkeypatch.setenv(KEY, "another")
    with pytest.raises(MemoryFailed, match="does not open with the passphrase") as refused:
        await encrypted(tmp_path).open(0.0)
    assert "another'" not in str(refused.value)
    monkeypatch.delenv(KEY)
    with pytest.raises(BadSettings, match=KEY):
        await encrypted(tmp_path).open(0.0)
    with pytest.raises(MemoryFailed, match=f"encrypted and {KEY} not set"):
        await SqliteMemory(SqliteSettings(folder=tmp_path, meaning="off")).open(0.0)
    assert (tmp_path / FILE).read_bytes() == before


async def test_an_encrypted_site_does_not_begin_over_a_plain_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, PASSPHRASE)
    await (await SqliteMemory(SqliteSettings(folder=tmp_path, meaning="off")).open(0.0)).close()
    with pytest.raises(BadSettings, match="is not encrypted"):
        await encrypted(tmp_path).open(0.0)


async def test_a_damaged_key_frame_is_an_error_and_no_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sqlcipher3")
    monkeypatch.setenv(KEY, PASSPHRASE)
    session = await encrypted(tmp_path).open(0.0)
    await session.remember([seen(4, "the safe", jpeg=JPEG)])
    path = next(path for path in files(tmp_path) if path.suffix == ".aes")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(MemoryFailed, match="damaged"):
        await session.picture(1)
    await session.close()


async def test_memory_in_ram_recalls_shows_and_forgets_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = await RamMemory(RamSettings(meaning="off")).open(0.0)
    second = await RamMemory(RamSettings(meaning="off")).open(0.0)
    await first.remember([seen(4, "a red van", jpeg=JPEG), seen(9, "a dog")])
    (found,) = await first.recall(Question("van"))
    assert found.start_s == pytest.approx(4)
    assert await first.picture(found.id) == JPEG
    assert (await first.entry(found.id)) is not None
    assert await second.recall(Question("van")) == ()  # nobody else's
    forgotten = await first.forget(Target(topic="van"))
    assert (forgotten.num_entries, forgotten.num_pictures) == (1, 1)
    assert await first.recall(Question("van")) == ()
    assert await first.picture(found.id) is None
    await first.close()
    await second.close()
    assert not files(tmp_path)


async def test_memory_in_ram_keeps_to_its_size() -> None:
    session = await RamMemory(
        RamSettings(meaning="off", max_picture_mib=0.01, max_entries=50)
    ).open(0.0)
    for second in range(450):
        await session.remember([seen(second, f"car {second}", jpeg=bytes(1000) + b"%d" % second)])
    kept = await session.recall(Question(limit=1000))
    assert len(kept) <= 250  # it is looked at every 200 writes
    pictures = [await session.picture(one.id) for one in kept]
    assert sum(picture is not None for picture in pictures) <= 60
    assert pictures[0] is not None  # the newest stay
    await session.close()


def test_sentences_without_spaces_are_found_by_their_parts(tmp_path: Path) -> None:
    entries = (
        seen(10, "user: 那辆白色货车离开了停车场"),
        seen(99, "user: 一只狗跑过草地"),
        seen(200, "onlooker: 冷蔵庫のドアが開いています"),
        seen(300, "a person left"),
    )
    with site(tmp_path, *entries) as (_, search):
        for question, start_s in (
            ("货车什么时候离开的?", 10),
            ("有没有看到狗?", 99),
            ("狗", 99),
            ("冷蔵庫はいつ開きましたか", 200),
            ("did the 货车 leave?", 10),
        ):
            found = search.find(Question(question, limit=1), OPENED_S)
            assert [one.start_s for one in found] == [start_s], question
        assert search.find(Question("飞机"), OPENED_S) == ()


def test_a_site_of_the_version_before_is_brought_up_to_date(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / FILE)
    for step in STEPS[:2]:
        old.executescript(step)
    for text in ("一辆货车来了 van", "a dog ran"):
        old.execute(
            "INSERT INTO entry (session, kind, wall_s, duration_s, stream, labels, text) "
            "VALUES ('default', 'seen', ?, 0, 'door', '', ?)",
            (OPENED_S + 5, text),
        )
    old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    old.execute("PRAGMA user_version = 2")
    old.commit()
    old.close()
    search = Search(open_store(tmp_path))
    for words in ("货车", "vans", "dogs"):
        assert len(search.find(Question(words), OPENED_S)) == 1, words
    search.close()
