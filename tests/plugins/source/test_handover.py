import threading
from collections.abc import Generator
from functools import partial
from time import perf_counter

import pytest

from onlooker.plugins.source.handover import Handover


def counted(num: int, made: list[int], _stop: threading.Event) -> Generator[int, None, None]:
    for number in range(num):
        made.append(number)
        yield number


async def test_all_that_a_thread_yields_arrives_in_order() -> None:
    async with Handover(partial(counted, 100, []), depth=3) as items:
        assert [item async for item in items] == list(range(100))


async def test_a_thread_waits_for_who_takes_its_items() -> None:
    made: list[int] = []
    async with Handover(partial(counted, 100, made), depth=3) as items:
        first = await anext(items)
        assert first == 0
        assert [await anext(items) for _ in range(4)] == [1, 2, 3, 4]
        assert len(made) <= 9


async def test_a_live_thread_drops_its_oldest_items() -> None:
    made_all = threading.Event()

    def produce(_stop: threading.Event) -> Generator[int, None, None]:
        yield from range(100)
        made_all.set()

    async with Handover(produce, depth=3, is_live=True) as items:
        assert made_all.wait(5)  # the event loop is busy meanwhile
        assert [item async for item in items] == [97, 98, 99]


async def test_a_threads_error_is_raised_where_the_items_are_taken() -> None:
    def produce(_stop: threading.Event) -> Generator[int, None, None]:
        yield 1
        raise KeyError("broken")

    async with Handover(produce, depth=3) as items:
        assert await anext(items) == 1
        with pytest.raises(KeyError, match="broken"):
            await anext(items)


async def test_leaving_closes_the_generator_in_its_thread() -> None:
    closed_by: list[str] = []

    def produce(_stop: threading.Event) -> Generator[int, None, None]:
        try:
            while True:
                yield 1
        finally:
            closed_by.append(threading.current_thread().name)

    async with Handover(produce, depth=3) as items:
        await anext(items)
    assert closed_by == ["onlooker-source"]


async def test_a_thread_that_is_stuck_is_left_behind_within_a_second() -> None:
    release = threading.Event()

    def produce(_stop: threading.Event) -> Generator[int, None, None]:
        yield 1
        release.wait()

    began_s = perf_counter()
    async with Handover(produce, depth=3) as items:
        await anext(items)
    assert perf_counter() - began_s < 1.0
    release.set()
