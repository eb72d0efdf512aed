"""The families of tasks, one file each; `FAMILIES` names them all."""

from __future__ import annotations

from collections.abc import Callable

from onlooker.data.world.families.change import change
from onlooker.data.world.families.chat import chat
from onlooker.data.world.families.commentary import commentary
from onlooker.data.world.families.counting import counting
from onlooker.data.world.families.delegation import delegation
from onlooker.data.world.families.long_memory import long_memory
from onlooker.data.world.families.monitoring import monitoring
from onlooker.data.world.families.on_screen_text import on_screen_text
from onlooker.data.world.families.quiet import quiet
from onlooker.data.world.families.several import several, side_questions
from onlooker.data.world.families.time_awareness import time_awareness
from onlooker.data.world.task import Setting, Task

FAMILIES: dict[str, Callable[[Setting], Task]] = {
    "monitoring": monitoring,
    "counting": counting,
    "text": on_screen_text,
    "time": time_awareness,
    "commentary": commentary,
    "memory": long_memory,
    "several": several,
    "side": side_questions,
    "chat": chat,
    "delegation": delegation,
    "change": change,
    "quiet": quiet,
}
