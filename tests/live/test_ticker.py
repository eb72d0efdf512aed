from itertools import pairwise

import pytest

from onlooker.core.clock import MediaClock
from onlooker.live.ticker import ticks
from onlooker.testing.doubles import ManualClock


async def test_a_slow_decision_skips_ticks_and_keeps_their_times() -> None:
    clock, seen = ManualClock(), list[tuple[int, float, float]]()
    async for tick in ticks(clock, period_s=1.0):
        seen.append((tick.index, tick.start_s, tick.end_s))
        if len(seen) == 3:
            break
        clock.advance(2.5)
    assert seen == [(0, 0.0, 1.0), (3, 3.0, 4.0), (6, 6.0, 7.0)]


async def test_a_decision_within_its_second_skips_nothing() -> None:
    clock, seen = ManualClock(), list[int]()
    async for tick in ticks(clock, period_s=1.0):
        seen.append(tick.index)
        if len(seen) == 5:
            break
        clock.advance(0.99)
    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("period_s", [0.1, 0.3, 1 / 3, 0.5, 2.0])
async def test_ticks_follow_each_other_without_gap_or_overlap(period_s: float) -> None:
    seen = []
    async for tick in ticks(MediaClock(), period_s):
        seen.append(tick)
        if len(seen) == 1000:
            break
    assert [tick.index for tick in seen] == list(range(1000))
    for before, after in pairwise(seen):
        assert after.start_s == pytest.approx(before.end_s)
    assert seen[-1].end_s == pytest.approx(1000 * period_s)
