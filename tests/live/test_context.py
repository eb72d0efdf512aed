from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.moment import Answer, Instruction, Tick, Utterance
from onlooker.core.percept import Picture, Pictures
from onlooker.core.prompt import Exchange, Prompt, Turn, exchanges_of, fold
from onlooker.live.context import Context
from onlooker.live.settings import LiveSettings

SMALL = LiveSettings(window_ticks=5, carry_ticks=2, num_exchanges=4)


def turn_of(index: int, *heard: str, jpeg: bytes = b"") -> Turn:
    return Turn(
        Tick(index, float(index), index + 1.0),
        percepts=(Pictures((Picture("pot", index + 0.5, 4, 4, jpeg or bytes([index])),)),),
        heard=tuple(Utterance(text, index + 0.5) for text in heard),
    )


def run(context: Context, turns: list[tuple[Turn, Decision | None]]) -> list[Prompt]:
    """Ask for each turn, then settle it, or postpone it where there is no decision."""
    prompts = []
    for turn, decision in turns:
        prompts.append(context.ask(turn))
        if decision is None:
            context.postpone(turn)
        else:
            context.settle(decision)
    return prompts


def starts_with(later: Prompt, earlier: Prompt) -> bool:
    """Whether `later` is `earlier` with its last turn decided and more turns behind it."""
    known = earlier.turns[:-1]
    return later.turns[: len(known)] == known and replace(later, turns=()) == replace(
        earlier, turns=()
    )


