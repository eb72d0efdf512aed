"""Does a bad summariser make a tick late, or lose anything?

Quarters of an hour at five times the world's speed, a decision a second, a real HTTP server on
loopback that tells the summaries: well; down from second 95 to 695; nonsense of eleven kinds in
turn; well, but 30 s (of the session) after it was asked. Late ticks are those of the clock; `well`
says how many the machine makes by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
from itertools import repeat

from bench.report import report
from onlooker.core.clock import WallClock
from onlooker.core.decision import Silent, Speak
from onlooker.core.event import Failed
from onlooker.core.memory import Question
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.memory.ram import RamMemory, RamSettings
from onlooker.plugins.memory.site import SiteSession
from onlooker.plugins.summariser.openai import OpenAISummariser, OpenAISummariserSettings
from onlooker.testing.doubles import FrameSource, ListSink, NoPictures, ScriptedModel, grey
from onlooker.testing.http11 import Reply
from onlooker.testing.summary_server import GARBAGE, Fault, summary_server

SPEED = 5.0
DOWN_S = (95.0, 695.0)
LATENCY_S = 30.0


class Watched(RamMemory):
    """A memory that is looked into just before it is closed."""

    found: dict[str, int]

    async def open(self, now_s: float) -> SiteSession:
        session = await super().open(now_s)
        close = session.close

        async def look_and_close() -> None:
            told = await session.recall(Question(kinds=("summary",), limit=999))
            self.found = {
                "summaries": len(told),
                "told_by_server": sum("The log has" in one.text for one in told),
                "waiting": len((await session.kept()).waiting),
            }
            await close()

        session.close = look_and_close  # type: ignore[method-assign]
        return session


async def measure(fault_name: str, seconds: int) -> None:
    clock = WallClock(SPEED)
    nonsense = itertools.cycle(GARBAGE)

    async def fault() -> Reply | None:
        if fault_name == "down" and DOWN_S[0] <= clock.now_s() < DOWN_S[1]:
            return Reply(b"down", status=503)
        if fault_name == "slow":
            await clock.sleep_until(clock.now_s() + LATENCY_S)
        return next(nonsense) if fault_name == "nonsense" else None

    await run(fault_name, seconds, clock, fault)


async def run(fault_name: str, seconds: int, clock: WallClock, fault: Fault) -> None:
    remarks = [Silent() if n % 9 else Speak(f"Remark {n}.") for n in range(seconds)]
    memory, sink = Watched(RamSettings()), ListSink()
    async with summary_server(fault) as url:
        parts = Parts(
            {"door": FrameSource(repeat(grey(9), seconds))},
            ScriptedModel(*remarks),
            codec=NoPictures(),
            memory=memory,
            summariser=OpenAISummariser(OpenAISummariserSettings(url=url)),
            sinks={"list": sink},
        )
        closed = await Session(parts, LiveSettings(), clock).run()
    report(
        "memory_faults",
        summariser=fault_name,
        ticks=closed.num_decided,
        late_ticks=closed.num_skipped,
        segments=-(-seconds // 90),
        **memory.found,
        failures_told=sum(event.part == "memory" for event in sink.of(Failed)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=900)
    given = parser.parse_args()
    for fault_name in ("well", "down", "nonsense", "slow"):
        asyncio.run(measure(fault_name, given.seconds))


if __name__ == "__main__":
    main()
