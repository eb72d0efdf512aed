"""Many streams at once, each second decided by the model itself and read back by it.

Rows run side by side: R rows, C new tokens, T places of the cache, D of a head. A row reads its
new tokens at its own place, so that rows of different lengths share every matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from transformers import Qwen3ForCausalLM

from onlooker.core.decision import (
    RESPONSE,
    SILENCE,
    Decision,
    Delegate,
    Silent,
    Speak,
    parse_decision,
)
from onlooker.core.errors import MalformedDecision
from onlooker.core.prompt import Prompt, Turn, task_id_of
from onlooker.data.stream import LabelledStream
from onlooker.data.windows import notes
from onlooker.evaluate.prediction import Emission
from onlooker.live.context import Context
from onlooker.model.render import COMPACT, Renderer, Segment, Tokens, tokens
from onlooker.train.examples import MAX_TOKENS, WINDOW, Encoding, as_context
from onlooker.train.network import ROPE_THETA, halved
from onlooker.train.tokenizer import id_of

MAX_SAID = 48  # tokens of one decision
PLACES = MAX_TOKENS + 512


@dataclass(slots=True)
class Rollout:
    """What one row did. Each window is what a training step reads."""

    stream: LabelledStream
    emissions: list[Emission] = field(default_factory=list)
    windows: list[Tokens] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a decision is drawn. At temperature 0 it is the likelier one, shifted by the bias."""

    temperature: float = 0.0
    bias: float = 0.0  # added to the log-odds of speaking
    seed: int = 0


class Rollouts:
    """Runs streams through a network as it is now."""

    def __init__(self, network: Qwen3ForCausalLM, tokenizer: Tokenizer) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._encoding = Encoding(tokenizer)
        self._silence = id_of(tokenizer, SILENCE)
        self._response = id_of(tokenizer, RESPONSE)
        self._end = id_of(tokenizer, COMPACT.close)

    @torch.no_grad()
    def run(self, streams: Sequence[LabelledStream], sampling: Sampling) -> list[Rollout]:
        """Decide every second of every stream; the same seed draws the same decisions."""
        self._network.train(mode=False)
        device = self._network.device
        generator = torch.Generator(device).manual_seed(sampling.seed)
        rows = [_Row(stream, self._encoding) for stream in streams]
        cache = Cache(self._network, len(rows))
        for second in range(max(len(row.stream.turns) for row in rows)):
            active = [number for number, row in enumerate(rows) if second < len(row.stream.turns)]
            chunks = [rows[number].ask(second) for number in active]
            for number, (_, is_new) in zip(active, chunks, strict=True):
                if is_new:
                    cache.lengths_R[number] = 0
            last_RD = cache.read(active, [ids for ids, _ in chunks])
            with halved(self._network):
                logits_RV = self._network.lm_head(last_RD).float()
            odds_R = logits_RV[:, self._response] - logits_RV[:, self._silence] + sampling.bias
            if sampling.temperature:
                draw_R = torch.rand(len(active), generator=generator, device=device)
                speaks_R = torch.sigmoid(odds_R / sampling.temperature) > draw_R
            else:
                speaks_R = odds_R > 0
            speaking = [
                number for number, says in zip(active, speaks_R.tolist(), strict=True) if says
            ]
            said = self._say(cache, speaking, sampling, generator) if speaking else {}
            for number in active:
                rows[number].settle(said.get(number, Silent()))
        for row in rows:
            row.close()
        return [row.rollout for row in rows]

    def _say(
        self, cache: Cache, speaking: list[int], sampling: Sampling, generator: torch.Generator
    ) -> dict[int, Decision]:
        """Let some rows say what they say; their caches are left as they were before."""
        before_R = cache.lengths_R.clone()
        found: dict[int, list[int]] = {number: [self._response] for number in speaking}
        left = list(speaking)
        for _ in range(MAX_SAID):
            last_RD = cache.read(left, [found[number][-1:] for number in left])
            with halved(self._network):
                logits_RV = self._network.lm_head(last_RD).float()
            if sampling.temperature:
                shares_RV = (logits_RV / sampling.temperature).softmax(dim=1)
                next_R = torch.multinomial(shares_RV, 1, generator=generator)[:, 0]
            else:
                next_R = logits_RV.argmax(dim=1)
            for number, chosen in zip(left, next_R.tolist(), strict=True):
                found[number].append(chosen)
            left = [number for number in left if found[number][-1] != self._end]
            if not left:
                break
        cache.lengths_R.copy_(before_R)
        return {number: self._decision(ids) for number, ids in found.items()}

    def _decision(self, ids: list[int]) -> Decision:
        text = self._tokenizer.decode(
            [one for one in ids if one != self._end], skip_special_tokens=False
        )
        try:
            return parse_decision(text)
        except MalformedDecision:
            return Speak("...")  # what a session would have failed on: said, and wrong


