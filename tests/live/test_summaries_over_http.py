"""A summariser behind real HTTP that is down, talks nonsense or takes half a minute."""

from __future__ import annotations

import itertools

from onlooker.core.clock import MediaClock
from onlooker.core.event import Closed, Failed
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.summariser.openai import OpenAISummariser, OpenAISummariserSettings
from onlooker.testing.doubles import FrameSource, ListSink, ManualClock, NoPictures, grey
from onlooker.testing.http11 import Reply
from onlooker.testing.remembering import ListMemory
from onlooker.testing.summary_server import GARBAGE, Fault, summary_server
from tests.live.test_memory import Passers, Talker

NUM_TICKS = 1000
SEGMENT_S = 90
CLOSED = list(range(0, NUM_TICKS - 100, SEGMENT_S))  # when the segments began that were told
SEEN = {10: "dog", 200: "cat", 555: "horse"}


async def watch(clock: MediaClock, fault: Fault) -> tuple[ListMemory, ListSink, Closed, Talker]:
    memory, sink, model = ListMemory(), ListSink(), Talker()
    async with summary_server(fault) as url:
        parts = Parts(
            {"door": FrameSource(grey(n % 200) for n in range(NUM_TICKS))},
            model,
            codec=NoPictures(),
            perception=Passers(SEEN),
            memory=memory,
            summariser=OpenAISummariser(OpenAISummariserSettings(url=url, timeout_s=20)),
            sinks={"list": sink},
        )
        model.session = Session(parts, LiveSettings(), clock)
        closed = await model.session.run()
    return memory, sink, closed, model


def nothing_is_lost(memory: ListMemory, closed: Closed) -> None:
    assert (closed.num_decided, closed.num_skipped) == (NUM_TICKS, 0)
    told = [entry.start_s for entry in memory.entries if entry.kind == "summary"]
    waiting = [segment.start_s for segment in memory.waiting]
    assert sorted(told + waiting)[: len(CLOSED)] == CLOSED
    seen = [entry.start_s for entry in memory.entries if "appeared" in entry.text]
    assert sorted(set(seen) & set(SEEN)) == sorted(SEEN)


async def test_a_server_that_is_down_for_ten_minutes_delays_no_tick_and_loses_nothing() -> None:
    clock = MediaClock()

    async def down() -> Reply | None:
        return Reply(b"down", status=503) if 95 <= clock.now_s() < 695 else None

    memory, sink, closed, model = await watch(clock, down)
    nothing_is_lost(memory, closed)
    told = [entry for entry in memory.entries if entry.kind == "summary"]
    assert [entry.start_s for entry in told][: len(CLOSED)] == CLOSED
    assert all(entry.text.startswith("The log has") for entry in told[: len(CLOSED)])
    # Meanwhile the record stood in for what was not told.
    assert "cat 200 appeared" in " ".join(model.prompts[400].memory)
    failed = [event.error for event in sink.of(Failed)]
    assert failed
    assert all("segments wait" in error for error in failed)
    assert len(failed) < 20  # it is asked again after 1, 2, 4 ... 60 s
    assert not any("503" in text for prompt in model.prompts for text in prompt.memory)


async def test_nonsense_of_every_kind_is_not_believed_and_loses_nothing() -> None:
    replies = itertools.cycle(GARBAGE)

    async def nonsense() -> Reply | None:
        return next(replies)

    memory, _, closed, model = await watch(MediaClock(), nonsense)
    nothing_is_lost(memory, closed)
    heads = " ".join(text for prompt in model.prompts for text in prompt.memory)
    for wrong in ("</silence>", "<think>", "elephants", "word word", "html", "choices"):
        assert wrong not in heads
    assert "dog 10 appeared" in heads


async def test_half_a_minute_for_each_summary_makes_no_tick_late() -> None:
    clock = ManualClock()  # as the world's: nobody waits for a summary

    async def slow() -> Reply | None:
        with clock.follower() as following:
            await following.sleep_until(clock.now_s() + 30)
        return None

    memory, _, closed, _ = await watch(clock, slow)
    nothing_is_lost(memory, closed)
    told = [entry for entry in memory.entries if entry.kind == "summary"]
    assert len(told) >= len(CLOSED) // 2
