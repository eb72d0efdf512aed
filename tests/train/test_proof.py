from tokenizers import Tokenizer

from onlooker.train.network import Shape, new_network
from onlooker.train.proof import blind_timing, figures, held_out, rolled_out, timing_by_family


def test_a_model_is_scored_on_held_out_streams_beside_players_that_never_look(
    words: Tokenizer,
) -> None:
    streams = held_out(("chat", "quiet"), 1)
    assert {stream.split for stream in streams} == {"heldout"}
    network = new_network(Shape(64, 1, 2, 1, 32, 128), words.get_vocab_size(), seed=0)
    silent = rolled_out(network, words, streams, bias=-1e6)
    assert figures(silent)["timing_f1"] == 0
    assert timing_by_family(silent)["quiet"] == 1
    assert {"silence", "always", "clock"} <= set(blind_timing(streams))
