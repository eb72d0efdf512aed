"""A recipe becomes a run: its words, its batches, its network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from random import Random

from tokenizers import Tokenizer

from onlooker.data.windows import windows
from onlooker.data.world.families import FAMILIES
from onlooker.data.world.phrases import Phrases, templates
from onlooker.model.render import segments
from onlooker.train.examples import Batch, Batches, Encoding, world
from onlooker.train.network import SHAPES, best_device, load_model, new_network
from onlooker.train.recipe import TrainRecipe
from onlooker.train.sft import Sft, SftPlan
from onlooker.train.tokenizer import train_tokenizer

HELD_OUT_SEED = 1
REQUESTS_OF_A_TASK = 300


@dataclass(frozen=True, slots=True)
class Built:
    """A run that can begin, or go on."""

    run: Sft
    batches: Batches
    held_out: tuple[Batch, ...]


def build(
    recipe: TrainRecipe,
    folder: Path,
    start: Path | None = None,
    device: str | None = None,
    num_workers: int = 0,
) -> Built:
    """Set up the run of a recipe in a folder, or go on with the one that is there.

    Args:
        recipe: what is trained.
        folder: of the run.
        start: a folder whose weights and words are taken in place of new ones.
        device: of the network, such as `cpu` or `cuda`; None for the fastest that is there.
        num_workers: processes that make streams beside this one.

    Raises:
        BadModel: there is no model in `start`.
    """
    path = folder / "tokenizer.json"
    if start is not None:
        network, tokenizer = load_model(start, device)
    else:
        tokenizer = Tokenizer.from_file(str(path)) if path.exists() else words_of(recipe)
        network = new_network(SHAPES[recipe.shape], tokenizer.get_vocab_size(), recipe.seed)
        network.to(device or best_device())  # type: ignore[arg-type]  # as in `load_model`
    encoding = Encoding(tokenizer)
    data, steps = recipe.data, recipe.sft
    families = [family for family, times in data.families.items() for _ in range(times)]
    batches = Batches(world(families, "train", data.seed), encoding, data.batch_tokens)
    others = Batches(
        world(tuple(data.families), "heldout", HELD_OUT_SEED),
        encoding,
        min(8192, data.batch_tokens),
    )
    held_out = tuple(others[number] for number in range(data.held_out_batches))
    plan = SftPlan(
        num_steps=steps.num_steps,
        loss=steps.loss,
        context_weight=steps.context_weight,
        context_share=steps.context_share,
        reading_weight=steps.reading_weight,
        num_queries=data.queries,
        seed=data.seed,
        is_compiled=steps.is_compiled,
        learning_rate=steps.learning_rate,
        num_warmup=steps.num_warmup,
        decay_share=steps.decay_share,
        report_every=steps.report_every,
    )
    return Built(Sft(network, tokenizer, folder, plan, num_workers), batches, held_out)


def words_of(recipe: TrainRecipe) -> Tokenizer:
    """Train the tokenizer of a recipe."""
    words = recipe.words
    texts = chain(_texts(tuple(FAMILIES), words.num_streams, words.seed), _requests(words.seed))
    return train_tokenizer(texts, recipe.words.num_tokens)


def _texts(families: Sequence[str], num_streams: int, seed: int) -> Iterator[str]:
    stream_of = world(families, "train", seed)
    for number in range(num_streams):
        for window in windows(stream_of(number)):
            yield "".join(piece.text for piece in segments(window.prompt))


def _requests(seed: int) -> Iterator[str]:
    """Write many requests, so that the words of all of them are known."""
    phrases = Phrases("train", Random(seed))  # noqa: S311 - words, no secret
    for task in templates():
        for _ in range(REQUESTS_OF_A_TASK):
            yield f" {phrases.words(task)}\n"
