"""Stage and task become a labelled stream: what the model reads, what it should say, the truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from random import Random
from typing import Literal

from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.moment import Answer, Instruction, Tick, Utterance
from onlooker.core.percept import Scene
from onlooker.core.prompt import Turn, task_id_of
from onlooker.data.stream import LabelledStream
from onlooker.data.world.families import FAMILIES
from onlooker.data.world.noise import Noise, Seen, noise_for, perceive
from onlooker.data.world.phrases import Phrases
from onlooker.data.world.stage import Fit, Stage, as_it_is, build
from onlooker.data.world.task import Ask, Due, Return, Setting, Task
from onlooker.data.world.words import DICTIONARY, Split, Words, words_for
from onlooker.evaluate.content import Content
from onlooker.evaluate.truth import Expected, Standing, Truth

ASKED_S = 0.5  # after the beginning of its second
MAX_LATE_S = 5  # what is seen later than this is told no more
LENGTHS_S = (30, 45, 60, 60, 90, 120, 180)
Medium = Literal["world", "pixels"]
WordsOf = Callable[[Split, Random], Words]
NO_TEXT_ASKED = frozenset({"monitoring", "counting", "time", "change", "delegation", "quiet"})
BY_THE_WAY_SHARE = 0.25
LONG_LENGTHS_S = {"quiet": (60, 120, 240, 300), "memory": (90, 120, 180, 240, 300)}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which stream to make: the same recipe makes the same stream."""

    family: str
    split: Split = "train"
    seed: int = 0
    number: int = 0
    medium: Medium = "world"

    @property
    def item(self) -> str:
        return f"{self.medium}-{self.family}-{self.split}-{self.seed}-{self.number}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What truly happens in a stream, and what is asked of who watches it."""

    recipe: Recipe
    stage: Stage
    task: Task


def set_up(
    recipe: Recipe, rng: Random, words_of: WordsOf = words_for, fit: Fit = as_it_is
) -> Scenario:
    """Make up what happens and what is asked.

    Args:
        recipe: which stream.
        rng: seeded by the recipe's item.
        words_of: chooses what there is to name.
        fit: brings each thing into a form that can be shown, or leaves it out.
    """
    words, num_seconds = _beginning(recipe, rng, words_of)
    stage = build(rng, words, num_seconds, fit=fit)
    wording = Random(f"wording {recipe.item}")  # noqa: S311 - more phrases, the same streams
    setting = Setting(stage, words, Phrases(recipe.split, wording), rng)
    if setting.is_training and recipe.family in NO_TEXT_ASKED:
        _write_by_the_way(stage, words, Random(f"by the way {recipe.item}"))  # noqa: S311 - as above
    task = FAMILIES[recipe.family](setting)
    stage.things.sort(key=lambda one: one.enters)
    return Scenario(recipe, stage, task)


def length_of(recipe: Recipe) -> int:
    """Give the seconds that a symbolic stream will have, without making it."""
    return _beginning(recipe, Random(recipe.item), words_for)[1]  # noqa: S311 - as in `make_stream`


def _beginning(recipe: Recipe, rng: Random, words_of: WordsOf) -> tuple[Words, int]:
    words = words_of(recipe.split, rng)
    return words, rng.choice(LONG_LENGTHS_S.get(recipe.family, LENGTHS_S))


def _write_by_the_way(stage: Stage, words: Words, rng: Random) -> None:
    """Show texts that nobody asks about in some streams, foreign ones among them."""
    if rng.random() > BY_THE_WAY_SHARE:
        return
    appears = rng.randrange(3, 30)
    while appears < stage.num_seconds - 1:
        goes = appears + rng.randrange(3, 20)
        foreign = rng.choice(sorted(DICTIONARY[rng.choice(sorted(DICTIONARY))]))
        stage.write(foreign if rng.random() < 0.4 else words.sign(), appears, goes)
        appears = goes + rng.randrange(2, 60)


def label(scenario: Scenario, seen: Seen) -> LabelledStream:
    """Label what was seen of a scenario: each thing is said as soon as it can be seen."""
    recipe, task = scenario.recipe, scenario.task
    return LabelledStream(
        truth=_truth(recipe, task, scenario.stage.num_seconds),
        turns=_turns(task, seen),
        split=recipe.split,
        source=recipe.medium,
        persona=task.persona,
        memory=tuple(task.memory),
    )


def make_stream(recipe: Recipe, noise: Noise | None = None) -> LabelledStream:
    """Make one stream; with no noise given, as much as eyes have on some days and not on others."""
    rng = Random(recipe.item)  # noqa: S311 - a world, no secret; a text seeds the same everywhere
    scenario = set_up(recipe, rng)
    noise = noise_for(rng) if noise is None else noise
    return label(scenario, perceive(scenario.stage, noise, rng))


