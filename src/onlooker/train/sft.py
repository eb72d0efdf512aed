"""Supervised fine-tuning on labelled seconds, from random weights or from given ones.

A run lives in a folder: `state.pt` (weights, optimisers, step), `log.jsonl` (one object a report)
and, at each report, the model as `model.safetensors`, `config.json` and `tokenizer.json`. Started
again it goes on where it was: the data of a step depends on the step alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from time import perf_counter
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from transformers import Qwen3ForCausalLM

from onlooker.core.decision import RESPONSE, SILENCE
from onlooker.core.errors import OnlookerError
from onlooker.model.render import Worth
from onlooker.train.examples import Batch, Batches, Encoding
from onlooker.train.feed import QUERIES, Lessons, Portion, feed
from onlooker.train.losses import preset, weighted_loss
from onlooker.train.network import WEIGHTS_FILE, halved, hidden_of, log_probs_of
from onlooker.train.reading import KINDS, Lesson, lesson
from onlooker.train.tokenizer import id_of

PAD_ID = 0  # the tokenizer's first
NUM_HELD_OUT_QUERIES = 200
MOST_TOKENS = {"cpu": 8_192, "cuda": 131_072}  # at once: what is more is learned from in parts
LESSON_PARTS = 5  # of queries of about the same length
MARKERS = (Worth.FIRST_SILENCE, Worth.REPEATED_SILENCE, Worth.RESPONSE)


class TrainingFailed(OnlookerError, RuntimeError):
    """A run cannot go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SftPlan:
    """How to train. The learning rate rises, stays, and falls to 0 over the last part.

    `context_weight` is that of predicting what is read, too. From random weights it is what lets
    a model find names again: decisions alone are a tenth of all tokens, and most are silences.
    `context_share` of what is read is drawn for that; the softmax over all of it costs most.
    `reading_weight` is that of the lessons in `reading.py`.
    """

    num_steps: int
    loss: str = "ce"
    context_weight: float = 0.3
    context_share: float = 0.25
    reading_weight: float = 0.3
    num_queries: int = QUERIES
    is_compiled: bool = False
    learning_rate: float = 2e-3
    num_warmup: int = 100
    decay_share: float = 0.3
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    report_every: int = 100
    seed: int = 0

    def rate(self, step: int) -> float:
        """Give the learning rate of a step."""
        rise = min(1.0, (step + 1) / self.num_warmup)
        fall = min(1.0, (self.num_steps - step) / (self.decay_share * self.num_steps))
        return self.learning_rate * rise * fall


@dataclass(frozen=True, slots=True)
class Report:
    """What a run says of itself as it goes, on held-out seconds with a right past."""

    step: int
    loss: float
    tokens_per_s: float
    speak_rate: float
    true_speak_rate: float
    precision: float
    recall: float
    text_accuracy: float
    reading: float  # share of held-out requests whose kind it tells
    wanting: float  # share of what may be noted of them of which it tells whether they want it

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


class _Told(NamedTuple):
    """What is made of a lesson, as scores."""

    kinds_NK: Tensor
    wanted_F2: Tensor
    decided_BV: Tensor


