from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.event import Failed, Perceived
from onlooker.core.percept import Picture, Pictures
from onlooker.server.log import EventLog, Logged, Missed


def event(number: int) -> Failed:
    return Failed(time_s=float(number), part="x", error=str(number))


async def read(log: EventLog, after_seq: int | None) -> list[Logged | Missed]:
    return [entry async for entry in log.subscribe(after_seq)]


@given(st.integers(0, 60), st.integers(0, 70), st.integers(1, 20), st.integers(0, 5))
def test_a_reader_gets_everything_once_or_is_told_what_it_missed(
    num_events: int, after_seq: int, max_events: int, before: int
) -> None:
    log = EventLog(max_events, last_seq=before)
    for number in range(num_events):
        log.append(event(number))
    log.close()
    entries = asyncio.run(read(log, after_seq))
    seqs = [entry.seq for entry in entries if isinstance(entry, Logged)]
    missed = sum(entry.num for entry in entries if isinstance(entry, Missed))
    begin = min(after_seq, log.last_seq)
    assert missed + len(seqs) == log.last_seq - begin
    assert seqs == sorted(set(seqs))
    assert len(seqs) <= max_events
    if seqs:
        assert seqs[-1] == log.last_seq
    assert [entry.seq for entry in log.since(after_seq)] == seqs


async def test_a_slow_reader_is_told_how_many_it_missed_and_goes_on_with_the_newest() -> None:
    log = EventLog(4)
    reader = log.subscribe(0)
    log.append(event(1))
    assert await anext(reader) == Logged(1, event(1))
    for number in range(2, 12):  # it has not read meanwhile
        log.append(event(number))
    assert await anext(reader) == Missed(6)
    assert await anext(reader) == Logged(8, event(8))
    await reader.aclose()
    assert log.num_readers == 0


async def test_the_log_keeps_no_picture() -> None:
    log = EventLog(4)
    picture = Picture("door", 1.0, 64, 48, b"jpeg")
    log.append(Perceived(time_s=1.0, tick=0, percepts=(Pictures((picture,)),)))
    (logged,) = log.since()
    assert isinstance(logged.event, Perceived)
    (kept,) = logged.event.percepts
    assert isinstance(kept, Pictures)
    assert kept.pictures[0].jpeg == b""
    assert kept.pictures[0].id == picture.id
