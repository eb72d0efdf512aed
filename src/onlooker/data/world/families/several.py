"""Several standing instructions at once, and questions beside one that stands."""

from __future__ import annotations

from collections.abc import Callable

from onlooker.data.world.families.counting import count_events, count_now, count_until
from onlooker.data.world.families.monitoring import absent, appear, leave, stay, together, zone
from onlooker.data.world.families.on_screen_text import read, wait_for
from onlooker.data.world.families.questions import question
from onlooker.data.world.families.time_awareness import after, every
from onlooker.data.world.task import Setting, Task

_STANDING: tuple[Callable[[Setting], Task], ...] = (
    appear, appear, leave, stay, together, absent,
    count_events, count_now, count_until, after, every,
)  # fmt: skip
AT_ONCE_SHARE = 0.4  # of training streams, as who starts a session asks for all he wants
_WITH_TEXT: tuple[Callable[[Setting], Task], ...] = (read, wait_for)


def standing(setting: Setting) -> Task:
    """Make one standing instruction about things or time, which adds nothing to the stage."""
    kinds = (*_STANDING, zone, zone) if setting.stage.zones else _STANDING
    return setting.rng.choice(kinds)(setting)


def several(setting: Setting) -> Task:
    """Let two to four instructions stand; at most one is about text."""
    task = Task()
    if setting.is_training and setting.rng.random() < AT_ONCE_SHARE:
        setting.at_once = setting.early()
    if setting.rng.random() < 0.4:
        task += setting.rng.choice(_WITH_TEXT)(setting)
    for _ in range(
        setting.rng.choice((1, 1, 2, 3)) if task.asks else setting.rng.choice((2, 2, 3))
    ):
        task += standing(setting)
    return task


def side_questions(setting: Setting) -> Task:
    """Ask one to three questions while something stands; it goes on standing."""
    task = standing(setting)
    for _ in range(setting.rng.choice((1, 2, 3))):
        task += question(setting)
    return task
