"""Counting: arrivals with a running total, things in view when that changes, up to a number."""

from __future__ import annotations

from onlooker.core.percept import View
from onlooker.data.world.families.questions import num_seen
from onlooker.data.world.task import Due, Setting, Sign, Task
from onlooker.data.world.words import counted


def counting(setting: Setting) -> Task:
    """Make one count."""
    return setting.rng.choice((count_events, count_events, count_now, count_until))(setting)


def count_events(setting: Setting) -> Task:
    """Give the total at each arrival."""
    label = setting.target()
    x = setting.words.synonym(label)
    text = setting.phrases.say("count_events", x=x)
    ask = setting.instruct(setting.early(), text)
    dues = [
        Due(one.enters, f"{label.capitalize()} {number}.", (label, str(number)),
            signs=(Sign("comes", one.id),), instruction=ask.id)
        for number, one in enumerate(setting.stage.arrivals(label, ask.at), start=1)
    ]  # fmt: skip
    return Task([ask], dues)


def count_now(setting: Setting) -> Task:
    """Say how many are there whenever that changes."""
    label = setting.target()
    x = setting.words.synonym(label)
    text = setting.phrases.say("count_now", x=x)
    ask = setting.instruct(setting.early(), text)
    stage = setting.stage

    def as_seen(view: View) -> str:
        return f"{counted(num_seen(view, label), label).capitalize()} now."

    dues = []
    for second in range(ask.at + 1, stage.num_seconds):
        now, before = stage.present(second, label), stage.present(second - 1, label)
        if len(now) != len(before):
            signs = [Sign("comes", one.id) for one in now if one.enters == second]
            signs += [Sign("goes", one.id) for one in before if one.leaves == second]
            said = f"{counted(len(now), label).capitalize()} now."
            keys = (str(len(now)),)
            due = Due(second, said, keys, signs=tuple(signs), instruction=ask.id, as_seen=as_seen)
            dues.append(due)
    return Task([ask], dues)


def count_until(setting: Setting) -> Task:
    """Tell once that so many have come."""
    label = setting.target(share_absent=0.05)
    x = setting.words.synonym(label)
    number = setting.rng.randrange(2, 6)
    at = setting.early()
    text = setting.phrases.say("count_until", x=x, n=number)
    ask = setting.instruct(at, text)
    come = setting.stage.arrivals(label, at)
    if len(come) < number:
        return Task([ask])
    last = come[number - 1]
    said = f"{counted(number, label).capitalize()} have come."
    signs = (Sign("comes", last.id),)
    due = Due(last.enters, said, (str(number),), signs=signs, instruction=ask.id)
    return Task([ask], [due])
