"""The network of our own models: the architecture of Qwen3, in miniature, from scratch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import Qwen3Config, Qwen3ForCausalLM

from onlooker.core.errors import OnlookerError

WEIGHTS_FILE = "model.safetensors"


class BadModel(OnlookerError, ValueError):
    """A folder holds no model of ours."""


ROPE_THETA = 10_000.0


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a network is."""

    hidden: int = 192
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 32
    inner: int = 576

    def config(self, num_tokens: int) -> Qwen3Config:
        return Qwen3Config(
            vocab_size=num_tokens,
            hidden_size=self.hidden,
            intermediate_size=self.inner,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.kv_heads,
            head_dim=self.head_dim,
            max_position_embeddings=8192,
            rope_parameters={"rope_type": "default", "rope_theta": ROPE_THETA},
            tie_word_embeddings=True,
            attention_dropout=0.0,
        )


SHAPES = {
    "tiny": Shape(hidden=128, layers=3, inner=352),
    "nano": Shape(),
    "large": Shape(hidden=384, layers=8, heads=6, head_dim=64, inner=1024),
}


def use_threads(num_threads: int) -> None:
    """Let all that is computed from now on use so many threads."""
    torch.set_num_threads(num_threads)


def new_network(shape: Shape, num_tokens: int, seed: int) -> Qwen3ForCausalLM:
    """Make a network with random weights; the same seed gives the same ones."""
    torch.manual_seed(seed)
    return Qwen3ForCausalLM(shape.config(num_tokens))


def log_probs_of(network: Qwen3ForCausalLM, ids_BT: Tensor, wanted_BT: Tensor) -> Tensor:
    """Give the log-probabilities of the wanted tokens, each after all that stands before it.

    Args:
        network: ours.
        ids_BT: token ids.
        wanted_BT: true where a token's probability is wanted; never the first of a row.

    Returns:
        log-probabilities in the order of `ids_BT[wanted_BT]`.
    """
    hidden_BTD = network.model(input_ids=ids_BT, use_cache=False).last_hidden_state
    before_ND = hidden_BTD[:, :-1][wanted_BT[:, 1:]]
    logits_NV = network.lm_head(before_ND).float()
    right_N = ids_BT[wanted_BT]
    log_probs_N: Tensor = logits_NV.gather(1, right_N[:, None])[:, 0] - logits_NV.logsumexp(dim=1)
    return log_probs_N


def load_model(folder: Path) -> tuple[Qwen3ForCausalLM, Tokenizer]:
    """Read a model as training writes it, and as it is run from.

    Raises:
        BadModel: the folder holds none, or a broken one.
    """
    try:
        config = Qwen3Config.from_dict(json.loads((folder / "config.json").read_text()))
        network = Qwen3ForCausalLM(config)
        weights = {name: one.float() for name, one in load_file(folder / WEIGHTS_FILE).items()}
        left_out = network.load_state_dict(weights, strict=False)
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the readers' own kinds, tokenizers' among them a bare Exception
        raise BadModel(f"{folder} holds no model that can be read: {error}") from error
    if left_out.unexpected_keys or set(left_out.missing_keys) - {"lm_head.weight"}:
        raise BadModel(f"{folder}: weights and shape do not fit: {left_out}")
    network.tie_weights()
    return network, tokenizer