class _Row:
    """One stream: its context, and what was written of it so far."""

    def __init__(self, stream: LabelledStream, encoding: Encoding) -> None:
        self.stream = stream
        self.rollout = Rollout(stream)
        self._encoding = encoding
        self._context = Context(replace(WINDOW, persona=stream.persona))
        self._renderer = Renderer()
        self._memory = stream.memory
        self._window: list[Turn] = []
        self._written = Tokens((), ())
        self._unread: list[int] = []
        self._asked: set[str] = set()

    def ask(self, second: int) -> tuple[list[int], bool]:
        """Give the ids to read before a second is decided, and whether they open a window."""
        turn = self._heard(self.stream.turns[second])
        prompt = self._context.ask(turn)
        is_new = len(prompt.turns) <= len(self._window) or not self._window
        if is_new:
            self.close()
            num_gone = len(self._window) + 1 - len(prompt.turns)
            self._memory = (*self._memory, *notes(self._window[:num_gone]))
            self._begin(replace(prompt, memory=self._memory))
        else:
            self._write(self._renderer.ask(prompt.now))
        self._window = [*prompt.turns]
        unread, self._unread = self._unread, []
        return unread, is_new

    def settle(self, decision: Decision) -> None:
        """Write what was decided."""
        turn = self._window[-1]
        self._window[-1] = replace(turn, decision=decision)
        self._context.settle(decision)
        self._write(self._renderer.settle(decision))
        match decision:
            case Speak(text):
                self.rollout.emissions.append(Emission(turn.tick.end_s, text))
            case Delegate(text, question):
                self._asked.add(task_id_of(turn.tick.index))
                said = Emission(turn.tick.end_s, text, "delegate", question)
                self.rollout.emissions.append(said)

    def close(self) -> None:
        """End a window."""
        if self._written.ids:
            self.rollout.windows.append(self._written)
        self._written, self._unread = Tokens((), ()), []

    def _heard(self, turn: Turn) -> Turn:
        """Leave out the answers to what was never asked."""
        answers = tuple(one for one in turn.answers if one.task_id in self._asked)
        return replace(turn, answers=answers, decision=None)

    def _begin(self, prompt: Prompt) -> None:
        self._renderer = Renderer()
        self._write(self._renderer.begin(prompt))
        for turn in prompt.turns[:-1]:
            self._write(self._renderer.ask(turn))
            assert turn.decision is not None  # noqa: S101 - only the last is to be decided
            self._write(as_context(self._renderer.settle(turn.decision)))
        self._write(self._renderer.ask(prompt.now))

    def _write(self, pieces: Sequence[Segment]) -> None:
        found = tokens(pieces, self._encoding)
        self._written += found
        self._unread += found.ids


