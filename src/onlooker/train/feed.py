"""What the steps of a run read, in their order, made by workers while the network learns.

A graphics card learns from more streams than one process can make up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from torch.utils.data import DataLoader, Dataset

from onlooker.train.examples import Batch, Batches
from onlooker.train.reading import Lesson, lesson

QUERIES = 40  # of a lesson beside a batch of 8,192 tokens


@dataclass(frozen=True, slots=True)
class Lessons:
    """Which lessons stand beside the batches."""

    num_queries: int = QUERIES  # beside a batch of 8,192 tokens
    seed: int = 0  # another seed, other lessons


@dataclass(frozen=True, slots=True)
class Portion:
    """What one step reads."""

    batch: Batch
    lesson: Lesson


def feed(
    batches: Batches, lessons: Lessons, first: int, end: int, num_workers: int = 0
) -> Iterator[Portion]:
    """Yield the portions of the steps `first` to `end` - 1: the same ones, whoever makes them.

    Args:
        batches: of the run.
        lessons: beside them.
        first: step to begin with.
        end: step to end before.
        num_workers: processes that make them; with 0 this one does, as each is asked for.
    """
    per_pool = batches.PER_POOL
    pools = range(first // per_pool, -(-end // per_pool))
    loader = DataLoader(
        _Pools(batches, lessons),
        batch_size=None,
        sampler=pools,
        num_workers=num_workers,
        worker_init_fn=_give_way,
    )
    for pool, portions in zip(pools, loader, strict=True):
        for step, portion in enumerate(portions, start=pool * per_pool):
            if first <= step < end:
                yield portion


def _give_way(_number: int) -> None:
    """Let the process that learns run before those that make streams."""
    os.nice(5)


class _Pools(Dataset[list[Portion]]):
    """The portions of a pool of streams, which are made together."""

    def __init__(self, batches: Batches, lessons: Lessons) -> None:
        self._batches = batches
        self._lessons = lessons

    def __getitem__(self, pool: int) -> list[Portion]:
        first, per_pool = pool * self._batches.PER_POOL, self._batches.PER_POOL
        return [self._portion(step) for step in range(first, first + per_pool)]

    def _portion(self, step: int) -> Portion:
        batches, lessons = self._batches, self._lessons
        num_queries = max(4, lessons.num_queries * batches.num_tokens // 8_192)
        return Portion(
            batches[step], lesson(step, batches.encoding, num_queries, seed=lessons.seed)
        )
