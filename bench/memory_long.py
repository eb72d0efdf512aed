"""Is the past found, minutes and hours after its pictures are gone?

A stream of the world of 30, 60 or 180 minutes: people, cars, dogs come and go all the time, and
sixteen things happen once. Each is asked for 1, 5, 20, 60, 120 and 170 minutes later, as far as the
stream goes, in words that the record does not hold. A whole session runs: eyes, window, segments,
extracts, blocks, the memory in RAM. What counts is what the model is given: is there, in the prompt
of the question, evidence whose time is within 5 s of the truth?

Answers for each question: in the evidence that recall finds; in the summaries at the head of the
prompt; in what the window shows (a session without memory has this alone); in any of them (one with
memory); and, to compare, within the last 100 s, as if the window were always full.

`--eyes world`: the scenes are the world's own, with the errors that real eyes were measured to
make.
`--eyes pixels`: the stream is drawn, and the default perception looks at it (about 0.1 s a second).
What can be drawn is little: most facts are then writings.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from random import Random
from typing import Any

from bench.report import report
from onlooker.cli.eyes import default_eyes
from onlooker.core.clock import MediaClock
from onlooker.core.decision import Silent
from onlooker.core.moment import Observation
from onlooker.core.percept import Scene, View
from onlooker.core.ports import ModelTraits, Outcome, Say
from onlooker.core.prompt import Prompt
from onlooker.data.world.compose import Recipe, Scenario
from onlooker.data.world.noise import measured, perceive
from onlooker.data.world.pixels import fitted, rendered
from onlooker.data.world.seen import noted
from onlooker.data.world.stage import Stage, Thing
from onlooker.data.world.task import Task
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.memory.ram import RamMemory, RamSettings
from onlooker.testing.doubles import FrameSource, grey

ROUTINE = ("person", "person", "person", "car", "car", "dog", "bicycle")
GAP_S = 15.0  # from one passer-by to the next, on average
STAYS_S = (4, 40)
# Two questions each: one that names it otherwise, and one that does not name it.
FACTS = {
    "suitcase": ("did anybody put down luggage?", "was anyone about to travel?"),
    "umbrella": ("did somebody protect themselves from the rain?", "who hid from the shower?"),
    "cake": ("when was the birthday dessert brought?", "what sweet thing was there for the party?"),
    "airplane": ("when did a jet fly past?", "what was up in the sky?"),
    "teddy bear": ("did you notice a child's stuffed toy?", "what did the little one leave lying?"),
    "horse": ("when did the pony come along?", "what could one have ridden on?"),
    "boat": ("was there a ship or something else that floats?", "what went along the river?"),
    "pizza": ("did the italian food arrive?", "when was dinner delivered?"),
    "laptop": ("where did he put his notebook computer?", "was somebody working or gaming?"),
    "motorcycle": ("when did the motorbike come?", "who came on a loud two-wheeler?"),
    "couch": ("did they carry a sofa in?", "was anything new brought for the living room?"),
    "banana": ("was there any yellow fruit?", "was there something healthy to eat?"),
}
TEXTS = {
    "CLOSED FOR LUNCH": (
        "was the shop shut over midday?",
        "when did they go for their noon break?",
    ),
    "PLATFORM 9": ("which track did the train leave from?", "where were we supposed to board?"),
    "LOW BATTERY": ("did anything need to be charged?", "did the device run out of power?"),
    "SALE 50 PERCENT": ("was there a discount?", "were prices reduced?"),
}
# What happens once in a drawn stream, beside TEXTS.
DRAWN = {
    "motorcycle": FACTS["motorcycle"],
    "apple": ("was there any red fruit?", "was there something healthy to eat?"),
}
SIGNS = {
    "BOARDING NOW": ("when could the passengers get on?", "did the flight call for people?"),
    "ROAD WORKS": ("was the street under construction?", "why was the way blocked?"),
    "FREE COFFEE": ("were there hot drinks for nothing?", "what could one get without paying?"),
    "WET FLOOR": ("was it slippery?", "had somebody mopped?"),
    "EXAM IN PROGRESS": ("were students being tested?", "why should people have been quiet?"),
    "NO PARKING": ("may I leave my car there?", "where must vehicles not stand?"),
    "LOST DOG": ("was somebody's pet missing?", "what was being searched for?"),
    "HAPPY BIRTHDAY": ("did anyone turn a year older?", "what was celebrated?"),
    "HIGH VOLTAGE": ("was there anything electric that is dangerous?", "what must not be touched?"),
    "RECORDING": ("was anything being filmed?", "was a camera running?"),
}
ROUTINE_DRAWN = ("person", "person", "car")
DELAYS_MIN = (1, 5, 20, 60, 120, 170)
NEAR_S = 5.0
WINDOW_S = 100.0
_TIMES = re.compile(r"(-?\d+\.\d) s ([^;|]*)")
_RECALLED = re.compile(r"^<(\d+\.\d)(?:-(\d+\.\d))? seconds>")


@dataclass(frozen=True)
class Fact:
    """Something that happens once."""

    at_s: float
    name: str  # a label, or the text
    question: str


@dataclass
class Score:
    """How many questions found their evidence, and where."""

    asked: int = 0
    seen: int = 0  # by the eyes, at any time near: nobody can remember the others
    recalled: int = 0
    head: int = 0
    window: int = 0
    with_memory: int = 0
    last_100_s: int = 0


@dataclass
class Asker:
    """A fake model that asks when it is time, and looks whether the prompt holds the answer."""

    plan: dict[int, list[Fact]]  # by tick
    seen: frozenset[str]
    is_loud: bool = False
    session: Session | None = None
    scores: dict[int, Score] = field(default_factory=dict)  # by minutes of delay
    num_ticks: int = 0
    traits: ModelTraits = ModelTraits("asker", ("scene",))
    _pending: list[Fact] = field(default_factory=list)

    async def open(self) -> Asker:
        return self

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        tick = prompt.now.tick
        self.num_ticks += 1
        if prompt.now.heard and self._pending:
            self._mark(prompt, self._pending.pop(0))
        due = self.plan.get(tick.index + 1, ())
        if due and self.session:
            self._pending = list(due[:1])
            self.session.hear(due[0].question)
        return Outcome(Silent())

    async def close(self) -> None:
        pass

    def _mark(self, prompt: Prompt, fact: Fact) -> None:
        delay_s = prompt.now.tick.end_s - fact.at_s
        delay_min = min(DELAYS_MIN, key=lambda minutes: abs(minutes * 60 - delay_s))
        score = self.scores.setdefault(delay_min, Score())
        is_recalled = any(_is_near(line, fact) for line in prompt.now.recalled)
        is_in_head = any(_tells(paragraph, fact) for paragraph in prompt.memory)
        is_in_window = fact.at_s >= prompt.turns[0].tick.start_s
        score.asked += 1
        score.seen += fact.name in self.seen
        score.recalled += is_recalled
        score.head += is_in_head
        score.window += is_in_window
        score.with_memory += is_recalled or is_in_head or is_in_window
        score.last_100_s += delay_s <= WINDOW_S
        if self.is_loud and not (is_recalled or is_in_head or is_in_window):
            print(
                delay_min, fact.at_s, fact.name, fact.question, *prompt.now.recalled, sep="\n    "
            )


def _is_near(line: str, fact: Fact) -> bool:
    found = _RECALLED.match(line)
    if found and not found[2]:
        return abs(float(found[1]) - fact.at_s) <= NEAR_S
    return _tells(line, fact)  # a summary or a block


def _tells(paragraph: str, fact: Fact) -> bool:
    """Say whether a paragraph tells of the fact, by its name, with the right time."""
    return any(
        abs(float(time_s) - fact.at_s) <= NEAR_S and fact.name.lower() in told.lower()
        for time_s, told in _TIMES.findall(paragraph)
    )


def _is_seen(views: Sequence[View], fact: Fact) -> bool:
    """Say whether the eyes told of a fact when it happened."""
    near = views[int(fact.at_s - NEAR_S) : int(fact.at_s + NEAR_S) + 1]
    came = {thing.label for view in near for thing in view.entered}
    read = {text.text.lower() for view in near for text in view.texts}
    return fact.name in came or fact.name.lower() in read


def stream(
    minutes: int, seed: int, *, is_drawn: bool
) -> tuple[Stage, list[tuple[float, str, tuple[str, str]]]]:
    """Set up routine and facts. The same seed sets up the same."""
    rng = Random(seed)  # noqa: S311
    stage = Stage("cam", minutes * 60, [])
    texts = {**TEXTS, **SIGNS} if is_drawn else TEXTS
    facts = [*(DRAWN if is_drawn else FACTS).items(), *texts.items()]
    rng.shuffle(facts)
    told = []
    for number, (name, questions) in enumerate(facts):
        at = int((number + 0.5) / len(facts) * (stage.num_seconds - 120)) + 10
        if name in texts:
            stage.write(name, at, at + 12)
        else:
            _add(rng, stage, name, at, at + 15, is_drawn=is_drawn)
        told.append((float(at), name, questions))
    routine, second = ROUTINE_DRAWN if is_drawn else ROUTINE, 0.0
    while (second := second + rng.expovariate(1 / GAP_S)) < stage.num_seconds - 1:
        leaves = int(second) + rng.randrange(*STAYS_S)
        _add(rng, stage, rng.choice(routine), int(second), leaves, is_drawn=is_drawn)
    stage.things.sort(key=lambda one: one.enters)
    return stage, told


def _add(
    rng: Random, stage: Stage, label: str, enters: int, leaves: int, *, is_drawn: bool
) -> None:
    x, size = rng.uniform(0.2, 0.8), rng.uniform(0.15, 0.3)
    thing: Thing | None = Thing(len(stage.things) + 1, label, enters, leaves, x, 0.6, size, 0.0)
    if is_drawn and thing:
        thing = fitted(stage, thing)
    if thing:
        stage.add(thing)


def plan_of(facts: Sequence[Fact], num_seconds: int) -> dict[int, list[Fact]]:
    plan: dict[int, list[Fact]] = {}
    for fact in facts:
        for minutes in DELAYS_MIN:
            at = int(fact.at_s) + minutes * 60
            while at in plan:
                at += 1
            if at < num_seconds - 2:
                plan[at] = [fact]
    return plan


class Eyes:
    """A perception that was made before: one view a second."""

    def __init__(self, views: Sequence[View]) -> None:
        self._views = views

    async def open(self) -> Eyes:
        return self

    async def look(self, observation: Observation) -> Scene:
        return Scene((self._views[observation.tick.index],))

    async def close(self) -> None:
        pass


async def watch(views: Sequence[View], asker: Asker, meaning: str) -> float:
    """Run a session; give its seconds of processor time."""
    parts = Parts(
        {"cam": FrameSource(repeat(grey(90), len(views)))},
        asker,
        perception=Eyes(views),
        memory=RamMemory(RamSettings.model_validate({"meaning": meaning})),
    )
    asker.session = Session(parts, LiveSettings(), MediaClock())
    began_s = time.process_time()
    await asker.session.run()
    return time.process_time() - began_s


def views_of(stage: Stage, seed: int, *, is_drawn: bool) -> list[View]:
    if not is_drawn:
        return perceive(stage, measured(), Random(seed)).views  # noqa: S311
    scenario = Scenario(Recipe("quiet", seed=seed, medium="pixels"), stage, Task())
    return noted(stage, rendered(scenario), default_eyes()(stage)).views


def measure(views: Sequence[View], facts: list[Fact], row: dict[str, Any], *, loud: bool) -> None:
    """Ask with and without search by meaning; report each delay, and all together."""
    seen = frozenset(fact.name for fact in facts if _is_seen(views, fact))
    for meaning in ("on", "off"):
        asker = Asker(plan_of(facts, len(views)), seen, loud)
        cpu_s = asyncio.run(watch(views, asker, meaning))
        total = Score()
        for delay_min, score in sorted(asker.scores.items()):
            report("memory_long", **row, meaning=meaning, delay_min=delay_min, **vars(score))
            for name, value in vars(score).items():
                setattr(total, name, getattr(total, name) + value)
        ms = round(cpu_s / asker.num_ticks * 1e3, 2)
        report(
            "memory_long",
            **row,
            meaning=meaning,
            delay_min="all",
            **vars(total),
            cpu_ms_per_tick=ms,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, nargs="+", default=[30, 60, 180])
    parser.add_argument("--eyes", choices=("world", "pixels"), default="world")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--misses", action="store_true", help="print what was not found")
    given = parser.parse_args()
    is_drawn = given.eyes == "pixels"
    for minutes in given.minutes:
        stage, facts = stream(minutes, given.seed, is_drawn=is_drawn)
        views = views_of(stage, given.seed, is_drawn=is_drawn)
        for phrasing in (0, 1):
            row = {"minutes": minutes, "eyes": given.eyes, "phrasing": phrasing + 1}
            asked = [Fact(at_s, name, questions[phrasing]) for at_s, name, questions in facts]
            measure(views, asked, {**row, "seed": given.seed}, loud=given.misses)


if __name__ == "__main__":
    main()