class Sft:
    """One run."""

    def __init__(
        self,
        network: Qwen3ForCausalLM,
        tokenizer: Tokenizer,
        folder: Path,
        plan: SftPlan,
        num_workers: int = 0,
    ) -> None:
        self._network = network
        self._num_workers = num_workers
        self._tokenizer = tokenizer
        self._folder = folder
        self._plan = plan
        self._weigh = preset(plan.loss)
        self._hidden = hidden_of(network, is_compiled=plan.is_compiled)
        torch.manual_seed(plan.seed)
        hidden_size = network.config.hidden_size
        self._tells = torch.nn.ModuleDict(
            {
                "kind": torch.nn.Linear(hidden_size, len(KINDS)),
                "wanted": torch.nn.Linear(hidden_size, 2),
            }
        ).to(network.device)
        self._optimisers = optimisers(network, plan)
        self._optimisers[1].add_param_group({"params": list(self._tells.parameters())})
        held_out = lesson(0, Encoding(tokenizer), NUM_HELD_OUT_QUERIES, "heldout")
        self._held_out_lesson = held_out.to(network.device)
        self._step = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._resume()

    @property
    def num_weights(self) -> int:
        return sum(weights.numel() for weights in self._network.parameters())

    @property
    def step(self) -> int:
        return self._step

    def run(self, batches: Batches, held_out: Sequence[Batch]) -> Iterator[Report]:
        """Train to the end of the plan, and report as it goes.

        Raises:
            TrainingFailed: the loss is no number any more, or nothing can be written.
        """
        loss_sum, num_tokens, began_s = 0.0, 0, perf_counter()
        first = self._step
        lessons = Lessons(self._plan.num_queries, self._plan.seed)
        for portion in feed(batches, lessons, first, self._plan.num_steps, self._num_workers):
            loss_sum += self._learn(portion)
            num_tokens += portion.batch.num_tokens
            self._step += 1
            if self._step % self._plan.report_every and self._step < self._plan.num_steps:
                continue
            speed = num_tokens / (perf_counter() - began_s)
            report = self._report(loss_sum / (self._step - first), speed, held_out)
            self._save(report)
            yield report
            loss_sum, num_tokens, began_s = 0.0, 0, perf_counter()
            first = self._step

    def _learn(self, portion: Portion) -> float:
        self._network.train()
        device = self._network.device
        batch, wanted_BT = portion.batch, self._wanted(portion.batch)
        value = 0.0
        for rows in batch.parts(MOST_TOKENS.get(device.type, 8_192)):
            share = (rows.stop - rows.start) / len(batch.ids_BT)
            value += self._backward(
                share * self._loss(batch[rows].to(device), wanted_BT[rows].to(device))
            )
        if self._plan.reading_weight:
            for part in portion.lesson.parts(LESSON_PARTS):
                share = len(part.ids_BT) / len(portion.lesson.ids_BT)
                value += self._backward(
                    share * self._plan.reading_weight * self._read(part.to(device))
                )
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), self._plan.clip_norm)
        for optimiser in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self._plan.rate(self._step)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return value

    def _loss(self, batch: Batch, wanted_BT: Tensor) -> Tensor:
        with halved(self._network):
            log_probs_N = log_probs_of(self._network, batch.ids_BT, wanted_BT, self._hidden)
        worths_N = batch.worths_BT[wanted_BT]
        loss = weighted_loss(log_probs_N, worths_N, self._weigh)
        if self._plan.context_weight:
            loss = loss - self._plan.context_weight * log_probs_N[worths_N == 0].mean()
        return loss

    def _backward(self, loss: Tensor) -> float:
        loss.backward()  # type: ignore[no-untyped-call]
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingFailed(
                f"the loss of step {self._step} is {value}: start again from the last report with "
                f"a lower learning rate than {self._plan.learning_rate}"
            )
        return value

    def _read(self, given: Lesson) -> Tensor:
        """Give the loss of a lesson."""
        told = self._told(given)
        ids = torch.tensor(self._ids, device=given.ids_BT.device)  # of silence and of speech
        return (
            _mean_loss(told.kinds_NK, given.kinds_N)
            + _mean_loss(told.wanted_F2, given.wanted_F)
            + _mean_loss(told.decided_BV, ids[given.speaks_B])
        )

    def _told(self, given: Lesson) -> _Told:
        with halved(self._network):
            hidden_BTD = self._hidden(given.ids_BT)
            rows_B = torch.arange(len(given.ids_BT), device=given.ids_BT.device)
            return _Told(
                self._tells["kind"](hidden_BTD[given.rows_N, given.ends_N]).float(),
                self._tells["wanted"](hidden_BTD[given.fact_rows_F, given.fact_ends_F]).float(),
                self._network.lm_head(hidden_BTD[rows_B, given.ends_B]).float(),
            )

    @torch.no_grad()
    def _reading(self) -> tuple[float, float]:
        held_out = self._held_out_lesson
        told = self._told(held_out)
        right_N = told.kinds_NK.argmax(1) == held_out.kinds_N
        right_F = told.wanted_F2.argmax(1) == held_out.wanted_F
        return float(right_N.float().mean()), float(right_F.float().mean())

    def _wanted(self, batch: Batch) -> Tensor:
        """Choose what is learned: every decision, and a share of what is read."""
        wanted_BT = batch.worths_BT != Worth.CONTEXT
        if not self._plan.context_weight:
            return wanted_BT
        draw = torch.Generator().manual_seed(self._step)
        drawn_BT = torch.rand(batch.ids_BT.shape, generator=draw) < self._plan.context_share
        wanted_BT = wanted_BT | (drawn_BT & (batch.ids_BT != PAD_ID))
        wanted_BT[:, 0] = False
        return wanted_BT

    def _report(self, loss: float, speed: float, held_out: Sequence[Batch]) -> Report:
        told = [evaluate(self._network, batch, self._ids) for batch in held_out]
        said, due, right, text, num_text, num = (sum(column) for column in zip(*told, strict=True))
        reading, wanting = self._reading()
        return Report(
            step=self._step,
            loss=round(loss, 5),
            tokens_per_s=round(speed, 1),
            speak_rate=said / max(1, num),
            true_speak_rate=due / max(1, num),
            precision=right / max(1, said),
            recall=right / max(1, due),
            text_accuracy=text / max(1, num_text),
            reading=reading,
            wanting=wanting,
        )

    @property
    def _ids(self) -> tuple[int, int]:
        return id_of(self._tokenizer, SILENCE), id_of(self._tokenizer, RESPONSE)

    def _save(self, report: Report) -> None:
        state = {
            "step": self._step,
            "network": self._network.state_dict(),
            "tells": self._tells.state_dict(),
            "optimisers": [one.state_dict() for one in self._optimisers],
        }
        try:
            _written(self._folder / "state.pt", lambda path: torch.save(state, path))
            save_model(self._network, self._tokenizer, self._folder)
            with (self._folder / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps({**asdict(report), "f1": report.f1}) + "\n")
        except OSError as error:
            raise TrainingFailed(
                f"step {self._step} cannot be written to {self._folder}: {error}; make room and "
                f"start again, it goes on from the report before"
            ) from error

    def _resume(self) -> None:
        path = self._folder / "state.pt"
        if not path.exists():
            return
        try:
            device = self._network.device
            state: dict[str, Any] = torch.load(path, weights_only=True, map_location=device)
            self._network.load_state_dict(state["network"])
            self._tells.load_state_dict(state["tells"])
            for optimiser, saved in zip(self._optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(saved)
        except (RuntimeError, KeyError, ValueError, EOFError, UnpicklingError) as error:
            raise TrainingFailed(
                f"{path} belongs to another model, or is broken: {error}; train in another folder"
            ) from error
        self._step = int(state["step"])


def _mean_loss(scores_NK: Tensor, right_N: Tensor) -> Tensor:
    """Give the mean cross-entropy; 0 where there is nothing to tell."""
    return functional.cross_entropy(scores_NK, right_N, reduction="sum") / max(1, len(right_N))


def optimisers(network: Qwen3ForCausalLM, plan: SftPlan) -> list[torch.optim.Optimizer]:
    """Take Muon for the matrices within the layers and AdamW for all else.

    Source: K. Jordan's Muon, with the step size of arXiv 2502.16982, so that both share a rate.
    """
    matrices: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, weights in network.named_parameters():
        (matrices if weights.ndim == 2 and ".layers." in name else others).append(weights)
    return [
        torch.optim.Muon(
            matrices,
            lr=plan.learning_rate,
            weight_decay=plan.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        ),
        torch.optim.AdamW(others, lr=plan.learning_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


@torch.no_grad()
def evaluate(
    network: Qwen3ForCausalLM, batch: Batch, marker_ids: tuple[int, int]
) -> tuple[int, int, int, int, int, int]:
    """Count, of a batch, with all that came before as it should have been.

    Returns:
        seconds in which it speaks, should speak, does both; tokens of texts it gets right, and
        all of them; seconds.
    """
    network.train(mode=False)
    silence, response = marker_ids
    batch = batch.to(network.device)
    worths_BT = batch.worths_BT
    marks = torch.tensor([int(worth) for worth in MARKERS], device=network.device)
    is_marker_BT = torch.isin(worths_BT, marks)
    is_text_BT = worths_BT == Worth.TEXT
    with halved(network):
        hidden_BTD = network.model(input_ids=batch.ids_BT, use_cache=False).last_hidden_state
        before = hidden_BTD[:, :-1]
        marks_NV = network.lm_head(before[is_marker_BT[:, 1:]]).float()
        texts_NV = network.lm_head(before[is_text_BT[:, 1:]]).float()
    speaks_N = marks_NV[:, response] > marks_NV[:, silence]
    due_N = worths_BT[is_marker_BT] == Worth.RESPONSE
    right_N: Tensor = texts_NV.argmax(1) == batch.ids_BT[is_text_BT]
    return (
        int(speaks_N.sum()),
        int(due_N.sum()),
        int((speaks_N & due_N).sum()),
        int(right_N.sum()),
        len(right_N),
        len(due_N),
    )


def save_model(network: Qwen3ForCausalLM, tokenizer: Tokenizer, folder: Path) -> None:
    """Write what the model is run from: weights, shape and words."""
    weights = {
        name: tensor.detach().half().cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if name != "lm_head.weight"  # the embedding's
    }
    _written(folder / WEIGHTS_FILE, lambda path: save_file(weights, path))
    config = json.dumps(network.config.to_dict(), indent=2, sort_keys=True, default=str)
    _written(folder / "config.json", lambda path: path.write_text(config, encoding="utf-8"))
    _written(folder / "tokenizer.json", lambda path: tokenizer.save(str(path)))


def _written(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the place, then move there: what has the name is whole."""
    beside = path.with_name(f".{path.name}")
    write(beside)
    beside.replace(path)
