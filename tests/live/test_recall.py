"""What a question about the past brings into the prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.memory import Entry, EntryKind, Evidence, estimate_tokens
from onlooker.core.ports import MemorySession
from onlooker.live.recall import evidence_lines, search_past
from onlooker.live.when import span_asked
from onlooker.plugins.memory.ram import RamMemory, RamSettings


async def memory_of(*entries: Entry) -> MemorySession:
    session = await RamMemory(RamSettings(meaning="off")).open(0.0)
    await session.remember(entries)
    return session


def entry(time_s: float, text: str, kind: EntryKind = "seen", lasts_s: float = 0.0) -> Entry:
    return Entry(kind, time_s, time_s + lasts_s, text, "door")


async def recalled(memory: MemorySession, asked: str, now_s: float = 1000.0) -> list[str]:
    return [one.text for one in await search_past(memory, asked, now_s, now_s - 100)]


async def test_what_happened_comes_before_what_was_asked_of_it_and_summaries() -> None:
    memory = await memory_of(
        entry(0, "a suitcase and much else, told at length", "summary", 90),
        entry(50, "suitcase 7 appeared at the left"),
        *(entry(100 + n, "user: who left the suitcase there?", "heard") for n in range(30)),
        entry(300, "user: the suitcase is mine", "heard"),
        entry(950, "suitcase 9 appeared at the left"),  # the window shows it
    )
    found = await recalled(memory, "is anybody's suitcase there?")
    assert set(found[:2]) == {"suitcase 7 appeared at the left", "user: the suitcase is mine"}
    assert found[2:] == ["a suitcase and much else, told at length"]
    asked = await recalled(memory, "what did I ask about the suitcase?")
    assert "user: who left the suitcase there?" in asked


async def test_a_time_alone_brings_what_happened_then() -> None:
    memory = await memory_of(*(entry(10.0 * n, f"car {n} appeared") for n in range(90)))
    found = await recalled(memory, "what happened ten minutes ago?")
    assert "car 40 appeared" in found  # 400 s is ten minutes before 1000 s
    assert all(280 <= 10 * int(text.split()[1]) <= 520 for text in found)


@pytest.mark.parametrize(
    ("words", "since_s", "until_s"),
    [
        ("what was that 5 minutes ago?", 3240, 3360),
        ("half an hour ago there was a dog", 1440, 2160),
        ("and 20 seconds before?", 3565, 3595),
        ("who came in the last hour?", 0, 3600),
        ("who came in the past 10 minutes?", 3000, 3600),
        ("5分钟前发生了什么?", 3240, 3360),
        ("最近10分钟谁来过?", 3000, 3600),
    ],
)
def test_times_of_questions_are_understood(words: str, since_s: float, until_s: float) -> None:
    assert span_asked(words, 3600) == pytest.approx((since_s, until_s))


@pytest.mark.parametrize("words", ["who came?", "the last car", "long ago", "a friend ago", ""])
def test_what_names_no_time_has_none(words: str) -> None:
    assert span_asked(words, 3600) is None


@given(st.text(max_size=60))
def test_no_words_break_the_reading_of_times(words: str) -> None:
    span = span_asked(words, 3600)
    assert span is None or span[0] <= span[1]


@given(
    st.lists(st.tuples(st.floats(-9999, 9999), st.text(max_size=200)), max_size=12),
    st.integers(50, 400),
)
def test_evidence_keeps_to_its_budget_and_to_the_order_of_time(
    told: list[tuple[float, str]], max_tokens: int
) -> None:
    found = [
        Evidence(number, "seen", "default", at_s, at_s, at_s, text, picture="x")
        for number, (at_s, text) in enumerate(told)
    ]
    lines = evidence_lines(found, max_tokens)
    assert sum(estimate_tokens(line) + 1 for line in lines) <= max_tokens
    times = [found[int(line.partition("[frame ")[2].partition("]")[0])].start_s for line in lines]
    assert times == sorted(times)


def test_the_best_is_kept_when_not_all_fits() -> None:
    long = "and so on " * 60
    best, other = (
        Evidence(number, "seen", "default", at_s, at_s, at_s, text)
        for number, at_s, text in ((1, 500.0, "the van left"), (2, 10.0, long))
    )
    assert any("the van left" in line for line in evidence_lines([best, other, other], 60))


async def test_nothing_is_recalled_of_nothing() -> None:
    assert await recalled(await memory_of(), "what happened an hour ago?") == []
