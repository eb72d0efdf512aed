"""What may change while a session runs: its streams, its persona, and whether it watches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from onlooker.core.clock import MediaClock
from onlooker.core.errors import BadSettings
from onlooker.core.event import Observed, Perceived, Skipped, StreamHealth
from onlooker.core.percept import Pictures
from onlooker.core.ports import Outcome, Say
from onlooker.core.prompt import Prompt
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.codec.jpeg import JpegCodec, JpegSettings
from onlooker.testing.doubles import FrameSource, ListSink, ManualClock, ScriptedModel, grey


class Acting(ScriptedModel):
    """Silent; acts while it decides on a tick."""

    def __init__(self) -> None:
        super().__init__()
        self.acts: dict[int, Callable[[], Awaitable[None]]] = {}  # by tick

    async def step(self, prompt: Prompt, say: Say) -> Outcome:
        if act := self.acts.get(prompt.now.tick.index):
            await act()
        return await super().step(prompt, say)


def open_session(clock: MediaClock | None = None) -> tuple[Session, ListSink, Acting]:
    sink, model = ListSink(), Acting()
    codec = JpegCodec(JpegSettings())
    parts = Parts({}, model, codec=codec, sinks={"list": sink})
    return Session(parts, LiveSettings(), clock or MediaClock(), max_ticks=6), sink, model


def streams_seen(sink: ListSink) -> list[set[str]]:
    return [
        {
            picture.stream
            for percept in seen.percepts
            if isinstance(percept, Pictures)
            for picture in percept.pictures
        }
        for seen in sink.of(Perceived)
    ]


async def test_a_session_without_sources_waits_for_streams() -> None:
    session, sink, _ = open_session()
    session.add_stream("door", FrameSource([grey(10 * index) for index in range(3)]))
    await session.run()
    assert streams_seen(sink)[:3] == [{"door"}] * 3
    assert len(streams_seen(sink)) == 6
    assert [event.state for event in sink.of(StreamHealth)] == ["connected", "ended"]


async def test_a_removed_stream_is_closed_and_seen_no_more() -> None:
    session, sink, model = open_session()
    door = FrameSource([grey(10 * index) for index in range(20)])
    yard = FrameSource([grey(10 * index) for index in range(20)])
    session.add_stream("door", door)
    session.add_stream("yard", yard)
    with pytest.raises(BadSettings, match="called 'door' already"):
        session.add_stream("door", yard)
    model.acts[1] = partial(session.remove_stream, "door")
    await session.run()
    assert streams_seen(sink) == [{"door", "yard"}] * 2 + [{"yard"}] * 4
    assert door.is_closed
    assert yard.is_closed
    with pytest.raises(BadSettings, match="no stream is called 'door'; there is: yard"):
        await session.remove_stream("door")


async def test_a_paused_session_skips_and_says_so() -> None:
    clock = ManualClock()
    session, sink, model = open_session(clock)
    session.add_stream("door", FrameSource([grey(10 * index) for index in range(20)]))

    async def pause() -> None:
        session.pause()

        def resume() -> None:
            clock.advance(4.0)
            session.resume()

        asyncio.get_running_loop().call_later(0.01, resume)

    model.acts[1] = pause
    await session.run()
    (skipped,) = sink.of(Skipped)
    assert (skipped.reason, skipped.num_ticks) == ("paused", 5)
    assert [prompt.now.tick.index for prompt in model.prompts][:3] == [0, 1, 7]


async def test_a_change_of_persona_acts_in_the_next_tick() -> None:
    session, sink, model = open_session()
    session.add_stream("door", FrameSource([grey(10 * index) for index in range(20)]))

    async def change() -> None:
        session.set_persona("talkative")

    model.acts[1] = change
    await session.run()
    personas = [prompt.persona for prompt in model.prompts]
    assert personas == ["default"] * 2 + ["talkative"] * 4
    changes = [seen.persona for seen in sink.of(Observed) if seen.persona]
    assert changes == ["talkative"]
