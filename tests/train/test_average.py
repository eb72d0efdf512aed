from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from onlooker.train.average import average
from onlooker.train.network import SHAPES, BadModel, load_model, new_network
from onlooker.train.sft import save_model


def written(folder: Path, words: Tokenizer, seed: int, shape: str = "tiny") -> Path:
    folder.mkdir()
    save_model(new_network(SHAPES[shape], words.get_vocab_size(), seed), words, folder)
    return folder


def test_the_mean_of_two_models_lies_between_them(words: Tokenizer, tmp_path: Path) -> None:
    folders = [written(tmp_path / str(seed), words, seed) for seed in (1, 2)]
    average(folders, tmp_path / "mean")
    one, other, mean = (load_model(folder)[0] for folder in (*folders, tmp_path / "mean"))
    for name, weights in mean.named_parameters():
        middle = (one.get_parameter(name) + other.get_parameter(name)) / 2
        assert torch.allclose(weights, middle, atol=1e-3)  # half precision


def test_models_of_other_shapes_have_no_mean(words: Tokenizer, tmp_path: Path) -> None:
    folders = [written(tmp_path / shape, words, 1, shape) for shape in ("tiny", "nano")]
    with pytest.raises(BadModel, match="no mean"):
        average(folders, tmp_path / "mean")