class Cache:
    """Keys and values of all rows, and the network's layers read through it.

    The same numbers as transformers' own forward pass; a test compares them.
    """

    def __init__(self, network: Qwen3ForCausalLM, num_rows: int) -> None:
        first = network.model.layers[0].self_attn
        self._network = network
        self._head_dim: int = first.head_dim
        num_heads = first.k_proj.out_features // self._head_dim
        shape = (len(network.model.layers), num_rows, num_heads, PLACES, self._head_dim)
        self._device = device = network.device
        self._keys = torch.zeros(shape, dtype=torch.bfloat16, device=device)
        self._values = torch.zeros(shape, dtype=torch.bfloat16, device=device)
        self.lengths_R = torch.zeros(num_rows, dtype=torch.int64, device=device)
        steps = torch.arange(0, self._head_dim, 2, dtype=torch.float32) / self._head_dim
        angles = torch.arange(PLACES)[:, None] * ROPE_THETA**-steps
        angles_TD = torch.cat([angles, angles], dim=1).to(device)
        self._cos_TD, self._sin_TD = angles_TD.cos(), angles_TD.sin()

    def read(self, rows: Sequence[int], chunks: Sequence[Sequence[int]]) -> Tensor:
        """Append new tokens to some rows; give the last hidden state of each, [R, hidden]."""
        longest = max(map(len, chunks))
        device = self._device
        rows_R = torch.tensor(rows, device=device)
        sizes_R = torch.tensor([len(chunk) for chunk in chunks], device=device)
        ids_RC = torch.zeros((len(rows), longest), dtype=torch.int64)
        for number, chunk in enumerate(chunks):
            ids_RC[number, : len(chunk)] = torch.tensor(chunk)
        ids_RC = ids_RC.to(device)
        starts_R = self.lengths_R[rows_R]
        places_RC = (starts_R[:, None] + torch.arange(longest, device=device)).clamp(max=PLACES - 1)
        num_places = int((starts_R + sizes_R).max())
        hidden = self._network.model.embed_tokens(ids_RC)
        can_see = torch.arange(num_places, device=device) <= places_RC[:, None, :, None]
        for number, layer in enumerate(self._network.model.layers):
            normed = layer.input_layernorm(hidden)
            with halved(self._network):
                seen = self._attend(number, normed, rows_R, places_RC, can_see)
                hidden = hidden + seen
                hidden = hidden + layer.mlp(layer.post_attention_layernorm(hidden))
        self.lengths_R[rows_R] = starts_R + sizes_R
        hidden = self._network.model.norm(hidden)
        last_RD: Tensor = hidden[torch.arange(len(rows), device=device), sizes_R - 1]
        return last_RD

    def _attend(
        self, number: int, normed: Tensor, rows_R: Tensor, places_RC: Tensor, can_see: Tensor
    ) -> Tensor:
        attention = self._network.model.layers[number].self_attn
        num_rows, longest = places_RC.shape
        shape = (num_rows, longest, -1, self._head_dim)
        queries = attention.q_norm(attention.q_proj(normed).view(shape)).transpose(1, 2)
        keys = attention.k_norm(attention.k_proj(normed).view(shape)).transpose(1, 2)
        values = attention.v_proj(normed).view(shape).transpose(1, 2)
        cos, sin = self._cos_TD[places_RC][:, None], self._sin_TD[places_RC][:, None]
        queries, keys = _turned(queries, cos, sin), _turned(keys, cos, sin)
        at = (rows_R[:, None], slice(None), places_RC)
        self._keys[number][at] = keys.transpose(1, 2).to(torch.bfloat16)
        self._values[number][at] = values.transpose(1, 2).to(torch.bfloat16)
        num_places = can_see.shape[-1]
        seen = functional.scaled_dot_product_attention(
            queries.to(torch.bfloat16),
            self._keys[number][rows_R, :, :num_places],
            self._values[number][rows_R, :, :num_places],
            attn_mask=can_see,
            enable_gqa=True,
        )
        merged: Tensor = attention.o_proj(seen.transpose(1, 2).reshape(num_rows, longest, -1))
        return merged


def _turned(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = heads.shape[-1] // 2
    crossed = torch.cat([-heads[..., half:], heads[..., :half]], dim=-1)
    return heads * cos + crossed * sin
