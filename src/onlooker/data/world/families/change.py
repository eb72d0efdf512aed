"""Instructions that are withdrawn, paused, taken up again, replaced, or called off in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from onlooker.data.world.families.counting import count_now
from onlooker.data.world.families.monitoring import appear, leave
from onlooker.data.world.families.several import standing
from onlooker.data.world.families.time_awareness import every
from onlooker.data.world.task import Ask, Due, Setting, Task

# What stands again after a pause starts anew for these without a doubt.
_STATELESS: tuple[Callable[[Setting], Task], ...] = (appear, leave, count_now)


def change(setting: Setting) -> Task:
    """Let something stand, and change that."""
    kinds = (withdraw, withdraw, pause, replaced, called_off, one_of_two)
    return setting.rng.choice(kinds)(setting)


def withdraw(setting: Setting) -> Task:
    """Remove an instruction: it is silent from then on."""
    task = setting.rng.choice((*_STATELESS, every))(setting)
    ask = task.asks[0]
    at = _later_than(setting, ask.at)
    removed = replace(ask, at=at, state="removed")
    return Task([ask, removed], _before(task.dues, at))


def pause(setting: Setting) -> Task:
    """Pause an instruction, and let it stand again."""
    task = setting.rng.choice(_STATELESS)(setting)
    ask = task.asks[0]
    start = _later_than(setting, ask.at)
    end = _later_than(setting, start)
    if end <= start:
        return task
    asks = [ask, replace(ask, at=start, state="paused"), replace(ask, at=end)]
    return Task(asks, [due for due in task.dues if due.at < start or due.at > end])


def replaced(setting: Setting) -> Task:
    """Give another instruction under the same id."""
    first = setting.rng.choice((*_STATELESS, every))(setting)
    second = standing(setting)
    ask, other = first.asks[0], second.asks[0]
    if other.kind != "instruction" or ask.kind != "instruction" or other.at == ask.at:
        return first
    if other.at < ask.at:
        (first, ask), (second, other) = (second, other), (first, ask)
    dues = [replace(due, instruction=ask.id) for due in second.dues]
    renamed = replace(other, id=ask.id)
    return Task([ask, renamed], [*_before(first.dues, other.at), *dues])


def called_off(setting: Setting) -> Task:
    """Say, not instruct, that it is enough."""
    task = setting.rng.choice((*_STATELESS, every))(setting)
    at = _later_than(setting, task.asks[0].at)
    # What was said aloud is called off aloud; a standing instruction would be shown again.
    spoken = [replace(ask, kind="question", id="") for ask in task.asks]
    off = Ask(at, setting.phrases.say("cancel"), "question")
    dues = [replace(due, instruction=None) for due in _before(task.dues, at)]
    return Task([*spoken, off], [*dues, Due(at, "Okay.", ("okay",))])


def one_of_two(setting: Setting) -> Task:
    """Remove one of two instructions; the other goes on."""
    other = standing(setting)
    return withdraw(setting) + other


def _before(dues: Iterable[Due], at: int) -> list[Due]:
    return [due for due in dues if due.at < at]


def _later_than(setting: Setting, at: int) -> int:
    """Choose a second after another in which nobody asks anything yet."""
    first = min(at + 5, setting.num_seconds - 1)
    later = [second for second in range(first, setting.num_seconds) if second not in setting.busy]
    chosen = setting.rng.choice(later) if later else setting.num_seconds - 1
    setting.busy.add(chosen)
    return chosen
