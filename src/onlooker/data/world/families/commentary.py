"""Live commentary, asked for or of a talkative persona, and guidance through steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from onlooker.core.percept import View
from onlooker.data.world.stage import NEVER, Thing
from onlooker.data.world.task import Due, Setting, Sign, Task
from onlooker.data.world.words import a, counted

EVERY_S = (10, 15, 20, 30)
ADJECTIVES = ("red", "blue", "small", "big", "old")


def commentary(setting: Setting) -> Task:
    """Make a commentary or a guidance."""
    return setting.rng.choice((comment, comment, unasked, periodic, steps))(setting)


def comment(setting: Setting) -> Task:
    """Say of everything that it comes and goes."""
    ask = setting.instruct(setting.early(), setting.phrases.say("comment"))
    return Task([ask], _changes(setting, ask.at, ask.id))


def unasked(setting: Setting) -> Task:
    """Comment because that is the persona; nobody asked."""
    return Task([], _changes(setting, 0, None), persona="talkative")


def periodic(setting: Setting) -> Task:
    """Say every so often what is there."""
    period_s = setting.rng.choice(EVERY_S)
    ask = setting.instruct(setting.early(), setting.phrases.say("every_scene", n=period_s))
    dues = []
    for second in range(ask.at + period_s, setting.num_seconds, period_s):
        said, keys = seen_at(setting, second)
        dues.append(Due(second, said, keys, instruction=ask.id, as_seen=said_of))
    return Task([ask], dues)


def steps(setting: Setting) -> Task:
    """Name the next thing as each of three is brought."""
    rng, stage = setting.rng, setting.stage
    used = {one.label for one in stage.things}
    names = [label for label in setting.words.labels if label not in used]
    while len(names) < 3:
        names.append(f"{rng.choice(ADJECTIVES)} {rng.choice(setting.words.labels)}")
        names = list(dict.fromkeys(names))
    first, second, third = names[:3]
    ask = setting.instruct(
        setting.early(), setting.phrases.say("steps", a=first, b=second, c=third)
    )
    says = [f"Next: {second}.", f"Next: {third}.", "All done."]
    keys = [(second,), (third,), ("done",)]
    dues = []
    at = ask.at
    for name, said, words in zip((first, second, third), says, keys, strict=True):
        at += rng.randrange(3, 20)
        while at in stage.busy:
            at += 1
        thing = Thing(len(stage.things) + 1, name, at, NEVER, 0.5, 0.6, 0.15, 0.0)
        if at >= stage.num_seconds - 1 or not stage.add(thing):
            break
        dues.append(Due(at, said, words, signs=(Sign("comes", thing.id),), instruction=ask.id))
    return Task([ask], dues)


def seen_at(setting: Setting, second: int) -> tuple[str, tuple[str, ...]]:
    """Say what is there, most of a kind first, and which words of that must be said."""
    return _counts(one.label for one in setting.stage.present(second))


def said_of(view: View) -> str:
    """Say what is seen."""
    return _counts(one.label for one in view.objects)[0]


def _counts(labels: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    ordered = sorted(Counter(labels).items(), key=lambda item: (-item[1], item[0]))[:4]
    if not ordered:
        return "Nothing.", ("nothing",)
    words = [counted(number, label) for label, number in ordered]
    return f"{', '.join(words).capitalize()}.", tuple(words)


def _changes(setting: Setting, after: int, instruction: str | None) -> list[Due]:
    dues = []
    for one in setting.stage.things:
        if one.enters > after:
            said = f"{a(one.label).capitalize()} comes."
            signs = (Sign("comes", one.id),)
            dues.append(Due(one.enters, said, (one.label,), signs=signs, instruction=instruction))
        if after < one.leaves < setting.num_seconds:
            said = f"The {one.label} goes."
            signs = (Sign("goes", one.id),)
            dues.append(Due(one.leaves, said, (one.label,), signs=signs, instruction=instruction))
    return dues
