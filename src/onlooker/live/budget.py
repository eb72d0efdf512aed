"""What all sessions of a process may ask of their brains together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass

from onlooker.core.event import TaskUsage


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """Limits for all sessions of a process together. 0 means no limit."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012

    max_running: int = 8
    """tasks that are worked on at once, of all sessions"""
    max_tasks: int = 0
    """tasks of all sessions in `hours`; 0: no limit"""
    max_tokens: int = 0
    """tokens of all sessions in `hours`, as far as the brain counts them; 0: no limit"""
    max_cost: float = 0.0
    """cost of all sessions in `hours`, in the currency of the brain's prices; 0: no limit"""
    hours: float = 24.0
    """after which the three begin anew"""

    def __post_init__(self) -> None:
        for name in ("max_running", "max_tasks", "max_tokens", "max_cost"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 0")
        if not self.hours > 0:
            raise ValueError(f"hours={self.hours} must be above 0")


class Budget:
    """Counts for every session that it is handed to. What tasks cost is known when they end."""

    def __init__(
        self,
        settings: BudgetSettings = BudgetSettings(),
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._now_s = now_s
        self._room = asyncio.Semaphore(settings.max_running) if settings.max_running else None
        self._began_s = now_s()
        self._num_tasks = 0
        self._tokens = 0
        self._cost = 0.0

    def room(self) -> AbstractAsyncContextManager[object]:
        """Wait for a place among the tasks that are worked on."""
        return self._room or nullcontext()

    def refusal(self) -> str:
        """Say why no more can be asked now; empty if it can."""
        self._begin_anew()
        limits = self._settings
        is_spent = (
            0 < limits.max_tasks <= self._num_tasks
            or 0 < limits.max_tokens <= self._tokens
            or 0 < limits.max_cost <= self._cost
        )
        return "what the background brain may cost for now is used up" if is_spent else ""

    def take_task(self) -> None:
        """Count a task that is put to a brain."""
        self._num_tasks += 1

    def spend(self, used: TaskUsage) -> None:
        """Count what a task cost."""
        self._begin_anew()
        self._tokens += used.tokens
        self._cost += used.cost

    def _begin_anew(self) -> None:
        now_s = self._now_s()
        if now_s - self._began_s >= self._settings.hours * 3600:
            self._began_s = now_s
            self._num_tasks = self._tokens = 0
            self._cost = 0.0
