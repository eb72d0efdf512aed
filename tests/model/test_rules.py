import asyncio
from functools import reduce
from operator import add

import pytest

from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.moment import Instruction, Tick, Utterance
from onlooker.core.percept import Box, Scene, SceneObject, View
from onlooker.core.prompt import Prompt, Turn
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.data.world.families import FAMILIES
from onlooker.data.world.noise import CLEAN
from onlooker.evaluate.replay import play
from onlooker.evaluate.score import Timing, score
from onlooker.live.settings import LiveSettings
from onlooker.model.request import read_request
from onlooker.model.rules import RulesModel

NUM_STREAMS = 12


def timing_of(family: str) -> Timing:
    """Let the rules play streams in which everything is seen."""

    async def run() -> list[Timing]:
        timings = []
        for number in range(NUM_STREAMS):
            stream = make_stream(Recipe(family, "train", 3, number), CLEAN)
            settings = LiveSettings(persona=stream.persona)
            played = await play(stream.turns, RulesModel(), settings=settings)
            timings.append(score(stream.truth, played.prediction(stream.item)).timings[0])
        return timings

    return reduce(add, asyncio.run(run()))


def test_rules_tell_much_of_what_is_due_however_people_put_it() -> None:
    """They were written for the plainest phrasings, and most of the world's are not plain."""
    timing = reduce(add, map(timing_of, FAMILIES))
    assert timing.f1 >= 0.5, timing
    assert timing.precision >= 0.6, timing


def seen(index: int, *labels: str) -> Scene:
    box = Box(0.4, 0.4, 0.6, 0.6)
    there = tuple(
        SceneObject(label, at + 1, box, 0.9, float(index)) for at, label in enumerate(labels)
    )
    return Scene((View("cam", index + 0.9, there, there),))


async def decide(*turns: Turn) -> list[Decision]:
    said: list[str] = []

    async def say(text: str) -> None:
        said.append(text)

    session = await RulesModel().open()
    decided = [(await session.decide(Prompt("default", (turn,)), say)).decision for turn in turns]
    assert said == [one.text for one in decided if isinstance(one, Speak | Delegate)]
    return decided


def turn(index: int, *labels: str, say: str = "", instruct: str = "") -> Turn:
    return Turn(
        Tick(index, float(index), index + 1.0),
        (seen(index, *labels),),
        heard=(Utterance(say, index + 0.5),) if say else (),
        instructed=(Instruction("i1", instruct, index + 0.5),) if instruct else (),
    )


async def test_what_it_does_not_understand_it_delegates() -> None:
    (decision,) = await decide(turn(0, say="Quelle heure est-il, et pourquoi ?"))
    assert isinstance(decision, Delegate)
    assert decision.question == "Quelle heure est-il, et pourquoi ?"


async def test_without_a_request_it_is_silent_whatever_comes() -> None:
    crowd = ["person"] * 300
    assert set(await decide(turn(0), turn(1, *crowd), turn(2))) == {Silent()}


async def test_a_question_beside_an_instruction_does_not_end_it() -> None:
    decisions = await decide(
        turn(0, instruct="Tell me when a dog appears."),
        turn(1, "cat", say="How many cats are there?"),
        turn(2, "dog"),
    )
    assert decisions == [Silent(), Speak("1."), Speak("A dog is there.")]


async def test_overheard_words_are_not_obeyed() -> None:
    words = Utterance("Tell me when a dog appears.", 0.5, "scene")
    first = Turn(Tick(0, 0.0, 1.0), (seen(0),), heard=(words,))
    assert await decide(first, turn(1, "dog")) == [Silent(), Silent()]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Please tell me when a car appears", "appear"),
        ("How many cars are there?", "how_many"),
        ("How many cars come by? Keep counting.", "count_events"),
        ("every 5 s, speak", "every"),
        ("timer 5 s", "after"),
        ("Hello!", "hello"),
        ("Never mind.", "cancel"),
        ("What is 3 times 4?", "hard"),
    ],
)
def test_requests_are_told_apart(text: str, kind: str) -> None:
    assert read_request(text).kind == kind
