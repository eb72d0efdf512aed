from collections.abc import Iterator

import pytest
import torch
from tokenizers import Tokenizer

from onlooker.data.windows import windows
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.data.world.families import FAMILIES
from onlooker.model.render import segments
from onlooker.train.examples import WINDOW
from onlooker.train.tokenizer import train_tokenizer


@pytest.fixture(scope="session")
def words() -> Tokenizer:
    """Learned from one stream of each family."""
    return train_tokenizer(list(_texts()), 1400)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _texts() -> Iterator[str]:
    for family in FAMILIES:
        for window in windows(make_stream(Recipe(family)), WINDOW):
            yield "".join(piece.text for piece in segments(window.prompt))
