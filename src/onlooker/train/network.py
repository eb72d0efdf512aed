"""The network of our own models: the architecture of Qwen3, in miniature, from scratch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from transformers import Qwen3Config, Qwen3ForCausalLM
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from onlooker.core.errors import OnlookerError

WEIGHTS_FILE = "model.safetensors"


class BadModel(OnlookerError, ValueError):
    """A folder holds no model of ours."""


ROPE_THETA = 10_000.0
ATTENTION = "halved"


def _halved(
    module: torch.nn.Module,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor | None,
    scaling: float | None = None,
    **_ignored: object,
) -> tuple[Tensor, None]:
    """Attend in half precision under autocast, whatever precision norms and rotations gave."""
    kind = queries.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else queries.dtype
    repeats = queries.shape[1] // keys.shape[1]
    if repeats > 1:
        keys, values = (one.repeat_interleave(repeats, dim=1) for one in (keys, values))
    seen = functional.scaled_dot_product_attention(
        queries.to(dtype), keys.to(dtype), values.to(dtype), is_causal=True, scale=scaling
    )
    return seen.transpose(1, 2).contiguous(), None


ALL_ATTENTION_FUNCTIONS.register(ATTENTION, _halved)


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a network is."""

    hidden: int = 256
    layers: int = 8
    heads: int = 4
    kv_heads: int = 2  # few and wide: what is not a matrix product costs most on a processor
    head_dim: int = 64
    inner: int = 768

    def config(self, num_tokens: int) -> Qwen3Config:
        config = Qwen3Config(
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
        config._attn_implementation = ATTENTION  # noqa: SLF001 - not stored with the shape
        return config


SHAPES = {
    "tiny": Shape(hidden=128, layers=4, heads=2, inner=352),
    "nano": Shape(),
    "large": Shape(hidden=384, layers=8, heads=6, inner=1024),
}


def use_threads(num_threads: int) -> None:
    """Let all that is computed from now on use so many threads."""
    torch.set_num_threads(num_threads)


def best_device() -> str:
    """Name the device that trains soonest: a graphics card if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def halved(network: torch.nn.Module) -> torch.autocast:
    """Compute in bfloat16 where that does no harm, on the device of a network."""
    return torch.autocast(next(network.parameters()).device.type, torch.bfloat16)


def new_network(shape: Shape, num_tokens: int, seed: int) -> Qwen3ForCausalLM:
    """Make a network with random weights; the same seed gives the same ones."""
    torch.manual_seed(seed)
    return Qwen3ForCausalLM(shape.config(num_tokens))


HiddenOf = Callable[[Tensor], Tensor]
"""Token ids [B, T] to what the last layer makes of them [B, T, D]."""


def hidden_of(network: Qwen3ForCausalLM, *, is_compiled: bool = False) -> HiddenOf:
    """Give the network without its last product.

    Compiled, steps are some 30 % shorter; it takes a minute, and a C++ compiler: without one, or
    on a system where it fails, the network is used as it is.
    """
    model: Callable[..., Any] = network.model
    if is_compiled and (shutil.which("g++") or shutil.which("clang++")):
        torch._dynamo.config.suppress_errors = True  # noqa: SLF001 - its documented switch
        model = torch.compile(network.model, dynamic=True)

    def hidden(ids_BT: Tensor) -> Tensor:
        found: Tensor = model(input_ids=ids_BT, use_cache=False).last_hidden_state
        return found

    return hidden


def log_probs_of(
    network: Qwen3ForCausalLM,
    ids_BT: Tensor,
    wanted_BT: Tensor,
    hidden: HiddenOf | None = None,
) -> Tensor:
    """Give the log-probabilities of the wanted tokens, each after all that stands before it.

    Args:
        network: ours.
        ids_BT: token ids.
        wanted_BT: true where a token's probability is wanted; never the first of a row.
        hidden: of `hidden_of`, if the network is compiled.

    Returns:
        log-probabilities in the order of `ids_BT[wanted_BT]`.
    """
    hidden_BTD = (hidden or hidden_of(network))(ids_BT)
    before_ND = hidden_BTD[:, :-1][wanted_BT[:, 1:]]
    logits_NV = network.lm_head(before_ND)
    return -functional.cross_entropy(logits_NV.float(), ids_BT[wanted_BT], reduction="none")


def load_model(folder: Path, device: str | None = None) -> tuple[Qwen3ForCausalLM, Tokenizer]:
    """Read a model as training writes it, and as it is run from.

    Args:
        folder: of the model.
        device: where it is put, such as `cpu` or `cuda`; None for the fastest that is there.

    Raises:
        BadModel: the folder holds none, or a broken one.
    """
    try:
        config = Qwen3Config.from_dict(json.loads((folder / "config.json").read_text()))
        config._attn_implementation = ATTENTION  # noqa: SLF001 - not stored with the shape
        network = Qwen3ForCausalLM(config)
        weights = {name: one.float() for name, one in load_file(folder / WEIGHTS_FILE).items()}
        left_out = network.load_state_dict(weights, strict=False)
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the readers' own kinds, tokenizers' among them a bare Exception
        raise BadModel(f"{folder} holds no model that can be read: {error}") from error
    if left_out.unexpected_keys or set(left_out.missing_keys) - {"lm_head.weight"}:
        raise BadModel(f"{folder}: weights and shape do not fit: {left_out}")
    network.tie_weights()
    network.to(device or best_device())  # type: ignore[arg-type]  # its decorator hides the types
    return network, tokenizer
