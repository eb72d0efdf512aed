"""Monitoring and alerting: who appears, leaves, stays too long, enters a place, meets."""

from __future__ import annotations

from collections.abc import Callable

from onlooker.data.world.stage import Stage, Thing
from onlooker.data.world.task import Ask, Due, Setting, Sign, Task
from onlooker.data.world.words import a

STAYS_S = (5, 10, 10, 20, 30, 60)
ABSENCES_S = (10, 15, 20, 30)


def monitoring(setting: Setting) -> Task:
    """Make one alert."""
    kinds: list[Callable[[Setting], Task]] = [appear, appear, leave, stay, together, absent]
    if setting.stage.zones:
        kinds += [zone, zone, zone]
    return setting.rng.choice(kinds)(setting)


def appear(setting: Setting) -> Task:
    """Tell of each arrival; sometimes in words that are given."""
    label, x = _target(setting)
    if setting.rng.random() < 0.25:
        word = setting.rng.choice(setting.words.signs).lower()
        ask = setting.instruct(setting.early(), setting.phrases.say("appear_say", x=x, say=word))
        return Task(
            [ask], [_arrival(ask, one, word, (word,)) for one in _after(setting, label, ask)]
        )
    ask = setting.instruct(setting.early(), setting.phrases.say("appear", x=x))
    said = f"{a(label).capitalize()} is there."
    come = _after(setting, label, ask)
    return Task([ask], [_arrival(ask, one, said, (label,)) for one in come])


def leave(setting: Setting) -> Task:
    """Tell of each departure."""
    label, x = _target(setting)
    ask = setting.instruct(setting.early(), setting.phrases.say("leave", x=x))
    return Task([ask], [
        Due(one.leaves, f"The {label} has left.", (label, "left"), signs=(Sign("goes", one.id),),
            instruction=ask.id)
        for one in setting.stage.departures(label, ask.at)
    ])  # fmt: skip


def stay(setting: Setting) -> Task:
    """Tell once of each thing that has been there for so long."""
    label, x = _target(setting)
    lasts_s = setting.rng.choice(STAYS_S)
    ask = setting.instruct(setting.early(), setting.phrases.say("stay", x=x, n=lasts_s))
    said = f"The {label} has been there for {lasts_s} seconds."
    dues = [
        Due(one.enters + lasts_s, said, (label, str(lasts_s)),
            signs=(Sign("comes", one.id, lasts_s),), instruction=ask.id)
        for one in _after(setting, label, ask)
        if one.enters + lasts_s < min(one.leaves, setting.num_seconds)
    ]  # fmt: skip
    return Task([ask], dues)


def zone(setting: Setting) -> Task:
    """Tell when a thing comes to stand in a place."""
    label, x = _target(setting)
    place = setting.stage.zones[0].name
    text = setting.phrases.say("zone", x=x, zone=place)
    ask = setting.instruct(setting.early(), text)
    said = f"{a(label).capitalize()} is in the {place}."
    dues = []
    for one in setting.stage.things:
        for second in _entries(setting.stage, one, place) if one.label == label else ():
            if second > ask.at:
                signs = (Sign("comes", one.id),) if second == one.enters else ()
                dues.append(Due(second, said, (label, place), signs=signs, instruction=ask.id))
    return Task([ask], dues)


def together(setting: Setting) -> Task:
    """Tell when two kinds of things have come to be there at the same time."""
    label, x = _target(setting)
    others = [other for other in setting.words.labels if other != label]
    if not others:
        return appear(setting)
    other = setting.rng.choice(others)
    y = setting.words.synonym(other)
    text = setting.phrases.say("together", x=x, y=y)
    ask = setting.instruct(setting.early(), text)
    said = f"{a(label).capitalize()} and {a(other)} are there together."
    dues = []
    stage = setting.stage
    for second in range(ask.at + 1, stage.num_seconds):
        now = _pair(stage, second, label, other)
        if now and not _pair(stage, second - 1, label, other):
            signs = tuple(Sign("comes", one.id) for one in now if one.enters == second)
            dues.append(Due(second, said, (label, other), signs=signs, instruction=ask.id))
    return Task([ask], dues)


def absent(setting: Setting) -> Task:
    """Tell once of each time in which nothing of a kind was there for so long."""
    label, x = _target(setting)
    lasts_s = setting.rng.choice(ABSENCES_S)
    text = setting.phrases.say("absent", x=x, n=lasts_s)
    ask = setting.instruct(setting.early(), text)
    said = f"No {label} for {lasts_s} seconds."
    dues = []
    since = ask.at
    signs: tuple[Sign, ...] = ()
    for second in range(ask.at, setting.num_seconds):
        if there := setting.stage.present(second, label):
            since = second + 1
            signs = tuple(Sign("goes", one.id, lasts_s) for one in there if one.leaves == since)
        elif second - since == lasts_s:
            keys = (label, str(lasts_s))
            dues.append(Due(second, said, keys, signs=signs, instruction=ask.id))
    return Task([ask], dues)


def _target(setting: Setting) -> tuple[str, str]:
    """Choose what is watched for, and how the person calls it."""
    label = setting.target()
    return label, setting.words.synonym(label)


def _after(setting: Setting, label: str, ask: Ask) -> list[Thing]:
    return setting.stage.arrivals(label, ask.at)


def _arrival(ask: Ask, one: Thing, said: str, keys: tuple[str, ...]) -> Due:
    return Due(one.enters, said, keys, signs=(Sign("comes", one.id),), instruction=ask.id)


def _entries(stage: Stage, thing: Thing, place: str) -> list[int]:
    """List the seconds in which a thing comes to a place, from outside it or the picture."""
    found = []
    was_in = False
    for second in range(thing.enters, min(thing.leaves, stage.num_seconds)):
        is_in = place in stage.zones_of(thing, second)
        if is_in and not was_in:
            found.append(second)
        was_in = is_in
    return found


def _pair(stage: Stage, second: int, label: str, other: str) -> list[Thing]:
    ones, others = stage.present(second, label), stage.present(second, other)
    return ones + others if ones and others else []
