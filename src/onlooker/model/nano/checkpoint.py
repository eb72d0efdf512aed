"""Weights from a folder as Hugging Face writes it: config.json and model.safetensors.

Read by hand, so that running the model needs neither torch nor transformers. V = vocabulary,
H = hidden size, Q = query heads, K = key and value heads, D = size of a head, I = size of the MLP.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from onlooker.core.errors import BadSettings

MAX_CONTEXT = 3072  # as long as the windows of training
MAX_HEADER_BYTES = 2**20
MAX_FILE_BYTES = 2**30

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a network."""

    num_layers: int
    hidden: int
    num_heads: int
    num_kv_heads: int
    head: int
    mlp: int
    vocabulary: int
    context: int  # tokens that it has before it at most
    rope_theta: float
    norm_epsilon: float


@dataclass(frozen=True, slots=True)
class Layer:
    """One block. What is multiplied with the same input lies side by side."""

    attention_norm_H: Floats
    qkv_HX: Floats  # X = (Q + 2 K) D
    qk_norm_XD: Floats  # X = Q + K; the queries' part also scales the scores
    out_XH: Floats  # X = Q D
    mlp_norm_H: Floats
    gate_up_HX: Floats  # X = 2 I
    down_IH: Floats


@dataclass(frozen=True, slots=True)
class Weights:
    """A network, ready to run. Never written to: all sessions share it."""

    shape: Shape
    embedding_VH: Floats
    layers: tuple[Layer, ...]
    norm_H: Floats
    logits_HV: Floats


def read_weights(folder: Path, max_context: int = MAX_CONTEXT) -> Weights:
    """Read a folder of weights.

    Args:
        folder: where they are.
        max_context: tokens, whatever the configuration allows beyond them.

    Raises:
        BadSettings: something is missing, damaged, or of another family than Qwen3.
    """
    shape = _shape(folder / "config.json", max_context)
    tensors = read_tensors(folder / "model.safetensors")

    def take(name: str, *sizes: int) -> Floats:
        tensor = tensors.get(name)
        if tensor is None or tensor.shape != sizes:
            found = "is not there" if tensor is None else f"has the shape {tensor.shape}"
            raise BadSettings(f"{folder}: {name} {found}, expected {sizes}: copy the folder again")
        return tensor

    embedding_VH = take("model.embed_tokens.weight", shape.vocabulary, shape.hidden)
    is_tied = "lm_head.weight" not in tensors
    head_VH = embedding_VH if is_tied else take("lm_head.weight", shape.vocabulary, shape.hidden)
    return Weights(
        shape=shape,
        embedding_VH=embedding_VH,
        layers=tuple(_layer(index, shape, take) for index in range(shape.num_layers)),
        norm_H=take("model.norm.weight", shape.hidden),
        logits_HV=np.ascontiguousarray(head_VH.T),
    )


