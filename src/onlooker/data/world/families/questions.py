"""Questions that are answered in the second in which they are asked."""

from __future__ import annotations

from collections.abc import Callable

from onlooker.core.percept import View
from onlooker.core.scene_words import where
from onlooker.data.world.families.commentary import said_of, seen_at
from onlooker.data.world.task import Due, Setting, Sign, Task
from onlooker.data.world.words import a, counted


def question(setting: Setting, at: int | None = None) -> Task:
    """Ask something about what is there now."""
    kinds: tuple[Callable[[Setting, int], Task], ...] = (
        how_many, what_see, where_is, is_there, what_text
    )  # fmt: skip
    return setting.rng.choice(kinds)(setting, setting.later() if at is None else at)


def how_many(setting: Setting, at: int) -> Task:
    """Ask for a number."""
    label = setting.rng.choice(setting.words.labels)
    x = setting.words.synonym(label)
    number = len(setting.stage.present(at, label))
    ask = setting.ask(at, setting.phrases.say("how_many", x=x))
    said = f"{counted(number, label).capitalize()}."

    def as_seen(view: View) -> str:
        return f"{counted(num_seen(view, label), label).capitalize()}."

    return Task([ask], [Due(at, said, (str(number),), as_seen=as_seen)])


def what_see(setting: Setting, at: int) -> Task:
    """Ask for a description."""
    ask = setting.ask(at, setting.phrases.say("what_see"))
    said, keys = seen_at(setting, at)
    return Task([ask], [Due(at, said, keys, as_seen=said_of)])


def where_is(setting: Setting, at: int) -> Task:
    """Ask for a place."""
    alone = [
        one for one in setting.stage.present(at)
        if len(setting.stage.present(at, one.label)) == 1
    ]  # fmt: skip
    if not alone:
        return is_there(setting, at)
    one = setting.rng.choice(alone)
    ask = setting.ask(at, setting.phrases.say("where_is", x=setting.words.synonym(one.label)))
    place = where(one.box(at))

    def as_seen(view: View) -> str:
        found = [where(thing.box) for thing in view.objects if thing.label == one.label]
        return f"{found[0].capitalize()}." if found else f"No {one.label}."

    return Task([ask], [Due(at, f"{place.capitalize()}.", (place,), as_seen=as_seen)])


def is_there(setting: Setting, at: int) -> Task:
    """Ask whether something is there."""
    label = setting.rng.choice(setting.words.labels)
    x = setting.words.synonym(label)
    ask = setting.ask(at, setting.phrases.say("is_there", x=x))
    is_seen = bool(setting.stage.present(at, label))

    def as_seen(view: View) -> str:
        return said_if(num_seen(view, label) > 0)

    def said_if(is_seen: bool) -> str:
        return f"Yes, {a(label)}." if is_seen else f"No {label}."

    keys = ("yes",) if is_seen else ("no",)
    return Task([ask], [Due(at, said_if(is_seen), keys, as_seen=as_seen)])


def what_text(setting: Setting, at: int) -> Task:
    """Ask what is written; something is, or nothing."""
    ask = setting.ask(at, setting.phrases.say("what_text"))
    there = [one for one in setting.stage.writings if one.is_there(at)]
    if not there and not setting.stage.writings and at > 1 and setting.rng.random() < 0.7:
        start = setting.rng.randrange(max(0, at - 10), at)
        there = [setting.stage.write(setting.words.sign(), start, at + 5)]
    if not there:
        return Task([ask], [Due(at, "No text.", ("no",))])
    said = " ".join(one.text for one in there)
    signs = tuple(Sign("reads", one.id) for one in there)
    return Task([ask], [Due(at, said, tuple(one.text for one in there), signs=signs)])


def num_seen(view: View, label: str) -> int:
    """Count what is seen of a kind."""
    return sum(one.label == label for one in view.objects)
