from random import Random

import pytest
from tokenizers import Tokenizer

from onlooker.core.decision import Silent
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.data.world.noise import CLEAN
from onlooker.data.world.phrases import Phrases
from onlooker.live.tally import Tally
from onlooker.train.examples import Encoding
from onlooker.train.facts import WANTED, draw_facts, wants
from onlooker.train.reading import lesson


@pytest.mark.parametrize("family", ["monitoring", "counting", "time"])
def test_what_a_kind_wants_is_what_the_world_tells(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds: dict[str, str] = {}

    def say(self: Phrases, task: str, **slots: str | int) -> str:
        text = as_it_was(self, task, **slots)
        kinds[text] = task
        return text

    as_it_was = Phrases.say
    monkeypatch.setattr(Phrases, "say", say)
    num_told = 0
    for number in range(60):
        tally = Tally()
        for turn in make_stream(Recipe(family, "seeds", 5, number), CLEAN).turns:
            noted = {one.request: one.facts for one in tally.note(turn)}
            if turn.heard:
                continue  # told because it was asked just now
            is_wanted = any(wants(kinds[request], facts) for request, facts in noted.items())
            assert is_wanted == (not isinstance(turn.decision, Silent)), (turn, noted)
            num_told += is_wanted
    assert num_told > 30


def test_facts_are_made_up_that_a_kind_wants_and_such_that_it_does_not() -> None:
    rng = Random(1)  # noqa: S311 - words, no secret
    for kind in WANTED:
        drawn = {draw_facts(kind, 20, rng) for _ in range(200)}
        told = {wants(kind, facts) for facts in drawn}
        assert told == ({True} if kind in ("every", "every_scene") else {True, False}), kind
    assert not any(wants("hello", draw_facts("hello", 20, rng)) for _ in range(200))


def test_a_lesson_tells_of_facts_at_the_ends_of_their_lines(words: Tokenizer) -> None:
    given = lesson(4, Encoding(words), num_queries=20)
    (newline,) = words.encode("\n", add_special_tokens=False).ids
    assert len(given.fact_rows_F) == len(given.wanted_F) > 10
    assert set(given.wanted_F.tolist()) == {0, 1}
    for row, end in zip(given.fact_rows_F, given.fact_ends_F, strict=True):
        assert given.ids_BT[row, end] == newline


def test_a_lesson_ends_where_an_assistant_decides_on_what_is_wanted(words: Tokenizer) -> None:
    given = lesson(4, Encoding(words), num_queries=40)
    (assistant,) = words.encode("<|assistant|>", add_special_tokens=False).ids
    assert set(given.speaks_B.tolist()) == {0, 1}
    for row, (end, speaks) in enumerate(zip(given.ends_B, given.speaks_B, strict=True)):
        assert given.ids_BT[row, end] == assistant
        wanted_F = given.wanted_F[given.fact_rows_F == row]
        assert speaks or not wanted_F.any()