def read_tensors(path: Path) -> dict[str, Floats]:
    """Read a safetensors file as float32, whatever floats it holds.

    Raises:
        BadSettings: it is not there, or no such file.

    Source: the format's specification, github.com/huggingface/safetensors.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadSettings(f"{path} has more than {MAX_FILE_BYTES} bytes: it is no small model")
        data = path.read_bytes()
        num_header = int.from_bytes(data[:8], "little")
        if num_header > MAX_HEADER_BYTES:
            raise ValueError("its header is too long")
        header = json.loads(data[8 : 8 + num_header])
        header.pop("__metadata__", None)
        body = memoryview(data)[8 + num_header :]
        return {name: _tensor(entry, body) for name, entry in header.items()}
    except OSError as error:
        raise BadSettings(f"the weights {path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadSettings(f"{path} is no safetensors file that can be read: {error}") from None


def _tensor(entry: Mapping[str, Any], body: memoryview) -> Floats:
    begin, end = entry["data_offsets"]
    data, kind = body[begin:end], entry["dtype"]
    if kind == "BF16":
        # The upper half of a float32.
        wide = np.frombuffer(data, "<u2").astype(np.uint32) << 16
        return wide.view(np.float32).reshape(entry["shape"])
    if kind not in ("F32", "F16"):
        raise ValueError(f"it holds {kind}, expected F32, F16 or BF16")
    floats = np.frombuffer(data, "<f4" if kind == "F32" else "<f2")
    return floats.astype(np.float32).reshape(entry["shape"])


def _shape(path: Path, max_context: int) -> Shape:
    try:
        config = json.loads(path.read_text("utf-8"))
        rope = config.get("rope_parameters") or {}
        refusal = _refusal(config, rope)
        shape = Shape(
            num_layers=int(config["num_hidden_layers"]),
            hidden=int(config["hidden_size"]),
            num_heads=int(config["num_attention_heads"]),
            num_kv_heads=int(config["num_key_value_heads"]),
            head=int(config["head_dim"]),
            mlp=int(config["intermediate_size"]),
            vocabulary=int(config["vocab_size"]),
            context=min(max_context, int(config["max_position_embeddings"])),
            rope_theta=float(rope.get("rope_theta") or config["rope_theta"]),
            norm_epsilon=float(config["rms_norm_eps"]),
        )
    except OSError as error:
        raise BadSettings(
            f"{path} cannot be read: {error.strerror}; name a folder of weights as "
            f"model.nano.weights, or install onlooker again"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSettings(f"{path} is no configuration of a Qwen3 model: {error!r}") from None
    if refusal or shape.num_heads % shape.num_kv_heads:
        raise BadSettings(f"{path}: {refusal or 'heads do not share keys evenly'}: not run here")
    return shape


def _refusal(config: Mapping[str, Any], rope: Mapping[str, Any]) -> str:
    """Say what the network would need that is not run here; mostly nothing."""
    if config["model_type"] != "qwen3":
        return f"model_type is {config['model_type']!r}, expected 'qwen3'"
    if config.get("hidden_act", "silu") != "silu" or config.get("attention_bias"):
        return "another activation than silu, or a bias"
    if rope.get("rope_type", "default") != "default" or config.get("rope_scaling"):
        return "rotary positions are scaled"
    return "attention slides" if config.get("use_sliding_window") else ""


def _layer(index: int, shape: Shape, take: Callable[..., Floats]) -> Layer:
    own = f"model.layers.{index}"
    hidden, mlp, head = shape.hidden, shape.mlp, shape.head
    num_q, num_kv = shape.num_heads * head, shape.num_kv_heads * head
    projections = [
        take(f"{own}.self_attn.{name}_proj.weight", size, hidden)
        for name, size in (("q", num_q), ("k", num_kv), ("v", num_kv))
    ]
    gate_up = [take(f"{own}.mlp.{name}_proj.weight", mlp, hidden) for name in ("gate", "up")]
    # Scores are divided by the root of the head's size: here once, in the queries' norm.
    q_norm_D = take(f"{own}.self_attn.q_norm.weight", head) * np.float32(head**-0.5)
    k_norm_D = take(f"{own}.self_attn.k_norm.weight", head)
    norms = [q_norm_D] * shape.num_heads + [k_norm_D] * shape.num_kv_heads
    return Layer(
        attention_norm_H=take(f"{own}.input_layernorm.weight", hidden),
        qkv_HX=np.ascontiguousarray(np.concatenate(projections).T),
        qk_norm_XD=np.stack(norms),
        out_XH=np.ascontiguousarray(take(f"{own}.self_attn.o_proj.weight", hidden, num_q).T),
        mlp_norm_H=take(f"{own}.post_attention_layernorm.weight", hidden),
        gate_up_HX=np.ascontiguousarray(np.concatenate(gate_up).T),
        down_IH=np.ascontiguousarray(take(f"{own}.mlp.down_proj.weight", hidden, mlp).T),
    )
