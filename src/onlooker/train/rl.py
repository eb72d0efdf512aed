"""Group-relative policy optimisation on whole streams (GRPO, arXiv 2402.03300).

A group of rollouts watches one stream, each reading back its own decisions; what a rollout earns
beyond its group's mean moves the probability of everything it decided. Every batch of rollouts
is learned from once, so that no old probabilities are needed; a penalty keeps the policy near
the supervised model. Rewards are those of `evaluate/reward.py`: no judge.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from random import Random
from statistics import fmean, pstdev

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import Qwen3ForCausalLM

from onlooker.data.stream import LabelledStream
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.evaluate.reward import Reward, reward
from onlooker.model.render import Worth
from onlooker.train.examples import padded
from onlooker.train.network import halved, log_probs_of
from onlooker.train.rollout import Rollout, Rollouts, Sampling
from onlooker.train.sft import SftPlan, TrainingFailed, optimisers, save_model

MAX_SPEAK_RATE = 0.9
PARTS = ("timing", "content", "delegation", "false_alarms", "repeats", "total")


@dataclass(frozen=True, slots=True, kw_only=True)
class RlPlan:
    """How to learn from rewards."""

    num_steps: int = 60
    num_streams: int = 4  # a step
    group_size: int = 6
    max_seconds: int = 45  # of a stream
    learning_rate: float = 1e-4
    kl_weight: float = 0.02
    temperature: float = 1.0
    tolerance_s: float = 3.0  # at first; falls to that of the score
    last_tolerance_s: float = 1.0
    collapse_share: float = 0.1  # of the speak rate at the start: below it the run has collapsed
    families: tuple[str, ...] = ()
    seed: int = 0

    def tolerance(self, step: int) -> float:
        """Anneal in a straight line."""
        done = step / max(1, self.num_steps - 1)
        return self.tolerance_s + (self.last_tolerance_s - self.tolerance_s) * done


@dataclass(frozen=True, slots=True)
class RlReport:
    """One step: the mean of every part of the reward, and how often it spoke and delegated."""

    step: int
    rewards: dict[str, float]
    spread: float  # of the total within a group: nothing is learned where it is 0
    speak_rate: float
    delegation_rate: float
    kl: float


class Rl:
    """One run."""

    def __init__(
        self, network: Qwen3ForCausalLM, tokenizer: Tokenizer, folder: Path, plan: RlPlan
    ) -> None:
        self._network = network
        self._reference = copy.deepcopy(network).requires_grad_(requires_grad=False)
        self._tokenizer = tokenizer
        self._folder = folder
        self._plan = plan
        self._rollouts = Rollouts(network, tokenizer)
        rates = SftPlan(num_steps=plan.num_steps, learning_rate=plan.learning_rate)
        self._optimisers = optimisers(network, rates)
        folder.mkdir(parents=True, exist_ok=True)

    def run(self) -> Iterator[RlReport]:
        """Learn, and report after each step.

        Raises:
            TrainingFailed: the policy has fallen silent, or speaks without end.
        """
        streams = self._streams()
        first_rate = 0.0
        for step in range(self._plan.num_steps):
            chosen = [next(streams) for _ in range(self._plan.num_streams)]
            group = [stream for stream in chosen for _ in range(self._plan.group_size)]
            sampling = Sampling(self._plan.temperature, seed=self._plan.seed * 100_003 + step)
            rollouts = self._rollouts.run(group, sampling)
            tolerance_s = self._plan.tolerance(step)
            rewards = [reward(one.stream.truth, one.emissions, tolerance_s) for one in rollouts]
            gains, spread = advantages([one.total for one in rewards], self._plan.group_size)
            kl = self._learn(rollouts, gains)
            report = _report(step, rollouts, rewards, spread, kl)
            first_rate = first_rate or report.speak_rate
            self._log(report)
            yield report
            self._check(report.speak_rate, first_rate)
        save_model(self._network, self._tokenizer, self._folder)

    def _streams(self) -> Iterator[LabelledStream]:
        """Yield short streams of the training split that supervised training did not see."""
        families = self._plan.families
        rng = Random(f"rl {self._plan.seed}")  # noqa: S311 - an order, no secret
        for number in count():
            recipe = Recipe(rng.choice(families), "train", 1000 + self._plan.seed, number)
            stream = make_stream(recipe)
            if len(stream.turns) <= self._plan.max_seconds:
                yield stream

    def _learn(self, rollouts: Sequence[Rollout], gains: Sequence[float]) -> float:
        """Take one step of the policy gradient; give the mean divergence from the reference."""
        self._network.train()
        rows = [
            (window, gain)
            for one, gain in zip(rollouts, gains, strict=True)
            for window in one.windows
        ]
        rows.sort(key=lambda row: len(row[0].ids))
        num_decided = sum(worth != Worth.CONTEXT for row in rows for worth in row[0].worths)
        total_kl = 0.0
        for first in range(0, len(rows), 8):
            part = rows[first : first + 8]
            batch = padded([window for window, _ in part]).to(self._network.device)
            wanted_BT = batch.worths_BT != Worth.CONTEXT
            gains_B = torch.tensor([gain for _, gain in part], device=self._network.device)
            gains_BT = gains_B[:, None].expand(wanted_BT.shape)
            with halved(self._network):
                now_N = log_probs_of(self._network, batch.ids_BT, wanted_BT)
                with torch.no_grad():
                    before_N = log_probs_of(self._reference, batch.ids_BT, wanted_BT)
            kl_N = divergence(now_N, before_N)
            loss = -(gains_BT[wanted_BT] * now_N).sum() + self._plan.kl_weight * kl_N.sum()
            (loss / num_decided).backward()  # type: ignore[no-untyped-call]
            total_kl += float(kl_N.detach().sum())
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        for optimiser in self._optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return total_kl / max(1, num_decided)

    def _check(self, rate: float, first_rate: float) -> None:
        if rate < self._plan.collapse_share * first_rate or rate > MAX_SPEAK_RATE:
            raise TrainingFailed(
                f"it spoke in {first_rate:.1%} of all seconds at first and does in {rate:.1%} now: "
                f"lower the learning rate of {self._plan.learning_rate}, or weigh the KL more"
            )

    def _log(self, report: RlReport) -> None:
        with (self._folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(asdict(report)) + "\n")


def advantages(totals: Sequence[float], group_size: int) -> tuple[list[float], float]:
    """Give what each rollout earned beyond its group, in the group's deviations; and their mean.

    Raises:
        ValueError: the totals are not whole groups.
    """
    if not totals or len(totals) % group_size:
        raise ValueError(f"{len(totals)} rewards are not groups of {group_size}")
    gains: list[float] = []
    spreads: list[float] = []
    for first in range(0, len(totals), group_size):
        group = totals[first : first + group_size]
        mean, spread = fmean(group), pstdev(group)
        gains += [(one - mean) / (spread + 1e-4) for one in group]
        spreads.append(spread)
    return gains, fmean(spreads)


def divergence(now_N: Tensor, before_N: Tensor) -> Tensor:
    """Estimate the divergence of each token from the reference; never below 0.

    Source: J. Schulman, "Approximating KL divergence", the estimator k3.
    """
    ratio_N = before_N - now_N
    return ratio_N.exp() - ratio_N - 1


def _report(
    step: int,
    rollouts: Sequence[Rollout],
    rewards: Sequence[Reward],
    spread: float,
    kl: float,
) -> RlReport:
    num_seconds = sum(len(one.stream.turns) for one in rollouts)
    said = [emission.action for one in rollouts for emission in one.emissions]
    means = {part: fmean(getattr(one, part) for one in rewards) for part in PARTS}
    return RlReport(
        step, means, spread, len(said) / num_seconds, said.count("delegate") / num_seconds, kl
    )
