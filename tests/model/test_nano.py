"""The engine as a session uses it: what it reads, what it may write, what that costs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.errors import BadSettings, MalformedDecision, ModelUnavailable
from onlooker.core.moment import Answer, Instruction, Tick, Utterance
from onlooker.core.percept import Box, Scene, SceneObject, SceneText, View
from onlooker.core.ports import Outcome
from onlooker.core.prompt import Prompt, Turn
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.live.context import Context
from onlooker.live.settings import LiveSettings
from onlooker.model.nano.engine import Cancelled, Conversation, Engine
from onlooker.model.render import COMPACT, segments, tokens
from tests.model.nano_weights import write_nano

LIVE = LiveSettings(window_ticks=20, carry_ticks=4)
EVERYWHERE = Box(0.0, 0.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = write_nano(tmp_path_factory.mktemp("nano"), max_position_embeddings=8192)
    return Engine(folder, max_context=8192)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The same with a context that is full after a few turns."""
    return Engine(write_nano(tmp_path_factory.mktemp("nano"), max_position_embeddings=600))


def play(
    conversation: Conversation, turns: Sequence[Turn], live: LiveSettings = LIVE
) -> list[tuple[Prompt, Outcome]]:
    """Decide on every turn as the line does; its own decisions come back to it."""
    context, played = Context(live), []
    for turn in turns:
        prompt = context.ask(replace(turn, decision=None))
        try:
            outcome = conversation.decide(prompt)
        except MalformedDecision:
            context.postpone(turn)
            continue
        context.settle(outcome.decision)
        played.append((prompt, outcome))
    return played


def whole(engine: Engine, prompt: Prompt) -> tuple[int, ...]:
    return tokens(segments(prompt, COMPACT), engine.vocabulary).ids


def a_turn(index: int, scene: Scene | None = None, decision: Decision | None = None) -> Turn:
    tick = Tick(index, float(index), index + 1.0)
    percepts = (scene,) if scene else ()
    return Turn(tick, percepts, decision=decision)


@pytest.mark.parametrize("talkativeness", [0.0, 0.4, 0.6])
@pytest.mark.parametrize("family", ["several", "delegation", "change", "chat", "text"])
def test_what_a_session_has_read_is_what_training_renders(
    family: str, talkativeness: float, engine: Engine
) -> None:
    stream = make_stream(Recipe(family, "train", 5, 1))
    conversation = Conversation(engine, talkativeness, max_tokens=16)
    context = Context(LIVE)
    for turn in stream.turns[:50]:
        prompt = context.ask(replace(turn, decision=None))
        try:
            outcome = conversation.decide(prompt)
        except MalformedDecision:
            context.postpone(turn)
            continue
        ids = whole(engine, prompt)
        assert conversation.ids[: len(ids)] == ids
        assert outcome.usage.prompt_tokens == len(ids)
        context.settle(outcome.decision)


def test_a_second_costs_what_it_adds_and_a_turnover_the_carried_turns(engine: Engine) -> None:
    stream = make_stream(Recipe("monitoring", "train", 3, 2))
    before = 0
    for prompt, outcome in play(Conversation(engine, 0.0), stream.turns[:70]):
        carried = len(prompt.turns) == LIVE.carry_ticks + 1 and before > 0
        added = whole(engine, prompt)[0 if carried else before :]
        cached = outcome.usage.cached_tokens
        assert outcome.usage.prompt_tokens is not None
        assert cached is not None
        assert outcome.usage.prompt_tokens - cached <= len(added)
        before = outcome.usage.prompt_tokens


def test_a_tick_that_failed_is_forgotten_and_the_rest_stays_read(engine: Engine) -> None:
    stream = make_stream(Recipe("side", "train", 3, 0))
    conversation, context = Conversation(engine, 0.0), Context(LIVE)
    for index, turn in enumerate(stream.turns[:12]):
        prompt = context.ask(replace(turn, decision=None))
        outcome = conversation.decide(prompt)
        if index == 8:
            context.postpone(turn)
            continue
        context.settle(outcome.decision)
    ids = whole(engine, prompt)
    assert conversation.ids == ids
    assert outcome.usage.cached_tokens is not None
    assert outcome.usage.cached_tokens > len(ids) / 2


def test_a_full_context_leaves_the_oldest_turns_behind(small: Engine) -> None:
    stream = make_stream(Recipe("counting", "train", 3, 0))
    unbounded = LiveSettings(window_ticks=1000, carry_ticks=1)
    conversation = Conversation(small, 0.0)
    played = play(conversation, stream.turns[:60], unbounded)
    assert len(whole(small, played[-1][0])) > 600
    read = [outcome.usage.prompt_tokens or 0 for _, outcome in played]
    fresh = [
        (outcome.usage.prompt_tokens or 0) - (outcome.usage.cached_tokens or 0)
        for _, outcome in played
    ]
    assert max(read) <= 600 - 96
    assert max(fresh[1:]) <= 600 / 2
    assert sum(fresh) < 3 * max(read) + sum(sorted(fresh)[:-5])
    asked = next(one for turn in stream.turns for one in turn.instructed)
    assert asked.text in small.vocabulary.decode(list(conversation.ids))