# The truth: what is right whoever looks.


def _truth(recipe: Recipe, task: Task, num_seconds: int) -> Truth:
    by_second: dict[int, list[Due]] = defaultdict(list)
    for due in task.dues:
        by_second[due.at].append(due)
    first: dict[str, Ask] = {}
    for ask in sorted(task.asks, key=lambda ask: ask.at):
        if ask.kind == "instruction":
            first.setdefault(ask.id, ask)
    events = tuple(
        _expected(f"e{number}", second, together)
        for number, (second, together) in enumerate(sorted(by_second.items()), start=1)
    )
    return Truth(
        item=recipe.item,
        duration_s=float(num_seconds),
        events=events,
        instructions=tuple(Standing(ask.id, ask.text, ask.at + ASKED_S) for ask in first.values()),
        family=recipe.family,
    )


def _expected(name: str, second: int, dues: list[Due]) -> Expected:
    """Make one event of all that is due in a second: it takes one turn to tell."""
    asks = [due.instruction for due in dues if due.instruction]
    is_delegated = any(due.question for due in dues)
    return Expected(
        id=name,
        onset_s=float(second),
        until_s=float(second + 1),
        action="delegate" if is_delegated else "speak",
        content=_content(dues),
        instruction=asks[0] if asks else None,
    )


def _content(dues: list[Due]) -> Content:
    if any(due.any_of for due in dues):
        wholes = [due.any_of or (due.text,) for due in dues][:3]
        if len(wholes) == 1:
            return Content("any_of", tuple(dict.fromkeys(wholes[0])))
        texts = [_joined(order) for order in permutations(due.text for due in dues)]
        return Content("any_of", tuple(dict.fromkeys(texts)))
    return Content("keywords", tuple(dict.fromkeys(key for due in dues for key in due.keys)))


def _joined(texts: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(texts))


# The turns: what is read, and what is said as soon as it can be seen.


def _turns(task: Task, seen: Seen) -> tuple[Turn, ...]:
    said: dict[int, list[Due]] = defaultdict(list)
    for due in task.dues:
        at = _when(due, seen)
        if at is not None and at < len(seen.views):
            said[at].append(_as_seen(due, at, seen))
    asks: dict[int, list[Ask]] = defaultdict(list)
    for ask in task.asks:
        asks[ask.at].append(ask)
    returns = {one.at: one for one in task.returns}
    return tuple(
        Turn(
            tick=Tick(second, float(second), second + 1.0),
            percepts=(Scene((view,)),),
            heard=tuple(_utterance(ask) for ask in asks[second] if ask.kind != "instruction"),
            instructed=tuple(_instructed(asks[second])),
            answers=tuple(_answer(one) for one in (returns.get(second),) if one),
            decision=_decision(said[second]),
        )
        for second, view in enumerate(seen.views)
    )


def _when(due: Due, seen: Seen) -> int | None:
    """Find the second in which all that it takes to tell something has been seen."""
    tables = {"comes": seen.comes, "goes": seen.goes, "reads": seen.reads}
    at = due.at
    for sign in due.signs:
        found = tables[sign.kind].get(sign.id)
        if found is None:
            return None
        at = max(at, found + sign.later_s)
    return at if at <= due.at + MAX_LATE_S else None


def _as_seen(due: Due, at: int, seen: Seen) -> Due:
    """Say it of what is seen, and a text as it was read."""
    if due.as_seen:
        return replace(due, text=due.as_seen(seen.views[at]))
    for sign in due.signs:
        if sign.kind == "reads" and due.text in due.keys:
            return replace(due, text=seen.read_as[sign.id])
    return due


def _decision(dues: list[Due]) -> Decision:
    if not dues:
        return Silent()
    text = _joined(due.text for due in dues)
    questions = [due.question for due in dues if due.question]
    return Delegate(text, questions[0]) if questions else Speak(text)


def _utterance(ask: Ask) -> Utterance:
    return Utterance(ask.text, ask.at + ASKED_S, "scene" if ask.kind == "overheard" else "user")


def _instructed(asks: Iterable[Ask]) -> Iterator[Instruction]:
    for ask in asks:
        if ask.kind == "instruction":
            yield Instruction(ask.id, ask.text, ask.at + ASKED_S, ask.state)


def _answer(one: Return) -> Answer:
    return Answer(
        task_id=task_id_of(one.asked_at),
        question=one.question,
        text=one.text,
        time_s=one.at + ASKED_S,
        status="done" if one.is_done else "failed",
    )
