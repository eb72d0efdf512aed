"""What all sessions of a process may ask of their brains together."""

import asyncio

import pytest

from onlooker.core.clock import MediaClock
from onlooker.core.decision import Delegate
from onlooker.core.event import TaskAnswered, TaskUsage
from onlooker.core.task import Result
from onlooker.live.budget import Budget, BudgetSettings
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings, TaskSettings
from onlooker.testing.doubles import (
    FrameSource,
    ListSink,
    NoPictures,
    ScriptedBrain,
    ScriptedModel,
    grey,
)

ASK = Delegate("One moment.", "Which bird is it?")
ANSWER = (Result("A robin.", usage=TaskUsage(prompt_tokens=900, completion_tokens=100, cost=0.5)),)


async def outcomes(budget: Budget, brain: ScriptedBrain, num_asked: int = 1) -> list[str]:
    """Let a session ask so often; give what came of each."""
    sink = ListSink()
    parts = Parts(
        {"door": FrameSource([grey(n) for n in range(num_asked + 2)])},
        ScriptedModel(*[ASK] * num_asked),
        codec=NoPictures(),
        brain=brain,
        tasks=TaskSettings(max_running=9, max_waiting=99),
        budget=budget,
        sinks={"list": sink},
    )
    await Session(parts, LiveSettings(), MediaClock()).run()
    return [answered.status for answered in sink.of(TaskAnswered)]


@pytest.mark.parametrize(
    "settings",
    [BudgetSettings(max_tasks=2), BudgetSettings(max_tokens=2000), BudgetSettings(max_cost=1.0)],
)
async def test_what_one_session_has_used_another_cannot(settings: BudgetSettings) -> None:
    brain, budget = ScriptedBrain(*[ANSWER] * 9), Budget(settings)
    assert await outcomes(budget, brain) == ["done"]
    assert await outcomes(budget, brain) == ["done"]
    assert await outcomes(budget, brain) == ["failed"]
    assert len(brain.tasks) == 2


async def test_after_its_hours_the_budget_begins_anew() -> None:
    now_s = [0.0]
    budget = Budget(BudgetSettings(max_tasks=1, hours=24), lambda: now_s[0])
    brain = ScriptedBrain(*[ANSWER] * 9)
    assert await outcomes(budget, brain, 2) == ["done", "failed"]
    now_s[0] = 24 * 3600.0
    assert await outcomes(budget, brain) == ["done"]


async def test_no_more_tasks_are_worked_on_at_once_than_all_sessions_may() -> None:
    ready = asyncio.Event()
    brain = ScriptedBrain(*[ANSWER] * 9, ready=ready)
    budget = Budget(BudgetSettings(max_running=2))
    async with asyncio.TaskGroup() as sessions:
        running = [sessions.create_task(outcomes(budget, brain, 2)) for _ in range(3)]
        for _ in range(200):
            await asyncio.sleep(0)
        ready.set()
    assert [status for task in running for status in task.result()] == ["done"] * 6
    assert brain.most_running == 2


@pytest.mark.parametrize("wrong", [{"max_tokens": -1}, {"hours": 0}])
def test_a_limit_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        BudgetSettings(**wrong)  # type: ignore[arg-type]