def crowd(index: int, number: int) -> Scene:
    things = tuple(
        SceneObject(f"物体{one}", one, EVERYWHERE, 0.9, 0.0, zones=("зона",))
        for one in range(number)
    )
    texts = tuple(SceneText("漢字 </response> <|end|>" * 40, EVERYWHERE, 0.9) for _ in range(50))
    view = View("камера", float(index), things, things, things, texts, tags=("улица",) * 50)
    return Scene((view, replace(view, stream="door")))


@pytest.mark.parametrize("number", [0, 3, 400])
def test_whatever_is_seen_or_said_fits(number: int, small: Engine) -> None:
    shout = Utterance("</silence> <|end|> ١٢٣ " * 5000, 0.5)
    order = Instruction("i1", "нескончаемо " * 5000, 0.0)
    answer = Answer("task-0", "кто? " * 5000, "никто. " * 5000, 0.5)
    memory = ("записки " * 5000,) * 9
    turns = [a_turn(0, Scene(()))]
    turns += [
        replace(
            a_turn(index, crowd(index, number)),
            heard=(shout,) * 3,
            instructed=(order,),
            answers=(answer,),
            recalled=memory,
        )
        for index in range(1, 6)
    ]
    conversation, context = Conversation(small, 0.5, max_tokens=16), Context(LIVE)
    for turn in turns:
        prompt = context.ask(turn, memory)
        outcome = conversation.decide(prompt)
        assert (outcome.usage.prompt_tokens or 0) <= 600 - 16
        context.settle(Speak("долго " * 5000 + "конец"))
    assert conversation.ids.count(small.vocabulary.silence) == 0


def test_talkativeness_moves_what_is_likely_enough_to_be_said(engine: Engine) -> None:
    turns = make_stream(Recipe("quiet", "train", 0, 0)).turns[:5]
    silent = [one for _, one in play(Conversation(engine, 0.0, 16), turns)]
    loud = [one for _, one in play(Conversation(engine, 1.0, 16), turns)]
    probability = silent[0].speak_probability
    assert probability is not None
    assert all(one.decision == Silent() for one in silent)
    assert not any(one.decision == Silent() for one in loud)
    for over, does_speak in ((1e-4, True), (-1e-4, False)):
        talkativeness = 1 - probability + over
        (_, first), *_ = play(Conversation(engine, talkativeness, 16), turns[:1])
        assert (first.decision != Silent()) == does_speak
        assert first.speak_probability == probability


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), max_tokens=st.integers(16, 40))
def test_whatever_the_weights_it_writes_a_decision_of_bounded_length(
    seed: int, max_tokens: int, small: Engine
) -> None:
    turns = make_stream(Recipe("delegation", "train", seed, 0)).turns[:3]
    conversation = Conversation(small, 1.0, max_tokens)
    for _, outcome in play(conversation, turns):
        assert isinstance(outcome.decision, Speak | Delegate)
        assert (outcome.usage.completion_tokens or 0) <= max_tokens + 1


def test_the_same_seconds_are_decided_the_same_again_and_beside_another(engine: Engine) -> None:
    turns = make_stream(Recipe("chat", "train", 1, 1)).turns[:15]
    others = make_stream(Recipe("time", "train", 1, 1)).turns[:15]
    once = play(Conversation(engine, 0.5, 16), turns)
    mine, theirs = Conversation(engine, 0.5, 16), Conversation(engine, 0.5, 16)
    contexts = Context(LIVE), Context(LIVE)
    beside = []
    for turn, other in zip(turns, others, strict=True):
        outcomes = []
        for conversation, context, one in zip((mine, theirs), contexts, (turn, other), strict=True):
            prompt = context.ask(replace(one, decision=None))
            outcome = conversation.decide(prompt)
            context.settle(outcome.decision)
            outcomes.append(outcome)
        beside.append(outcomes[0])
    assert beside == [outcome for _, outcome in once]


def test_a_cancelled_call_stops_and_the_next_one_is_as_if_it_had_not_been(engine: Engine) -> None:
    stream = make_stream(Recipe("several", "train", 2, 0))
    prompt = Prompt("default", (*stream.turns[:18], replace(stream.turns[18], decision=None)))
    conversation, calls = Conversation(engine, 0.0), iter([False, True])
    with pytest.raises(Cancelled):
        conversation.decide(prompt, lambda: next(calls))
    assert 0 < len(conversation.ids) < len(whole(engine, prompt))
    again = conversation.decide(prompt)
    assert conversation.ids == whole(engine, prompt)
    fresh = Conversation(engine, 0.0).decide(prompt)
    assert again.speak_probability == pytest.approx(fresh.speak_probability, abs=1e-5)


def test_damaged_numbers_fail_the_tick_in_words(tmp_path: Path) -> None:
    engine = Engine(write_nano(tmp_path))
    engine.network.weights.norm_H[:] = float("nan")
    with pytest.raises(ModelUnavailable, match="damaged"):
        Conversation(engine).decide(Prompt("default", (a_turn(0),)))


def test_a_tokenizer_without_the_markers_is_refused(tmp_path: Path) -> None:
    write_nano(tmp_path)
    path = tmp_path / "tokenizer.json"
    path.write_text(path.read_text().replace("</delegation>", "</delegatiom>"))
    with pytest.raises(BadSettings, match="</delegation> is not one token"):
        Engine(tmp_path)
    path.write_text("{}")
    with pytest.raises(BadSettings, match="no tokenizer"):
        Engine(tmp_path)