@given(st.lists(st.sampled_from([Silent(), Speak("hm"), None]), min_size=1, max_size=30))
def test_a_prompt_grows_at_its_end_only_until_the_window_turns_over(
    decisions: list[Decision | None],
) -> None:
    prompts = run(Context(SMALL), [(turn_of(i, f"w{i}"), d) for i, d in enumerate(decisions)])
    num_turnovers = 0
    for earlier, later in pairwise(prompts):
        assert len(later.turns) <= SMALL.window_ticks
        if not starts_with(later, earlier):
            num_turnovers += 1
            assert len(later.turns) == SMALL.carry_ticks + 1
    num_settled = sum(decision is not None for decision in decisions[:-1])
    expected = max(0, (num_settled - SMALL.carry_ticks) // (5 - SMALL.carry_ticks))
    assert num_turnovers == expected


@given(st.lists(st.sampled_from([Silent(), Speak("hm"), None]), min_size=1, max_size=30))
def test_only_the_last_turn_of_a_prompt_is_undecided(decisions: list[Decision | None]) -> None:
    for prompt in run(Context(SMALL), [(turn_of(i), d) for i, d in enumerate(decisions)]):
        assert all(turn.decision is not None for turn in prompt.turns[:-1])
        assert prompt.now.decision is None


@given(st.lists(st.booleans(), min_size=1, max_size=25))
def test_what_is_said_is_in_front_of_the_model_until_a_decision_and_never_twice(
    is_decided: list[bool],
) -> None:
    settings = LiveSettings(window_ticks=4, carry_ticks=1, num_exchanges=1000)
    decisions: list[Decision | None] = [Silent() if decided else None for decided in is_decided]
    turns = [turn_of(index, f"w{index}") for index in range(len(decisions))]
    prompts = run(Context(settings), list(zip(turns, decisions, strict=True)))
    for index, prompt in enumerate(prompts):
        in_turns = [words.text for turn in prompt.turns for words in turn.heard]
        before = [exchange.text for exchange in prompt.exchanges]
        assert before + in_turns == [f"w{said}" for said in range(index + 1)]


def test_a_turn_that_was_never_asked_keeps_its_words_too() -> None:
    context = Context(SMALL)
    for index in range(3):  # the pictures of these could not be encoded
        context.postpone(turn_of(index, f"w{index}"))
    prompt = context.ask(turn_of(3, "w3"))
    assert [words.text for words in prompt.now.heard] == ["w0", "w1", "w2", "w3"]
    assert prompt.now.tick.index == 3
    assert len(prompt.turns) == 1


def test_instructions_and_answers_of_a_postponed_turn_come_back_as_well() -> None:
    context = Context(SMALL)
    instruction, answer = Instruction("i1", "watch", 0.5), Answer("task-0", "why?", "so", 0.5)
    failed = replace(turn_of(0), instructed=(instruction,), answers=(answer,))
    run(context, [(failed, None)])
    now = context.ask(turn_of(1)).now
    assert (now.instructed, now.answers) == ((instruction,), (answer,))


def test_a_turnover_keeps_the_newest_turns_and_the_words_of_the_others() -> None:
    said: list[tuple[Turn, Decision | None]] = [(turn_of(0, "hello"), Speak("Hi."))]
    said += [(turn_of(index), Silent()) for index in range(1, 5)]
    context = Context(SMALL)
    run(context, said)
    prompt = context.ask(turn_of(5))
    assert [turn.tick.index for turn in prompt.turns] == [3, 4, 5]
    assert prompt.exchanges == (Exchange(0.5, "user", "hello"), Exchange(1.0, "onlooker", "Hi."))


def test_instructions_that_stood_when_the_window_began_are_told_at_its_head() -> None:
    context = Context(SMALL)
    first, second = Instruction("i1", "watch", 0.5), Instruction("i2", "count", 1.5)
    paused = replace(second, state="paused")
    changes = [(first,), (second,), (paused,), (), ()]
    for index, changed in enumerate(changes):
        prompt = context.ask(replace(turn_of(index), instructed=changed))
        assert prompt.standing == ()
        context.settle(Silent())
    assert context.ask(turn_of(5)).standing == (first,)


def test_exchanges_are_bounded_and_the_oldest_go_first() -> None:
    context = Context(SMALL)
    prompts = run(context, [(turn_of(i, f"w{i}"), Silent()) for i in range(60)])
    num_gone = prompts[-1].turns[0].tick.index
    kept = [exchange.text for exchange in prompts[-1].exchanges]
    assert kept == [f"w{index}" for index in range(num_gone - 4, num_gone)]


def test_a_delegation_and_the_answer_are_remembered_in_their_order() -> None:
    turn = replace(
        turn_of(3, "and?"),
        answers=(Answer("task-1", "Which bird?", "A robin.", 3.2),),
        decision=Delegate("Let me see.", "Where do robins live?"),
    )
    assert [(said.speaker, said.text) for said in exchanges_of(turn)] == [
        ("user", "and?"),
        ("brain", "Which bird? - A robin."),
        ("onlooker", "Let me see."),
    ]


def test_the_head_of_a_new_window_names_what_the_brain_still_works_on() -> None:
    context = Context(SMALL)
    asks = Delegate("Let me see.", "Where do robins live?")
    pending = []
    for index in range(3 * SMALL.window_ticks):
        turn = turn_of(index)
        if index == 2 * SMALL.window_ticks:
            turn = replace(turn, answers=(Answer("task-1", asks.question, "In trees.", index),))
        pending.append([task.id for task in context.ask(turn).pending])
        context.settle(asks if index == 1 else Silent())
    assert pending[0] == []
    assert ["task-1"] in pending
    assert pending[-1] == []
    assert sum(before != after for before, after in pairwise(pending)) == 2


def test_a_long_answer_is_remembered_in_short() -> None:
    answers = (Answer("task-1", "Why?", "because " * 1000, 3.2),)
    (said,) = exchanges_of(replace(turn_of(3), answers=answers))
    assert len(said.text) < 500


def test_folding_applies_changes_in_their_order() -> None:
    watch, count = Instruction("i1", "watch", 0.0), Instruction("i2", "count", 1.0)
    again = Instruction("i1", "watch the left one", 2.0)
    assert list(fold({}, [watch, count, again]).values()) == [count, again]
    assert fold({"i1": watch}, [replace(watch, state="removed"), count]) == {"i2": count}
    assert fold({}, [replace(watch, state="paused"), watch]) == {"i1": watch}


def digests(turns: list[tuple[Turn, Decision]], settings: LiveSettings = SMALL) -> list[str]:
    context, made = Context(settings), []
    for turn, decision in turns:
        context.ask(turn)
        made.append(context.digest())
        context.settle(decision)
    return made


TURNS: list[tuple[Turn, Decision]] = [(turn_of(i, f"w{i}"), Speak(f"s{i}")) for i in range(12)]


def test_equal_prompts_have_equal_digests() -> None:
    made = digests(TURNS)
    assert made == digests(TURNS)
    assert len(set(made)) == len(made)
    assert all(len(digest) == 32 for digest in made)


def test_a_digest_names_the_whole_prompt_however_it_came_about() -> None:
    straight, detour = Context(SMALL), Context(SMALL)
    straight.ask(replace(turn_of(1), heard=turn_of(0, "hello").heard))
    detour.ask(turn_of(0, "hello"))
    detour.postpone(turn_of(0, "hello"))
    detour.ask(turn_of(1))
    assert straight.digest() == detour.digest()


@pytest.mark.parametrize("changed", ["picture", "word", "decision", "time", "persona"])
def test_anything_else_that_is_read_gives_another_digest(changed: str) -> None:
    turn, decision = TURNS[2]
    settings = SMALL
    if changed == "picture":
        turn = turn_of(2, "w2", jpeg=b"another")
    elif changed == "word":
        turn = turn_of(2, "W2")
    elif changed == "decision":
        decision = Speak("something else")
    elif changed == "time":
        turn = replace(turn, tick=Tick(2, 2.0, 3.01))
    else:
        settings = replace(SMALL, persona="talkative")
    one, other = digests(TURNS), digests([*TURNS[:2], (turn, decision), *TURNS[3:]], settings)
    is_same = [a == b for a, b in zip(one, other, strict=True)]
    # A decision is read from the next turn on.
    first = {"decision": 3, "persona": 0}.get(changed, 2)
    assert is_same[:5] == [True] * first + [False] * (5 - first)
