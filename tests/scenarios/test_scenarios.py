"""Scripted sessions over the whole line and the wire: they assert speech *and silence*.

A scenario is a TOML file beside this one. `show` draws markers into a camera's pictures for a
while, `do` is what a person does, `expect` is what must be said, and when. Whatever is said
outside every `expect` breaks the silence.
"""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from onlooker.core.clock import Clock, MediaClock
from onlooker.core.decision import Delegate, Speak
from onlooker.core.event import Decided, Failed
from onlooker.core.media import Media, VideoFrame
from onlooker.core.ports import Source, SourceTraits
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.codec.jpeg import JpegCodec
from onlooker.plugins.model.openai import OpenAIModel
from onlooker.testing.doubles import ListSink, grey
from onlooker.testing.faults import every
from onlooker.testing.marker import draw
from onlooker.testing.server import PictureServer

SCENARIOS = sorted(Path(__file__).parent.glob("*.toml"))


class Stage:
    """A fake camera that shows what the scenario says, second by second."""

    traits = SourceTraits(is_live=False, is_camera=False)
    trouble = ""

    def __init__(
        self, shows: list[dict[str, Any]], seconds: int, at_second: Callable[[int], None]
    ) -> None:
        self._shows, self._seconds, self._at_second = shows, seconds, at_second

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        for second in range(self._seconds):
            await clock.sleep_until(second + 0.5)
            self._at_second(second)
            pixels_HWC = grey(120, 240, 320)
            for show in self._shows:
                is_now = show["from_s"] <= second < show["to_s"]
                if is_now and show.get("stream", stream) == stream:
                    pixels_HWC = draw(pixels_HWC, show["marker"])
            yield VideoFrame(stream, second + 0.5, pixels_HWC)

    async def close(self) -> None:
        pass


def act(session: Session, deed: dict[str, Any]) -> None:
    match deed:
        case {"instruct": str(text)}:
            session.instruct(text, deed.get("id"))
        case {"hear": str(text)}:
            session.hear(text)
        case {"set": str(state), "id": str(instruction_id)}:
            session.set_instruction(instruction_id, state)  # type: ignore[arg-type]
        case _:
            raise AssertionError(f"no such deed: {deed}")


@pytest.mark.parametrize("dialect", ["instruct", "native"])
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
async def test_scenario(path: Path, dialect: str) -> None:
    script = tomllib.loads(path.read_text())
    sink = ListSink()
    faults = every(script["fail_every"]) if "fail_every" in script else None
    async with PictureServer("markers", fault_of=faults) as server:
        session = session_of(script, dialect, server.url, sink)
        await session.run()
        assert server.violations == []
    check(script, sink)


def session_of(script: dict[str, Any], dialect: str, url: str, sink: ListSink) -> Session:
    deeds, shows = script.get("do", []), script.get("show", [])
    streams = sorted({show.get("stream", "stage") for show in shows} or {"stage"})

    def at_second(second: int, is_first: bool) -> None:
        for deed in deeds:
            if is_first and deed["at_s"] == second:
                act(session, deed)

    sources: dict[str, Source] = {
        stream: Stage(
            shows,
            script["seconds"],
            lambda second, is_first=stream == streams[0]: at_second(second, is_first),
        )
        for stream in streams
    }
    settings = OpenAIModel.Settings.model_validate(
        {"url": f"{url}/v1", "dialect": dialect, "retries": 0, **script.get("model", {})}
    )
    parts = Parts(
        sources=sources,
        codec=JpegCodec(JpegCodec.Settings()),
        model=OpenAIModel(settings),
        sinks={"list": sink},
    )
    return Session(parts, LiveSettings(**script.get("live", {})), MediaClock())


def check(script: dict[str, Any], sink: ListSink) -> None:
    """Every expectation is met, nothing else is said, and failures are those that were meant."""
    said = {
        event.tick: event.decision
        for event in sink.of(Decided)
        if isinstance(event.decision, Speak | Delegate)
    }
    for expected in script.get("expect", []):
        window = range(expected["from_s"], expected["to_s"])
        met = [
            tick
            for tick in window
            if tick in said
            and expected["text"] in said[tick].text
            and isinstance(said[tick], Delegate) == expected.get("delegates", False)
        ]
        assert met, f"nobody said {expected} within {window}; said: {said}"
        for tick in met[: expected.get("times", 1)]:
            del said[tick]
    assert not said, f"silence was broken: {said}"
    assert len(sink.of(Failed)) == script.get("num_failed", 0)
