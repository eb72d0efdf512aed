"""What each token of a decision weighs in the loss.

`L = -(1/|A|) sum w_j log p_j` over the assistant's tokens A (arXiv 2606.14777). The presets are
published ways to keep a model from falling silent, or from chattering; where a preset makes
silence light, the first one after speech keeps its weight, since it is what stops repetition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from onlooker.core.errors import OnlookerError
from onlooker.model.render import Worth

BETA = 0.9999  # effective number of samples, arXiv 1901.05555
GAMMA = 2.0  # focal loss, arXiv 1708.02002
KEPT_SHARE = 0.1  # of repeated silences, ProAssist, arXiv 2506.05904

Weigh = Callable[[Tensor, Tensor], Tensor]
"""Worths and log-probabilities of the right tokens, both [N], to weights [N]."""


class UnknownPreset(OnlookerError, ValueError):
    """No preset of loss weights has this name."""


def weighted_loss(log_probs_N: Tensor, worths_N: Tensor, weigh: Weigh) -> Tensor:
    """Give the loss of the tokens of a batch that are learned.

    Args:
        log_probs_N: of the right tokens.
        worths_N: what each token is, as `Worth`; `CONTEXT` is not learned.
        weigh: a preset.
    """
    learned = worths_N != Worth.CONTEXT
    log_probs_N, worths_N = log_probs_N[learned], worths_N[learned]
    weights_N = weigh(worths_N, log_probs_N.detach())
    return -(weights_N * log_probs_N).sum() / max(1, len(worths_N))


def preset(name: str) -> Weigh:
    """Find a preset.

    Raises:
        UnknownPreset: there is none of this name.
    """
    if name not in PRESETS:
        raise UnknownPreset(f"loss preset {name!r} is not known; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def _fixed(**weights: float) -> Weigh:
    """Weigh by what a token is; what is not named weighs 1."""
    table = torch.ones(len(Worth))
    for name, weight in weights.items():
        table[Worth[name.upper()]] = weight

    def weigh(worths_N: Tensor, log_probs_N: Tensor) -> Tensor:
        return table.to(log_probs_N.device)[worths_N]

    return weigh


def _keep10(worths_N: Tensor, log_probs_N: Tensor) -> Tensor:
    repeated = worths_N == Worth.REPEATED_SILENCE
    dropped = repeated & (torch.rand_like(log_probs_N) > KEPT_SHARE)
    return torch.where(dropped, 0.0, torch.ones_like(log_probs_N))


def _silent_1_over_n(worths_N: Tensor, log_probs_N: Tensor) -> Tensor:
    """Let all repeated silences of a batch weigh as much as its responses."""
    repeated = worths_N == Worth.REPEATED_SILENCE
    num_spoken = (worths_N == Worth.RESPONSE).sum().clamp(min=1)
    weight = (num_spoken / repeated.sum().clamp(min=1)).clamp(max=1.0)
    return torch.where(repeated, weight, torch.ones_like(log_probs_N))


def _class_balanced(worths_N: Tensor, log_probs_N: Tensor) -> Tensor:
    """Weigh the three markers by their effective numbers, their sum unchanged."""
    weights_N = torch.ones_like(log_probs_N)
    kinds = (
        (worths_N == Worth.FIRST_SILENCE) | (worths_N == Worth.REPEATED_SILENCE),
        worths_N == Worth.RESPONSE,
        worths_N == Worth.DELEGATION,
    )
    markers = kinds[0] | kinds[1] | kinds[2]
    for kind in kinds:
        if num := int(kind.sum()):
            weights_N[kind] = (1 - BETA) / (1 - BETA**num)
    weights_N[markers] *= markers.sum() / weights_N[markers].sum()
    return _first_silence_whole(worths_N, weights_N)


def _focal_inverse(worths_N: Tensor, log_probs_N: Tensor) -> Tensor:
    """Focal, times the inverse frequency of silence and speech."""
    focal_N = (1 - log_probs_N.exp()) ** GAMMA
    return _first_silence_whole(worths_N, focal_N * _silent_1_over_n(worths_N, log_probs_N))


def _first_silence_whole(worths_N: Tensor, weights_N: Tensor) -> Tensor:
    return torch.where(worths_N == Worth.FIRST_SILENCE, weights_N.clamp(min=1.0), weights_N)


PRESETS: Mapping[str, Weigh] = MappingProxyType({
    "ce": _fixed(),
    "joyai": _fixed(repeated_silence=0.4, response=1.5),
    "harness": _fixed(repeated_silence=0.8, response=1.5),
    "keep10": _keep10,
    "silent_1_over_n": _silent_1_over_n,
    "class_balanced": _class_balanced,
    "focal_inverse": _focal_inverse,
    "transition": _fixed(first_silence=5.0, response=5.0, delegation=5.0),
})  # fmt: skip
