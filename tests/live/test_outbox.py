import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from onlooker.core.errors import SinkFailed
from onlooker.core.event import Closed, Event, Failed, Speaking
from onlooker.core.ports import Sink
from onlooker.live import outbox
from onlooker.live.outbox import MAX_WAITING, Outboxes
from onlooker.testing.doubles import ListSink

CLOSED = Closed(time_s=9.0, reason="enough", num_decided=0, num_skipped=0, num_failed=0)


def event(index: int) -> Speaking:
    return Speaking(time_s=float(index), tick=index, text="hm")


class SlowSink(ListSink):
    """Takes nothing until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.may_take = asyncio.Event()

    async def accept(self, event: Event) -> None:
        await self.may_take.wait()
        await super().accept(event)


class BrokenSink(ListSink):
    """Fails for every event."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def accept(self, event: Event) -> None:
        await super().accept(event)
        raise self._error


@asynccontextmanager
async def delivering(*, is_lossless: bool, **sinks: Sink) -> AsyncIterator[Outboxes]:
    boxes = Outboxes(sinks, is_lossless=is_lossless)
    async with boxes.delivering():
        yield boxes


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize("is_lossless", [True, False])
async def test_every_sink_gets_every_event_in_order(is_lossless: bool) -> None:
    one, other = ListSink(), ListSink()
    async with delivering(is_lossless=is_lossless, one=one, other=other) as boxes:
        for index in range(100):
            await boxes.put(event(index))
    assert one.events == other.events == [event(index) for index in range(100)]


async def test_live_a_slow_sink_loses_its_oldest_events_and_slows_nobody() -> None:
    slow, quick = SlowSink(), ListSink()
    async with delivering(is_lossless=False, slow=slow, quick=quick) as boxes:
        await boxes.put(event(0))
        await settle()  # the slow one holds this event in its hand
        for index in range(1, 2 * MAX_WAITING + 1):
            await boxes.put(event(index))
            await asyncio.sleep(0)
        assert len(quick.events) == 2 * MAX_WAITING + 1
        slow.may_take.set()
    kept = range(MAX_WAITING + 1, 2 * MAX_WAITING + 1)
    assert slow.events == [event(index) for index in (0, *kept)]


async def test_what_a_slow_sink_lost_is_told_to_the_others_once_for_each_doubling() -> None:
    slow, quick = SlowSink(), ListSink()
    async with delivering(is_lossless=False, slow=slow, quick=quick) as boxes:
        for index in range(4 * MAX_WAITING):
            await boxes.put(event(index))
            await asyncio.sleep(0)
        slow.may_take.set()
        await settle()
    told = quick.of(Failed)
    assert [failed.part for failed in told] == ["sink slow"]
    assert "dropped so far" in told[0].error
    assert told[0].error.startswith("too slow; 0 events failed and ")
    assert slow.of(Failed) == []


async def test_without_loss_the_line_waits_for_a_slow_sink() -> None:
    slow = SlowSink()

    async def line(boxes: Outboxes) -> None:
        for index in range(3 * MAX_WAITING):
            await boxes.put(event(index))

    async with delivering(is_lossless=True, slow=slow) as boxes, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(line(boxes))
        for _ in range(5 * MAX_WAITING):
            await asyncio.sleep(0)
        assert not running.done()
        slow.may_take.set()
    assert slow.events == [event(index) for index in range(3 * MAX_WAITING)]


@pytest.mark.parametrize("error", [SinkFailed("status 500"), OSError("no space left on device")])
async def test_a_failing_sink_costs_its_events_and_is_told_at_each_doubling(
    error: Exception,
) -> None:
    broken, well = BrokenSink(error), ListSink()
    async with delivering(is_lossless=True, broken=broken, well=well) as boxes:
        for index in range(10):
            await boxes.put(event(index))
    assert len(broken.events) == 10
    assert [sent for sent in well.events if not isinstance(sent, Failed)] == broken.events
    told = [failed.error for failed in well.of(Failed)]
    assert told == [
        f"{error}; {number} events failed and 0 were dropped so far" for number in (1, 2, 4, 8)
    ]


async def test_a_bug_in_a_sink_ends_the_session_loudly() -> None:
    async def session() -> None:
        async with delivering(is_lossless=True, broken=BrokenSink(KeyError("a bug"))) as boxes:
            await boxes.put(event(0))
            await boxes.put(event(1))
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as raised:
        await asyncio.wait_for(session(), 2)
    assert raised.group_contains(KeyError)


async def test_two_failing_sinks_with_full_boxes_do_not_wait_for_each_other() -> None:
    class Bad(SlowSink):
        async def accept(self, event: Event) -> None:
            await super().accept(event)
            raise SinkFailed("no")

    one, other = Bad(), Bad()
    async with delivering(is_lossless=True, one=one, other=other) as boxes:
        for index in range(MAX_WAITING + 1):
            await boxes.put(event(index))
            await asyncio.sleep(0)
        one.may_take.set()
        other.may_take.set()
        await asyncio.wait_for(boxes.put(event(MAX_WAITING + 1)), 5)
    for sink in (one, other):
        assert len([e for e in sink.events if isinstance(e, Speaking)]) == MAX_WAITING + 2


@pytest.mark.parametrize("is_lossless", [True, False])
async def test_a_hanging_sink_does_not_hang_the_end(
    is_lossless: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "DRAIN_S", 0.01)
    hanging, well = SlowSink(), ListSink()
    async with asyncio.timeout(5):
        async with delivering(is_lossless=is_lossless, hanging=hanging, well=well) as boxes:
            for index in range(MAX_WAITING):
                await boxes.put(event(index))
                await asyncio.sleep(0)
            await boxes.put(CLOSED)
    assert hanging.events == []
    assert well.events[-1] == CLOSED


async def test_what_waits_at_the_end_is_still_delivered() -> None:
    slow = SlowSink()
    async with delivering(is_lossless=False, slow=slow) as boxes:
        for index in range(50):
            await boxes.put(event(index))
        asyncio.get_running_loop().call_soon(slow.may_take.set)
    assert len(slow.events) == 50
