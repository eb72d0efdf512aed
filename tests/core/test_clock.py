import asyncio
from contextlib import suppress

import pytest

from onlooker.core.clock import Clock, MediaClock, WallClock


async def play(clock: Clock, name: str, times_s: list[float], seen: list[str]) -> None:
    for time_s in times_s:
        await clock.sleep_until(time_s)
        seen.append(f"{name} {time_s} at {round(clock.now_s(), 3)}")


async def watched(num_ticks: int, **streams: list[float]) -> list[str]:
    """Play streams and ticks over one media clock; tell in which order things happened."""
    clock, seen = MediaClock(), list[str]()

    async def follow(name: str) -> None:
        with clock.follower() as follower:
            await play(follower, name, streams[name], seen)

    async with asyncio.TaskGroup() as tasks:
        followers = [tasks.create_task(follow(name)) for name in streams]
        await asyncio.sleep(0)
        for index in range(num_ticks):
            await clock.sleep_until(index + 1)
            seen.append(f"tick {index} at {clock.now_s()}")
        for follower in followers:
            follower.cancel()
    return seen


async def test_media_time_waits_for_every_stream_and_never_for_the_world() -> None:
    seen = await watched(3, a=[0.5, 1.5, 2.5], b=[0.2, 0.4, 2.9])
    assert [line for line in seen if line.startswith("tick")] == [
        "tick 0 at 1",
        "tick 1 at 2",
        "tick 2 at 3",
    ]
    order = [" ".join(line.split()[:2]) for line in seen]
    assert [set(order[at]) for at in (slice(3), slice(4, 5), slice(6, 8))] == [
        {"a 0.5", "b 0.2", "b 0.4"},
        {"a 1.5"},
        {"a 2.5", "b 2.9"},
    ]
    assert [order[at] for at in (3, 5, 8)] == ["tick 0", "tick 1", "tick 2"]


async def test_the_same_media_gives_the_same_order_every_time() -> None:
    streams = {"a": [i / 7 for i in range(40)], "b": [i / 3 for i in range(20)], "c": [0.0, 5.5]}
    first = await watched(6, **streams)
    assert all([await watched(6, **streams) == first for _ in range(20)])


async def test_what_falls_on_the_end_of_a_tick_belongs_to_the_next() -> None:
    seen = await watched(2, a=[0.0, 1.0, 2.0])
    order = [" ".join(line.split()[:2]) for line in seen]
    assert order == ["a 0.0", "tick 0", "a 1.0", "tick 1"]


async def test_a_follower_that_ends_or_breaks_holds_nobody_up() -> None:
    clock = MediaClock()

    async def break_down() -> None:
        with suppress(RuntimeError), clock.follower() as follower:
            await follower.sleep_until(0.5)
            raise RuntimeError("the stream broke")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(break_down())
        await asyncio.sleep(0)
        await clock.sleep_until(1.0)
        await clock.sleep_until(2.0)
    assert clock.now_s() == 2.0


async def test_a_follower_that_is_cancelled_holds_nobody_up() -> None:
    clock = MediaClock()

    async def sleep_long() -> None:
        with clock.follower() as follower:
            await follower.sleep_until(100.0)

    async with asyncio.TaskGroup() as tasks:
        sleeper = tasks.create_task(sleep_long())
        await asyncio.sleep(0)
        await clock.sleep_until(1.0)
        sleeper.cancel()
        await clock.sleep_until(2.0)
    assert clock.now_s() == 2.0


async def test_time_past_is_not_waited_for() -> None:
    clock = MediaClock()
    await clock.sleep_until(3.0)
    await clock.sleep_until(1.0)
    assert clock.now_s() == 3.0


async def test_time_stands_while_a_follower_works() -> None:
    clock, may_go_on = MediaClock(), asyncio.Event()

    async def work() -> None:
        with clock.follower() as follower:
            await may_go_on.wait()
            await follower.sleep_until(5.0)

    async with asyncio.TaskGroup() as tasks:
        worker = tasks.create_task(work())
        await asyncio.sleep(0)
        ticking = tasks.create_task(clock.sleep_until(1.0))
        for _ in range(10):
            await asyncio.sleep(0)
        assert clock.now_s() == 0.0
        assert not ticking.done()
        may_go_on.set()
        await ticking
        assert clock.now_s() == 1.0
        worker.cancel()


def test_a_wall_clock_runs_at_its_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    world_s = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: world_s[0])
    clock, double = WallClock(), WallClock(speed=2.0)
    world_s[0] += 3.0
    assert (clock.now_s(), double.now_s()) == (3.0, 6.0)


async def test_a_wall_clock_waits_as_long_as_its_speed_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world_s, waits_s = [100.0], list[float]()

    async def sleep(delay_s: float) -> None:
        waits_s.append(delay_s)
        world_s[0] += delay_s

    monkeypatch.setattr("time.monotonic", lambda: world_s[0])
    monkeypatch.setattr("asyncio.sleep", sleep)
    clock = WallClock(speed=4.0)
    await clock.sleep_until(8.0)
    await clock.sleep_until(8.0)
    assert waits_s == [2.0, 0.0]
    assert clock.now_s() == 8.0


@pytest.mark.parametrize("speed", [0.0, -1.0])
def test_a_speed_must_go_forward(speed: float) -> None:
    with pytest.raises(ValueError, match=f"speed={speed}"):
        WallClock(speed)
