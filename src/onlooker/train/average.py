"""The mean of models that began as one: each errs elsewhere, their mean less often than either.

Source: model soups, arXiv 2203.05482.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from onlooker.train.network import BadModel, load_model
from onlooker.train.sft import save_model


@torch.no_grad()
def average(folders: Sequence[Path], out: Path) -> None:
    """Write the mean of the weights of some models, with the words of the first.

    Raises:
        BadModel: one cannot be read, or they differ in shape or words.
    """
    (network, tokenizer), *others = [load_model(folder, "cpu") for folder in folders]
    for folder, (other, words) in zip(folders[1:], others, strict=True):
        if (
            words.to_str() != tokenizer.to_str()
            or other.config.to_dict() != network.config.to_dict()
        ):
            raise BadModel(f"{folder} and {folders[0]} are of different words or shapes: no mean")
    for name, weights in network.named_parameters():
        found = [other.get_parameter(name) for other, _ in others]
        weights.copy_(torch.stack([weights.data, *found]).mean(dim=0))
    out.mkdir(parents=True, exist_ok=True)
    save_model(network, tokenizer, out)
