"""How long after it is ready is the brain's answer said, and does a brain make a tick late?

A whole session in the world's time: the testing model's server delegates, a testing brain's server
answers after 1.3 s, and the model's server says the answer. Neither is a model: what is measured is
the way, at one decision a second.
"""

from __future__ import annotations

import asyncio

from bench.report import report
from onlooker.core.clock import WallClock
from onlooker.core.decision import Speak
from onlooker.core.event import Decided, Skipped, TaskAnswered
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.brain.webhook import WebhookBrain, WebhookBrainSettings
from onlooker.plugins.codec.jpeg import JpegCodec
from onlooker.plugins.model.openai import OpenAIModel, OpenAISettings
from onlooker.testing.brain_server import BrainServer
from onlooker.testing.doubles import FrameSource, ListSink, grey
from onlooker.testing.marker import draw
from onlooker.testing.server import PictureServer

SECONDS = 60
EVERY = 4  # seconds from one question to the next
THINKS_S = 1.3


async def main() -> None:
    plain = grey(120, 240, 320)
    shown = [draw(plain, 1000 + at) if at % EVERY == 1 else plain for at in range(SECONDS)]
    sink = ListSink()
    async with PictureServer("markers") as looking, BrainServer(delay_s=THINKS_S) as thinking:
        parts = Parts(
            {"door": FrameSource(shown)},
            OpenAIModel(OpenAISettings(url=looking.url)),
            codec=JpegCodec(JpegCodec.Settings()),
            brain=WebhookBrain(WebhookBrainSettings(url=f"{thinking.url}/task")),
            sinks={"list": sink},
        )
        await Session(parts, LiveSettings(), WallClock()).run()
    waits_s = sorted(
        min(
            decided.time_s + decided.latency_ms / 1e3 - answered.time_s
            for decided in sink.of(Decided)
            if isinstance(decided.decision, Speak) and decided.time_s >= answered.time_s
        )
        for answered in sink.of(TaskAnswered)
        if answered.status == "done"
    )
    report(
        "brain",
        num_answers=len(waits_s),
        ready_to_said_p50_s=round(waits_s[len(waits_s) // 2], 3),
        ready_to_said_max_s=round(waits_s[-1], 3),
        late_ticks=sum(event.num_ticks for event in sink.of(Skipped)),
        ticks=len(sink.of(Decided)),
    )


if __name__ == "__main__":
    asyncio.run(main())
