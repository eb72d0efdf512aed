"""Scripted sessions over the whole line and the wire: they assert speech *and silence*.

A scenario is a TOML file beside this one. `show` draws markers into a camera's pictures for a
while, `sound` is what sounds there, `do` is what a person does, `expect` is what must be said, and
when. Whatever is said outside every `expect` breaks the silence.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onlooker.core.clock import Clock, MediaClock
from onlooker.core.decision import Delegate, Speak
from onlooker.core.detectors import SoundEvent
from onlooker.core.event import Decided, Failed
from onlooker.core.media import AudioChunk, Media, VideoFrame
from onlooker.core.ports import SourceTraits
from onlooker.live.ears import Ears
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.live.speech import SpeechParts
from onlooker.plugins.brain.webhook import WebhookBrain, WebhookBrainSettings
from onlooker.plugins.codec.jpeg import JpegCodec
from onlooker.plugins.model.openai import OpenAIModel
from onlooker.testing.brain_server import BrainServer
from onlooker.testing.doubles import ListSink, grey
from onlooker.testing.faults import every
from onlooker.testing.marker import draw
from onlooker.testing.server import PictureServer
from onlooker.testing.speaking import KnowingEars

SCENARIOS = sorted(Path(__file__).parent.glob("*.toml"))


class Stage:
    """A fake camera that shows what the scenario says, and does what people do, by the second."""

    traits = SourceTraits(is_live=False, is_camera=False)
    trouble = ""

    def __init__(self, script: dict[str, Any]) -> None:
        self._script = script
        self._deeds = list(script.get("do", []))
        self.session: Session | None = None

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        for second in range(self._script["seconds"]):
            await clock.sleep_until(second + 0.5)
            self._act(second)
            pixels_HWC = grey(120, 240, 320)
            for show in self._script.get("show", []):
                is_now = show["from_s"] <= second < show["to_s"]
                if is_now and show.get("stream", stream) == stream:
                    pixels_HWC = draw(pixels_HWC, show["marker"])
            yield VideoFrame(stream, second + 0.5, pixels_HWC)
            for sound in self._script.get("sound", []):
                if sound["at_s"] == second:
                    yield AudioChunk(stream, second + 0.5, 16_000, np.full(1_600, 0.5, np.float32))

    async def close(self) -> None:
        pass

    def _act(self, second: int) -> None:
        while self.session and self._deeds and self._deeds[0]["at_s"] == second:
            match self._deeds.pop(0):
                case {"instruct": str(text), "id": str(name)}:
                    self.session.instruct(text, name)
                case {"instruct": str(text)}:
                    self.session.instruct(text)
                case {"hear": str(text)}:
                    self.session.hear(text)
                case {"set": "paused" | "standing" | "removed" as state, "id": str(name)}:
                    self.session.set_instruction(name, state)
                case deed:
                    raise AssertionError(f"no such deed: {deed}")


@pytest.mark.parametrize("dialect", ["instruct", "native"])
@pytest.mark.parametrize("path", SCENARIOS, ids=[path.stem for path in SCENARIOS])
def test_scenario(path: Path, dialect: str) -> None:
    script = tomllib.loads(path.read_text())
    check(script, asyncio.run(play(script, dialect)))


async def play(script: dict[str, Any], dialect: str) -> ListSink:
    sink = ListSink()
    faults = every(script["fail_every"]) if "fail_every" in script else None
    says = script.get("brain", {}).get("says")
    brains = BrainServer((lambda _: says) if says else None)
    async with PictureServer("markers", fault_of=faults) as server, brains as thinking:
        model = {"url": f"{server.url}/v1", "dialect": dialect, "retries": 0}
        model |= script.get("model", {})
        stages = {
            stream: Stage(script)
            for stream in {show.get("stream", "stage") for show in script.get("show", [{}])}
        }
        parts = Parts(
            sources=stages,
            codec=JpegCodec(JpegCodec.Settings()),
            brain=brain_of(script, thinking.url),
            model=OpenAIModel(OpenAIModel.Settings.model_validate(model)),
            speech=speech_of(script),
            sinks={"list": sink},
        )
        session = Session(parts, LiveSettings(**script.get("live", {})), MediaClock())
        next(iter(stages.values())).session = session
        await session.run()
        assert server.violations == []
    return sink


def speech_of(script: dict[str, Any]) -> SpeechParts:
    """Make ears that know every sound of the scenario by when it sounds; none if it has none."""
    names = {sound["at_s"]: sound["name"] for sound in script.get("sound", [])}

    class Knowing:
        def hear(self, chunk: AudioChunk) -> Iterator[SoundEvent]:
            yield SoundEvent(names[int(chunk.start_s)], 0.9, chunk.start_s)

    class Deaf:
        def hear(self, chunk: AudioChunk) -> Iterator[tuple[AudioChunk, float]]:
            yield chunk, 0.0

    return SpeechParts(ears=Ears(KnowingEars(), Deaf, Knowing) if names else None)


def brain_of(script: dict[str, Any], url: str) -> WebhookBrain | None:
    """Make the scenario's brain, if it has one: `brain = {}` knows what the double knows."""
    if "brain" not in script:
        return None
    path = script["brain"].get("path", "/task")
    return WebhookBrain(WebhookBrainSettings(url=f"{url}{path}", retries=0))


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
