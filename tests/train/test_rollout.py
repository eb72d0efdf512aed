import torch
from tokenizers import Tokenizer

from onlooker.data.world.compose import Recipe, make_stream
from onlooker.model.render import Worth
from onlooker.train.examples import Encoding, windows_of
from onlooker.train.network import SHAPES, Shape, new_network
from onlooker.train.rollout import Cache, Rollouts, Sampling

SMALL = Shape(hidden=64, layers=1, heads=2, kv_heads=1, inner=128)


def test_reading_in_pieces_gives_what_transformers_gives_at_once(words: Tokenizer) -> None:
    network = new_network(SHAPES["tiny"], 300, seed=3)
    generator = torch.Generator().manual_seed(1)
    rows = [torch.randint(0, 300, (size,), generator=generator).tolist() for size in (23, 41)]
    cache = Cache(network, 2)
    with torch.no_grad():
        cache.read([0, 1], [rows[0][:10], rows[1][:30]])
        cache.read([1], [rows[1][30:33]])
        last_RD = cache.read([0, 1], [rows[0][10:], rows[1][33:]])
        for number, row in enumerate(rows):
            whole = network.model(input_ids=torch.tensor([row])).last_hidden_state[0, -1]
            assert torch.allclose(last_RD[number], whole, atol=0.06), "bfloat16 in the cache"


def test_a_rollout_reads_exactly_what_training_writes(words: Tokenizer) -> None:
    """A network that never speaks, on a stream in which nothing is due."""
    stream = make_stream(Recipe("quiet", number=2))
    assert stream.num_spoken == 0
    network = new_network(SMALL, words.get_vocab_size(), seed=0)
    rollout = Rollouts(network, words).run([stream], Sampling(bias=-1e6))[0]
    assert rollout.emissions == []
    taught = list(windows_of(stream, Encoding(words)))
    assert [one.ids for one in rollout.windows] == [one.ids for one in taught]


def test_rows_do_not_see_each_other_and_the_same_seed_says_the_same(words: Tokenizer) -> None:
    streams = [make_stream(Recipe("chat", number=number)) for number in (0, 1)]
    network = new_network(SMALL, words.get_vocab_size(), seed=0)
    rollouts = Rollouts(network, words)
    sampling = Sampling(temperature=1.0, bias=-2.5, seed=5)
    once, again = rollouts.run(streams, sampling), rollouts.run(streams, sampling)
    assert [one.emissions for one in once] == [one.emissions for one in again]
    assert any(one.emissions for one in once)
    greedy = Sampling(bias=-1.5)
    alone = [rollouts.run([stream], greedy)[0].windows for stream in streams]
    assert [one.windows for one in rollouts.run(streams, greedy)] == alone


def test_what_is_said_is_learned_and_what_is_read_is_not(words: Tokenizer) -> None:
    stream = make_stream(Recipe("chat", number=0))
    network = new_network(SMALL, words.get_vocab_size(), seed=0)
    window = Rollouts(network, words).run([stream], Sampling(bias=-1.5))[0].windows[0]
    marks = (Worth.FIRST_SILENCE, Worth.REPEATED_SILENCE, Worth.RESPONSE)
    decided = sum(window.worths.count(mark) for mark in marks)
    assert decided == min(len(stream.turns), 40)
