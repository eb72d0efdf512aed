"""Long memory: asked about what was seen minutes ago, in the window or as memory text."""

from __future__ import annotations

from onlooker.data.world.task import Ask, Due, Setting, Sign, Task
from onlooker.data.world.words import a, counted

MIN_AGO_S = 10


def long_memory(setting: Setting) -> Task:
    """Ask one to three things about the past, late in the stream."""
    kinds = (did_see, did_see, when_came, how_many_came, which_first, what_was_written)
    task = Task()
    if setting.rng.random() < 0.4:
        task += remembered(setting, setting.later(setting.num_seconds // 2))
    for _ in range(setting.rng.choice((1, 2, 3)) - bool(task.asks)):
        at = setting.later(setting.num_seconds // 2)
        task += setting.rng.choice(kinds)(setting, at)
    return task


def _label(setting: Setting) -> str | None:
    """Choose a label of which memory says nothing: what came before the stream counts, too."""
    unknown = [label for label in setting.words.labels if label not in setting.remembered]
    return setting.rng.choice(unknown) if unknown else None


def did_see(setting: Setting, at: int) -> Task:
    label = _label(setting)
    if label is None:
        return Task()
    x = setting.words.synonym(label)
    ask = setting.ask(at, setting.phrases.say("did_see", x=x))
    was_seen = any(one.label == label and one.enters <= at for one in setting.stage.things)
    said = f"Yes, {a(label)}." if was_seen else f"No, no {label}."
    return Task([ask], [Due(at, said, ("yes",) if was_seen else ("no",))])


def when_came(setting: Setting, at: int) -> Task:
    first = _firsts(setting, at)
    if not first:
        return did_see(setting, at)
    label = setting.rng.choice(sorted(first))
    ask = setting.ask(at, setting.phrases.say("when_came", x=setting.words.synonym(label)))
    second = first[label]
    near = tuple(f"At {n} seconds." for n in (second, second + 1, max(0, second - 1)))
    return Task([ask], [Due(at, near[0], (str(second),), near)])


def how_many_came(setting: Setting, at: int) -> Task:
    label = _label(setting)
    if label is None:
        return Task()
    x = setting.words.synonym(label)
    ask = setting.ask(at, setting.phrases.say("how_many_came", x=x))
    number = sum(one.label == label and one.enters <= at for one in setting.stage.things)
    return Task([ask], [Due(at, f"{counted(number, label).capitalize()}.", (str(number),))])


def which_first(setting: Setting, at: int) -> Task:
    first = _firsts(setting, at)
    if len(set(first.values())) < 2:
        return did_see(setting, at)
    one, other = setting.rng.sample(sorted(first), 2)
    if first[one] == first[other]:
        return did_see(setting, at)
    words = setting.words
    text = setting.phrases.say("which_first", x=words.synonym(one), y=words.synonym(other))
    ask = setting.ask(at, text)
    earlier = min((one, other), key=lambda label: first[label])
    said = f"The {earlier}."
    return Task([ask], [Due(at, said, (earlier,), (said, earlier))])


def what_was_written(setting: Setting, at: int) -> Task:
    """Ask for the only text that was shown, when it has gone."""
    if setting.stage.writings or at < MIN_AGO_S + 5:
        return did_see(setting, at)
    goes = setting.rng.randrange(4, at - MIN_AGO_S + 1)
    one = setting.stage.write(setting.words.sign(), setting.rng.randrange(1, goes - 1), goes)
    ask = setting.ask(at, setting.phrases.say("what_was_written"))
    return Task([ask], [Due(at, one.text, (one.text,), signs=(Sign("reads", one.id),))])


def remembered(setting: Setting, at: int) -> Task:
    """Ask about what memory alone tells: it was before the first second."""
    rng, words = setting.rng, setting.words
    here = {one.label for one in setting.stage.things}
    label = rng.choice(words.labels)
    number = rng.randrange(2, 9)
    others = [other for other in words.labels if other != label and other not in here]
    facts = [f"{counted(number, label)} came by"]
    setting.remembered.add(label)
    if others:
        other = rng.choice(others)
        setting.remembered.add(other)
        facts.append(f"{a(other)} stood there for a while")
    rng.shuffle(facts)
    ask_which = rng.random()
    x = words.synonym(label)
    if label not in here and ask_which < 0.5:
        due = Due(at, f"{counted(number, label).capitalize()}.", (str(number),))
        text = setting.phrases.say("how_many_came", x=x)
    else:
        due = Due(at, f"Yes, {a(label)}.", ("yes",))
        text = setting.phrases.say("did_see", x=x)
    memory = f"Earlier: {'; '.join(facts)}."
    ask = Ask(at, text, "question")
    setting.busy.add(at)
    return Task([ask], [due], memory=[memory])


def _firsts(setting: Setting, at: int) -> dict[str, int]:
    """Give for each label when its first one came, if that is some time ago."""
    first: dict[str, int] = {}
    for one in sorted(setting.stage.things, key=lambda one: one.enters):
        first.setdefault(one.label, one.enters)
    return {
        label: second
        for label, second in first.items()
        if second <= at - MIN_AGO_S and label not in setting.remembered
    }
