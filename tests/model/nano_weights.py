"""A nano of random weights and a tokenizer that knows the world's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from onlooker.core.decision import DELEGATION, RESPONSE, SILENCE
from onlooker.core.prompt import Prompt
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.model.render import COMPACT, segments

MARKS = [SILENCE, RESPONSE, DELEGATION, *COMPACT.opens.values(), COMPACT.close]
CONFIG: dict[str, Any] = {
    "model_type": "qwen3",
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 48,
    "vocab_size": 512,
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
    "hidden_act": "silu",
    "tie_word_embeddings": True,
}


def write_nano(folder: Path, seed: int = 0, dtype: str = "F32", **changes: Any) -> Path:
    """Write a folder as training does, with `changes` to the configuration."""
    config = {**CONFIG, **changes}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(tokenizer())
    write_tensors(folder / "model.safetensors", tensors(config, seed), dtype)
    return folder


def tensors(config: Mapping[str, Any], seed: int) -> dict[str, npt.NDArray[np.float32]]:
    """Draw weights large enough that wrong ones would show."""
    rng = np.random.default_rng(seed)
    hidden, mlp, head = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    num_q = config["num_attention_heads"] * head
    num_kv = config["num_key_value_heads"] * head
    sizes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (config["vocab_size"], hidden),
        "model.norm.weight": (hidden,),
    }
    if not config["tie_word_embeddings"]:
        sizes["lm_head.weight"] = (config["vocab_size"], hidden)
    for index in range(config["num_hidden_layers"]):
        own = f"model.layers.{index}"
        sizes |= {
            f"{own}.self_attn.q_proj.weight": (num_q, hidden),
            f"{own}.self_attn.k_proj.weight": (num_kv, hidden),
            f"{own}.self_attn.v_proj.weight": (num_kv, hidden),
            f"{own}.self_attn.o_proj.weight": (hidden, num_q),
            f"{own}.self_attn.q_norm.weight": (head,),
            f"{own}.self_attn.k_norm.weight": (head,),
            f"{own}.mlp.gate_proj.weight": (mlp, hidden),
            f"{own}.mlp.up_proj.weight": (mlp, hidden),
            f"{own}.mlp.down_proj.weight": (hidden, mlp),
            f"{own}.input_layernorm.weight": (hidden,),
            f"{own}.post_attention_layernorm.weight": (hidden,),
        }
    return {
        name: (rng.normal(1, 0.2, size) if len(size) == 1 else rng.normal(0, 0.2, size)).astype(
            np.float32
        )
        for name, size in sizes.items()
    }


def write_tensors(path: Path, found: Mapping[str, npt.NDArray[np.float32]], dtype: str) -> None:
    """Write a safetensors file by its specification."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, tensor in found.items():
        if dtype == "BF16":
            data = (tensor.view(np.uint32) >> 16).astype("<u2").tobytes()
        else:
            data = tensor.astype("<f4" if dtype == "F32" else "<f2").tobytes()
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": dtype, "shape": tensor.shape, "data_offsets": offsets}
        body += data
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


@cache
def tokenizer() -> str:
    """Train a byte-level tokenizer on a few streams of the world."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=CONFIG["vocab_size"],
        special_tokens=MARKS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    streams = [
        make_stream(Recipe(family, "train", 0, 0)) for family in ("several", "delegation", "text")
    ]
    texts = [
        piece.text for one in streams for piece in segments(Prompt(one.persona, one.turns), COMPACT)
    ]
    made.train_from_iterator(texts, trainer)
    text: str = made.to_str()
    return text
