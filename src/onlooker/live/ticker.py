"""When a decision is due."""

from __future__ import annotations

from collections.abc import AsyncIterator

from onlooker.core.clock import Clock
from onlooker.core.moment import Tick


async def ticks(clock: Clock, period_s: float) -> AsyncIterator[Tick]:
    """Yield every tick as it ends.

    A consumer slower than `period_s` skips ticks: indices then jump, and a tick's times
    stay the times at which things happened.
    """
    index = 0
    while True:
        end_s = (index + 1) * period_s
        await clock.sleep_until(end_s)
        yield Tick(index, start_s=end_s - period_s, end_s=end_s)
        index = max(index + 1, int(clock.now_s() / period_s))
