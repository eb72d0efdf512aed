from random import Random

import pytest
from tokenizers import Tokenizer

from onlooker.core.decision import Silent
from onlooker.core.percept import Scene
from onlooker.core.prompt import Turn
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.data.world.families import FAMILIES
from onlooker.train.examples import ALL_NEWS, Batches, Encoding, thinned, world


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_skipped_was_neither_said_nor_asked_nor_news_where_all_news_count(
    family: str,
) -> None:
    stream = make_stream(Recipe(family, number=3))
    kept = {turn.tick.index for seed in range(3) for turn in _thin(family, seed)}
    for turn in stream.turns:
        if turn.tick.index in kept:
            continue
        assert isinstance(turn.decision, Silent)
        assert (turn.heard, turn.instructed, turn.answers) == ((), (), ())
        views = [view for one in turn.percepts if isinstance(one, Scene) for view in one.views]
        if family in ALL_NEWS:
            assert not any(view.entered or view.left for view in views)


@pytest.mark.parametrize("family", ["commentary", "memory", "change"])
def test_a_stream_that_is_cut_speaks_in_its_first_second_only_if_it_is_asked_there(
    family: str,
) -> None:
    stream_of = world((family,), "train", 0)
    firsts = [stream_of(number).turns[0] for number in range(60)]
    assert all(isinstance(turn.decision, Silent) or turn.heard for turn in firsts)


def _thin(family: str, seed: int) -> tuple[Turn, ...]:
    stream = make_stream(Recipe(family, number=3))
    return thinned(stream, Random(seed)).turns  # noqa: S311 - a world, no secret


def test_a_batch_of_a_number_is_the_same_and_no_pool_repeats_one(words: Tokenizer) -> None:
    def batches() -> Batches:
        return Batches(world(tuple(FAMILIES), "train", 0), Encoding(words), 8192)

    made = batches()
    pool = [made[number] for number in range(Batches.PER_POOL)]
    assert len({id(one) for one in pool}) == Batches.PER_POOL
    assert batches()[5].ids_BT.equal(pool[5].ids_BT)
    assert all(one.ids_BT.shape[1] % 64 == 0 for one in pool)
