"""What a model is worth when it lives with its own decisions, beside players that never look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from tokenizers import Tokenizer
from transformers import Qwen3ForCausalLM

from onlooker.data.stream import LabelledStream
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.data.world.noise import CLEAN
from onlooker.data.world.words import Split
from onlooker.evaluate.blind import blind_scores
from onlooker.evaluate.prediction import Prediction
from onlooker.evaluate.score import Score, score
from onlooker.evaluate.summary import by_family, summarize
from onlooker.train.rollout import Rollouts, Sampling

PROOF_SEED = 47  # no training stream has it
AT_ONCE = {"cpu": 24, "cuda": 96}  # streams side by side

Figures = dict[str, float | None]


def held_out(
    families: Sequence[str], num_each: int, split: Split = "heldout", seed: int = PROOF_SEED
) -> list[LabelledStream]:
    """Make streams of phrasings, classes and seeds that training never has, without noise."""
    return [
        make_stream(Recipe(family, split, seed, number), CLEAN)
        for family in families
        for number in range(num_each)
    ]


def rolled_out(
    network: Qwen3ForCausalLM,
    tokenizer: Tokenizer,
    streams: Sequence[LabelledStream],
    bias: float = 0.0,
) -> list[Score]:
    """Score a model on streams, on its device, each second decided by itself and read back by it.

    `bias` is added to the log-odds of speaking.
    """
    rollouts = Rollouts(network, tokenizer)
    at_once = AT_ONCE.get(network.device.type, AT_ONCE["cpu"])
    scores = []
    for part in _parts(sorted(streams, key=lambda one: len(one.turns)), at_once):
        for one in rollouts.run(part, Sampling(bias=bias)):
            said = Prediction(one.stream.item, tuple(one.emissions))
            scores.append(score(one.stream.truth, said))
    return scores


def figures(scores: Sequence[Score]) -> Figures:
    """Give the numbers that matter."""
    metrics = summarize(scores, num_redrawn=1).metrics
    names = ("timing_f1", "content_accuracy", "false_alarms_per_quiet_hour")
    more = ("delegation_recall", "delegation_false_rate")
    return {name: metrics.get(name) for name in names + more}


def timing_by_family(scores: Sequence[Score]) -> dict[str, float | None]:
    return {
        family: one.metrics.get("timing_f1")
        for family, one in sorted(by_family(scores, num_redrawn=1).items())
    }


def blind_timing(streams: Sequence[LabelledStream]) -> dict[str, float | None]:
    """Give the timing F1 of each player that never looks."""
    found = blind_scores([one.truth for one in streams])
    return {player: figures(scores)["timing_f1"] for player, scores in found.items()}


def _parts(streams: Sequence[LabelledStream], size: int) -> Iterator[list[LabelledStream]]:
    left = iter(streams)
    while part := list(islice(left, size)):
        yield part
