"""Streams in which silence is right from the first second to the last."""

from __future__ import annotations

from onlooker.data.world.families.monitoring import leave, stay
from onlooker.data.world.task import Ask, Setting, Task


def quiet(setting: Setting) -> Task:
    """Let things happen that nobody asked about, beside words that are not meant for us."""
    rng = setting.rng
    task = Task(persona=rng.choice(("silent", "default")))
    if rng.random() < 0.6:
        task += _watch_for_nothing(setting)
    for _ in range(rng.choice((0, 0, 1, 2))):
        at = setting.later()
        setting.busy.add(at)
        task.asks.append(Ask(at, setting.phrases.words("overheard"), "overheard"))
    if rng.random() < 0.4:
        at = setting.later()
        setting.stage.write(setting.phrases.words("injected"), at, at + rng.randrange(3, 20))
    return task


def _watch_for_nothing(setting: Setting) -> Task:
    """Instruct to watch for what does not come."""
    here = {one.label for one in setting.stage.things}
    never = [label for label in setting.words.labels if label not in here]
    if not never:
        # What nobody does in this stream: some labels come, but none stays, or none leaves.
        task = setting.rng.choice((leave, stay))(setting)
        return task if not task.dues else Task()
    label = setting.rng.choice(never)
    x = setting.words.synonym(label)
    kind = setting.rng.choice(("appear", "count_events", "leave"))
    text = setting.phrases.say(kind, x=x)
    return Task([setting.instruct(setting.early(), text)])
