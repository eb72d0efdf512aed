"""Time: every so often, after so long, within a time, and how long something has been."""

from __future__ import annotations

from onlooker.data.world.families.monitoring import appear
from onlooker.data.world.task import Due, Setting, Sign, Task
from onlooker.data.world.words import a

PERIODS_S = range(4, 61)
STEPS_S = (1, 2, 3, 5, 10, 20, 30, 60, 120, 300)  # as a scene says them, see core/scene_words.py


def time_awareness(setting: Setting) -> Task:
    """Make one task that time alone, or time too, makes due."""
    kinds = (every, every, after, after, bounded, how_long, since_left, elapsed)
    return setting.rng.choice(kinds)(setting)


def every(setting: Setting) -> Task:
    """Speak at each end of a period, with the time since it was asked for."""
    period_s = setting.rng.choice(PERIODS_S)
    ask = setting.instruct(setting.early(), setting.phrases.say("every", n=period_s))
    dues = [
        Due(second, f"{second - ask.at} seconds.", (str(second - ask.at),), instruction=ask.id)
        for second in range(ask.at + period_s, setting.num_seconds, period_s)
    ]
    return Task([ask], dues)


def after(setting: Setting) -> Task:
    """Speak once, when the time is over."""
    lasts_s = setting.rng.choice(PERIODS_S)
    ask = setting.instruct(setting.early(), setting.phrases.say("after", n=lasts_s))
    at = ask.at + lasts_s
    said = f"{lasts_s} seconds have passed."
    dues = [Due(at, said, (str(lasts_s),), instruction=ask.id)]
    return Task([ask], dues if at < setting.num_seconds else [])


def bounded(setting: Setting) -> Task:
    """Tell of arrivals up to a time, and of none after it."""
    lasts_s = setting.rng.randrange(10, 46)
    label = setting.target()
    x = setting.words.synonym(label)
    text = setting.phrases.say("window", x=x, n=lasts_s)
    ask = setting.instruct(setting.early(), text)
    said = f"{a(label).capitalize()} is there."
    dues = [
        Due(one.enters, said, (label,), signs=(Sign("comes", one.id),), instruction=ask.id)
        for one in setting.stage.arrivals(label, ask.at)
        if one.enters < ask.at + lasts_s
    ]
    return Task([ask], dues)


def how_long(setting: Setting) -> Task:
    """Say for how long something has been there, in the steps in which a scene shows it."""
    at = setting.later(12)
    alone = [
        one for one in setting.stage.present(at)
        if len(setting.stage.present(at, one.label)) == 1 and one.enters < at - 1
    ]  # fmt: skip
    if not alone:
        return appear(setting)
    one = setting.rng.choice(alone)
    ask = setting.ask(at, setting.phrases.say("how_long", x=setting.words.synonym(one.label)))
    seconds = at - one.enters
    step = max(step for step in STEPS_S if step <= seconds)
    keys = (str(step),)
    near = tuple(f"At least {n} seconds." for n in {step, seconds, seconds - 1, seconds + 1})
    return Task([ask], [Due(at, f"At least {step} seconds.", keys, near)])


def since_left(setting: Setting) -> Task:
    """Say how long ago the last one of a kind left."""
    at = setting.later(12)
    gone = [one for one in setting.stage.things if one.leaves < at]
    gone = [one for one in gone if not setting.stage.present(at, one.label)]
    if not gone:
        return every(setting)
    label = setting.rng.choice(gone).label
    left = max(one.leaves for one in gone if one.label == label)
    ask = setting.ask(at, setting.phrases.say("since_left", x=setting.words.synonym(label)))
    near = tuple(f"{n} seconds ago." for n in (at - left, at - left - 1, at - left + 1))
    return Task([ask], [Due(at, near[0], (str(at - left),), near)])


def elapsed(setting: Setting) -> Task:
    """Say how much time has passed since the stream began."""
    at = setting.later(5)
    ask = setting.ask(at, setting.phrases.say("what_time"))
    near = (f"{at} seconds.", f"{at + 1} seconds.")
    return Task([ask], [Due(at, near[0], (str(at),), near)])
