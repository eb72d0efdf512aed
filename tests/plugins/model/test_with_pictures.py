"""The whole line against a server that really looks at the pictures."""

from typing import Literal

import pytest

from onlooker.core.clock import MediaClock
from onlooker.core.decision import Silent, Speak
from onlooker.core.event import Decided, Failed
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.codec.jpeg import JpegCodec, JpegSettings
from onlooker.plugins.model.openai import OpenAIModel, OpenAISettings
from onlooker.testing import marker
from onlooker.testing.doubles import FrameSource, ListSink, grey
from onlooker.testing.server import PictureServer

Dialect = Literal["native", "instruct"]
both = pytest.mark.parametrize("dialect", ["native", "instruct"])

MARKERS = [None, None, 7, 7, None, 8, None, None]  # by second


async def watch(
    server: PictureServer, dialect: Dialect, live: LiveSettings | None = None, **settings: float
) -> list[Decided]:
    empty = grey(90, 240, 320)
    frames = [empty if value is None else marker.draw(empty, value) for value in MARKERS]
    model = OpenAISettings.model_validate({"url": server.url, "dialect": dialect, **settings})
    sink = ListSink()
    parts = Parts(
        {"pot": FrameSource(frames)},
        OpenAIModel(model),
        codec=JpegCodec(JpegSettings()),
        sinks={"list": sink},
    )
    session = Session(parts, live or LiveSettings(), MediaClock())
    session.instruct("tell me when 8 appears")
    await session.run()
    assert sink.of(Failed) == []
    assert server.violations == []
    return sink.of(Decided)


def spoken(decided: list[Decided]) -> dict[int, str]:
    return {
        event.tick: event.decision.text
        for event in decided
        if isinstance(event.decision, Speak) and event.tick is not None
    }


@both
async def test_what_is_asked_for_is_told_in_its_second_and_nothing_else(dialect: Dialect) -> None:
    async with PictureServer("markers") as server:
        decided = await watch(server, dialect)
    told = spoken(decided)
    assert list(told) == [5]
    assert "8" in told[5]
    for event in decided:
        assert event.speak_probability is not None
        assert (event.speak_probability > 0.5) == isinstance(event.decision, Speak)
    assert decided[-1].usage.cached_tokens


@both
async def test_a_server_like_vllm_gets_each_picture_once(dialect: Dialect) -> None:
    async with PictureServer("markers") as keeps:
        await watch(keeps, dialect)
    async with PictureServer("markers", media_cache_pictures=0) as keeps_none:
        await watch(keeps_none, dialect)
    assert keeps.num_decoded == len(set(MARKERS))  # an equal picture is the same picture
    assert keeps.num_bytes < keeps_none.num_bytes / 2


@both
async def test_a_cache_too_small_for_the_window_costs_bytes_and_no_decision(
    dialect: Dialect,
) -> None:
    async with PictureServer("markers", media_cache_pictures=2) as server:
        decided = await watch(server, dialect)
    assert list(spoken(decided)) == [5]
    assert len(decided) == len(MARKERS)


@both
async def test_an_instruction_outlives_the_window_that_brought_it(dialect: Dialect) -> None:
    async with PictureServer("markers") as server:
        decided = await watch(server, dialect, LiveSettings(window_ticks=3, carry_ticks=1))
    assert list(spoken(decided)) == [5]


@both
async def test_markers_of_several_tokens_are_weighed_too(dialect: Dialect) -> None:
    async with PictureServer("markers", has_marker_tokens=False) as server:
        decided = await watch(server, dialect)
    assert list(spoken(decided)) == [5]
    assert all(event.speak_probability is not None for event in decided)


@both
async def test_who_is_made_talkative_enough_speaks_every_second(dialect: Dialect) -> None:
    async with PictureServer("markers") as server:
        decided = await watch(server, dialect, talkativeness=1.0)
        assert not any(isinstance(event.decision, Silent) for event in decided)
        decided = await watch(server, dialect, talkativeness=0.0)
        assert all(isinstance(event.decision, Silent) for event in decided)
