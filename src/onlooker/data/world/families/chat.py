"""Chat: greetings, thanks, and questions about what is there, with nothing standing."""

from __future__ import annotations

from onlooker.data.world.families.questions import question
from onlooker.data.world.task import Due, Setting, Task


def chat(setting: Setting) -> Task:
    """Talk two to six times."""
    task = Task()
    for _ in range(setting.rng.randrange(2, 7)):
        kind = setting.rng.random()
        if kind < 0.2:
            task += _small_talk(setting, "hello", "Hello!", ("hello",))
        elif kind < 0.4:
            task += _small_talk(setting, "thanks", "You're welcome.", ("welcome",))
        else:
            task += question(setting)
    return task


def _small_talk(setting: Setting, name: str, said: str, keys: tuple[str, ...]) -> Task:
    at = setting.later()
    return Task([setting.ask(at, setting.phrases.say(name))], [Due(at, said, keys)])
