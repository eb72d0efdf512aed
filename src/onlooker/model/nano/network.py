"""The network in numpy, with a cache of what it has read.

N = tokens read now, T = tokens read so far with them; for the others see checkpoint.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from threadpoolctl import ThreadpoolController

from onlooker.model.nano.checkpoint import Floats, Layer, Weights

MAX_TOKENS = 128  # read at once: bounds scratch memory, and how soon a cancelled call ends


class Network:
    """Weights that run on one thread, for any number of caches."""

    def __init__(self, weights: Weights) -> None:
        shape = weights.shape
        self.weights = weights
        # Two numerical libraries with two threads each on two busy cores slow down manyfold.
        ThreadpoolController().limit(limits=1, user_api="blas")
        half_D = np.arange(0, shape.head, 2) / shape.head
        angle_TD = np.arange(shape.context)[:, None] / shape.rope_theta**half_D
        cos, sin = np.cos(angle_TD), np.sin(angle_TD)
        self._cos_T1D: Floats = np.concatenate([cos, cos], -1).astype(np.float32)[:, None]
        self._sin_T1D: Floats = np.concatenate([-sin, sin], -1).astype(np.float32)[:, None]

    def read(self, cache: Cache, ids: Sequence[int]) -> Floats:
        """Append tokens to a cache and give the logits of what comes after the last, as (V,).

        Raises:
            ValueError: there are none, or more than can be read at once or fit.
        """
        shape, begin = self.weights.shape, cache.num_tokens
        if not 0 < len(ids) <= min(MAX_TOKENS, shape.context - begin):
            raise ValueError(
                f"{len(ids)} tokens after {begin}; expected 1 to {MAX_TOKENS}, and "
                f"{shape.context} together"
            )
        x_NH = self.weights.embedding_VH[np.asarray(ids)]
        after_NN = np.triu(np.full((len(ids), len(ids)), -np.inf, np.float32), 1)
        for index, layer in enumerate(self.weights.layers):
            normed_NH = _normed(x_NH, layer.attention_norm_H, shape.norm_epsilon)
            qkv = (normed_NH @ layer.qkv_HX).reshape(len(ids), -1, shape.head)
            num_qk = shape.num_heads + shape.num_kv_heads
            qk_NXD = _normed(qkv[:, :num_qk], layer.qk_norm_XD, shape.norm_epsilon)
            qk_NXD = self._rotated(qk_NXD, begin)
            cache.put(index, qk_NXD[:, shape.num_heads :], qkv[:, num_qk:])
            seen_NX = self._attended(cache, index, qk_NXD[:, : shape.num_heads], after_NN)
            x_NH = x_NH + seen_NX @ layer.out_XH
            x_NH = x_NH + _mlp(x_NH, layer, shape.norm_epsilon)
        cache.ids += ids
        last_H = _normed(x_NH[-1], self.weights.norm_H, shape.norm_epsilon)
        return np.asarray(last_H @ self.weights.logits_HV, np.float32)

    def _rotated(self, x_NXD: Floats, begin: int) -> Floats:
        end, half = begin + len(x_NXD), x_NXD.shape[-1] // 2
        turned_NXD = np.concatenate([x_NXD[..., half:], x_NXD[..., :half]], -1)
        cos_N1D, sin_N1D = self._cos_T1D[begin:end], self._sin_T1D[begin:end]
        return np.asarray(x_NXD * cos_N1D + turned_NXD * sin_N1D, np.float32)

    def _attended(self, cache: Cache, index: int, q_NQD: Floats, after_NN: Floats) -> Floats:
        shape, num_now = self.weights.shape, len(q_NQD)
        group, end = shape.num_heads // shape.num_kv_heads, cache.num_tokens + num_now
        out_NQD = np.empty_like(q_NQD)
        for kv in range(shape.num_kv_heads):
            heads = slice(kv * group, (kv + 1) * group)
            q_XD = q_NQD[:, heads].reshape(num_now * group, shape.head)
            scores_XT = q_XD @ cache.keys_LKDT[index, kv, :, :end]
            scores_XT.reshape(num_now, group, end)[:, :, cache.num_tokens :] += after_NN[:, None]
            scores_XT -= scores_XT.max(-1, keepdims=True)
            np.exp(scores_XT, out=scores_XT)
            mixed_XD = scores_XT @ cache.values_LKTD[index, kv, :end]
            mixed_XD /= scores_XT.sum(-1, keepdims=True)
            out_NQD[:, heads] = mixed_XD.reshape(num_now, group, shape.head)
        return out_NQD.reshape(num_now, -1)


class Cache:
    """What a network has read in one session: keys and values, and the tokens they stand for.

    It takes its whole room at once; the system gives memory as it fills.
    """

    def __init__(self, weights: Weights) -> None:
        shape = weights.shape
        self.ids: list[int] = []
        heads = (shape.num_layers, shape.num_kv_heads)
        self.keys_LKDT = np.zeros((*heads, shape.head, shape.context), np.float32)
        self.values_LKTD = np.zeros((*heads, shape.context, shape.head), np.float32)

    @property
    def num_tokens(self) -> int:
        return len(self.ids)

    def put(self, layer: int, keys_NKD: Floats, values_NKD: Floats) -> None:
        """Write keys and values behind what is there; they count when `ids` has grown."""
        begin, end = self.num_tokens, self.num_tokens + len(keys_NKD)
        self.keys_LKDT[layer, :, :, begin:end] = keys_NKD.transpose(1, 2, 0)
        self.values_LKTD[layer, :, begin:end] = values_NKD.transpose(1, 0, 2)

    def keep(self, ids: Sequence[int]) -> int:
        """Forget what does not begin `ids`, and at least the last; say how much is left."""
        pairs = zip(self.ids, ids[:-1], strict=False)
        same = next((at for at, (was, now) in enumerate(pairs) if was != now), None)
        num_kept = min(len(self.ids), len(ids) - 1) if same is None else same
        del self.ids[num_kept:]
        return num_kept


def _normed(x_H: Floats, weight_H: Floats, epsilon: float) -> Floats:
    """Scale to a mean square of 1 along the last axis, then by the weight."""
    mean_square = np.einsum("...h,...h->...", x_H, x_H) / np.float32(x_H.shape[-1])
    scale = 1 / np.sqrt(mean_square + np.float32(epsilon))
    return np.asarray(x_H * scale[..., None] * weight_H, np.float32)


def _mlp(x_NH: Floats, layer: Layer, epsilon: float) -> Floats:
    both_NX = _normed(x_NH, layer.mlp_norm_H, epsilon) @ layer.gate_up_HX
    gate_NI, up_NI = np.split(both_NX, 2, -1)
    # Far below 0 the exponential overflows to infinity, and the gate is 0, as it should be.
    with np.errstate(over="ignore"):
        open_NI = gate_NI * up_NI / (1 + np.exp(-gate_NI))
    return np.asarray(open_NI @ layer.down_IH, np.float32)
