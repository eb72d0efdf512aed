"""What does the small model cost a second? On one core, as `onlooker watch` lives by default.

Streams of the rule-made world, one after another, decided on by the shipped weights through the
line's own context: every tick's processor time, by what had to be done in it. `crowd` is a busy
street, as many words a second as a scene may have; there the model's own window is what turns over.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.report import report
from onlooker.core.decision import Silent
from onlooker.core.percept import Box, Scene, SceneObject, View
from onlooker.core.prompt import Turn
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.data.world.families import FAMILIES
from onlooker.live.context import Context
from onlooker.live.settings import LiveSettings
from onlooker.model.nano.checkpoint import Floats
from onlooker.model.nano.engine import SHIPPED, Conversation, Engine

WARM_UP = 5  # ticks


@dataclass(frozen=True, slots=True)
class Lap:
    """One tick."""

    cpu_ms: float
    num_read: int  # tokens of the prompt that were not in the cache
    num_held: int
    num_written: int
    is_turnover: bool


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--weights", type=Path, default=SHIPPED)
    arguments.add_argument("--streams", type=int, default=3, help="of each family")
    given = arguments.parse_args()
    began_s = time.perf_counter()
    engine = Engine(given.weights)
    load_s = time.perf_counter() - began_s
    shape = engine.network.weights.shape
    millions = sum(one.size for one in _arrays(engine)) / 1e6
    report("nano", what="load", seconds=round(load_s, 2), million_weights=round(millions, 2),
           layers=shape.num_layers, hidden=shape.hidden, context=shape.context)  # fmt: skip
    world = [lap for one in world_streams(given.streams) for lap in laps(engine, one)]
    tell("world", world)
    tell("crowd", list(laps(engine, [crowd(index) for index in range(150)])))
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report("nano", what="memory", peak_mib=round(peak_mib, 1))


def tell(what: str, found: list[Lap]) -> None:
    kinds = {
        "silent tick": [lap for lap in found if not lap.is_turnover and not lap.num_written],
        "spoken tick": [lap for lap in found if not lap.is_turnover and lap.num_written],
        "turnover": [lap for lap in found if lap.is_turnover],
    }
    for kind, some in kinds.items():
        if not some:
            continue
        spent_ms = sorted(lap.cpu_ms for lap in some)
        report(
            "nano",
            what=f"{what}: {kind}",
            ticks=len(some),
            cpu_ms_p50=round(statistics.median(spent_ms), 1),
            cpu_ms_p95=round(spent_ms[int(len(spent_ms) * 0.95)], 1),
            cpu_ms_max=round(spent_ms[-1], 1),
            tokens_read=round(statistics.mean(lap.num_read for lap in some), 1),
            tokens_held=round(statistics.mean(lap.num_held for lap in some)),
            tokens_written=round(statistics.mean(lap.num_written for lap in some), 1),
        )


def laps(engine: Engine, turns: list[Turn]) -> Iterator[Lap]:
    """Decide on every turn; what was decided comes back to the model."""
    conversation, context = Conversation(engine), Context(LiveSettings())
    for index, turn in enumerate(turns):
        prompt = context.ask(replace(turn, decision=None))
        began_ns = time.process_time_ns()
        outcome = conversation.decide(prompt)
        cpu_ms = (time.process_time_ns() - began_ns) / 1e6
        context.settle(outcome.decision)
        held, kept = outcome.usage.prompt_tokens or 0, outcome.usage.cached_tokens or 0
        is_silent = isinstance(outcome.decision, Silent)
        written = 0 if is_silent else outcome.usage.completion_tokens or 0
        if index >= WARM_UP:
            # All but the beginning was read before, unless a window turned over.
            yield Lap(cpu_ms, held - kept, held, written, is_turnover=kept < held / 2)


def world_streams(number: int) -> Iterator[list[Turn]]:
    for family in FAMILIES:
        for index in range(number):
            yield list(make_stream(Recipe(family, "seeds", 7, index)).turns)


def crowd(index: int) -> Turn:
    """Twelve people, some of whom change places."""
    place = Box(0.1, 0.1, 0.3, 0.5)
    people = tuple(
        SceneObject("person", number + index // 5, place, 0.9, float(max(0, index - 9)))
        for number in range(12)
    )
    new = people[-1:] if index % 5 == 0 else ()
    view = View("cam", index + 0.9, people, entered=new, left=new)
    stream = make_stream(Recipe("monitoring", "seeds", 7, 0))
    first = stream.turns[0]
    tick = replace(first.tick, index=index, start_s=float(index), end_s=index + 1.0)
    asked = next(turn.instructed for turn in stream.turns if turn.instructed)
    return Turn(tick, (Scene((view,)),), instructed=asked if index == 0 else ())


def _arrays(engine: Engine) -> Iterator[Floats]:
    weights = engine.network.weights
    yield weights.embedding_VH
    for layer in weights.layers:
        yield from (layer.qkv_HX, layer.out_XH, layer.gate_up_HX, layer.down_IH)


if __name__ == "__main__":
    main()
