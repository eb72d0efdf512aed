import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from onlooker.core.errors import BadSettings, MemoryFailed
from onlooker.core.memory import Question, Segment
from onlooker.plugins.memory import embedding
from onlooker.plugins.memory.site import SiteSession, embedder_of
from onlooker.plugins.memory.sqlite import SqliteMemory, SqliteSettings
from tests.plugins.memory.entries import seen

WRITE_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from onlooker.core.memory import Entry, Segment
from onlooker.plugins.memory.sqlite import SqliteMemory, SqliteSettings

async def main():
    settings = SqliteSettings(folder=Path(sys.argv[1]), session=sys.argv[2], meaning="off")
    session = await SqliteMemory(settings).open(0.0)
    for number in range(100_000):
        await session.remember([Entry("seen", number, number, f"thing {number}", "door")])
        if number % 10 == 0:
            await session.owe(Segment(number, number + 10, (f"line {number}",)))
            await session.keep_state(f"state {number}")
        print(number, flush=True)

asyncio.run(main())
"""


async def opened(folder: Path, session: str = "default", now_s: float = 0.0) -> SiteSession:
    settings = SqliteSettings(folder=folder, session=session, meaning="off")
    return await SqliteMemory(settings).open(now_s)


async def test_the_next_session_of_a_name_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    first = await opened(tmp_path)
    await first.remember([seen(4, "a cup fell", kind="said"), seen(0, "a cup", kind="summary")])
    await first.owe(Segment(90, 180, ("<95.0> a dog",)))
    await first.keep_state("what stood")
    await first.close()

    second = await opened(tmp_path, now_s=2.0)
    kept = await second.kept()
    assert [entry.text for entry in kept.entries] == ["a cup", "a cup fell"]
    assert all(entry.end_s < 2.0 for entry in kept.entries)
    assert kept.state == "what stood"
    assert kept.waiting[0].lines == ("<95.0> a dog",)
    await second.close()

    other = await opened(tmp_path, "other")
    assert (await other.kept()).entries == ()
    (found,) = await other.recall(Question("cup fell", kinds=("said",)))
    assert found.session == "default"
    await other.close()


async def test_a_name_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    first = await opened(tmp_path)
    with pytest.raises(MemoryFailed, match="another name"):
        await opened(tmp_path)
    await first.close()
    await (await opened(tmp_path)).close()


def _writer(folder: Path, session: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITE_FOR_EVER, str(folder), session],
        stdout=subprocess.PIPE,
        text=True,
    )


def _read_until(process: subprocess.Popen[str], wanted: int) -> int:
    assert process.stdout
    return next(number for number in map(int, process.stdout) if number >= wanted)


async def test_a_kill_loses_nothing_that_was_written(tmp_path: Path) -> None:
    for wanted in (25, 64):
        process = _writer(tmp_path, "default")
        last = _read_until(process, wanted)
        process.send_signal(signal.SIGKILL)
        rest = process.communicate()[0].split()
        last = int(rest[-1]) if rest else last
        session = await opened(tmp_path)
        newest = await session.recall(Question(limit=1))
        kept = await session.kept()
        await session.close()
        assert int(newest[0].text.split()[1]) >= last
        assert int(kept.state.split()[1]) >= last // 10 * 10
        assert kept.waiting


async def test_two_processes_write_to_one_site(tmp_path: Path) -> None:
    writers = [_writer(tmp_path, name) for name in ("one", "two")]
    for writer in writers:
        _read_until(writer, 40)
        writer.kill()
        writer.communicate()
    reader = await opened(tmp_path, "three")
    found = await reader.recall(Question(limit=100_000))
    await reader.close()
    for name in ("one", "two"):
        assert sum(evidence.session == name for evidence in found) >= 41


async def test_a_search_does_not_wait_for_writing(tmp_path: Path) -> None:
    session = await opened(tmp_path)
    await session.remember([seen(1, "a cup")])
    with session._archive.writing():
        async with asyncio.timeout(2):
            assert len(await session.recall(Question("cup"))) == 1
    await session.close()


async def test_a_database_that_fails_meanwhile_is_an_error_of_ours(tmp_path: Path) -> None:
    session = await opened(tmp_path)
    session._search._database.close()
    session._archive.database.close()
    with pytest.raises(MemoryFailed, match="closed database"):
        await session.kept()
    with pytest.raises(MemoryFailed, match="closed database"):
        await session.recall(Question("cup"))
    with pytest.raises(MemoryFailed, match="closed database"):
        await session.remember([seen(1, "a cup")])
    await session.close()


async def test_retention_holds_while_a_session_writes(tmp_path: Path) -> None:
    settings = SqliteSettings(folder=tmp_path, meaning="off", max_entries=100)
    session = await SqliteMemory(settings).open(0.0)
    for second in range(450):
        await session.remember([seen(second, f"thing {second}")])
    left = await session.recall(Question(limit=1000))
    await session.close()
    assert len(left) <= 100 + 200
    assert left[0].text == "thing 449"


def test_without_the_extra_words_alone_find_unless_meaning_is_demanded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert embedder_of("auto") is None
    assert embedder_of("off") is None
    with pytest.raises(BadSettings, match=r"onlooker\[memory\]"):
        embedder_of("on")


def test_an_encoder_that_was_changed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tokenizers")
    pytest.importorskip("onnxruntime")
    for file in embedding.ASSETS.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:1000])
    monkeypatch.setattr(embedding, "ASSETS", tmp_path)
    with pytest.raises(BadSettings, match="damaged: install onlooker again"):
        embedding.Embedder()
