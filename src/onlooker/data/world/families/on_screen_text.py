"""Text on screen: read it, wait for it, translate it."""

from __future__ import annotations

from onlooker.data.world.stage import Writing
from onlooker.data.world.task import Due, Setting, Sign, Task
from onlooker.data.world.words import DICTIONARY

SPOKEN_SHARE = 0.8  # of what is shown that is in the language that is asked for
SPOKEN_SHARE_TRAIN = 0.5  # else a model learns what all words mean, and not whose they are
PART_SHARE = 0.3  # of a training stream's other texts that are a part of what is waited for


def on_screen_text(setting: Setting) -> Task:
    """Make one task with writing that changes."""
    return setting.rng.choice((read, read, wait_for, translate))(setting)


def show_texts(setting: Setting, texts: list[str], first: int) -> list[Writing]:
    """Show texts one after the other, some with a pause between them."""
    at = first
    shown: list[Writing] = []
    for text in texts:
        at += setting.rng.randrange(1, 8)
        goes = at + setting.rng.randrange(3, 15)
        if goes >= setting.num_seconds:
            break
        if not shown or shown[-1].text != text:
            shown.append(setting.stage.write(text, at, goes))
        at = goes
    return shown


def read(setting: Setting) -> Task:
    """Read each new text."""
    ask = setting.instruct(setting.early(), setting.phrases.say("read"))
    return Task([ask], [
        _read(one, one.text, (one.text,), ask.id)
        for one in show_texts(setting, [setting.words.sign() for _ in range(12)], ask.at)
    ])  # fmt: skip


def wait_for(setting: Setting) -> Task:
    """Tell each time that one text is shown, among others."""
    wanted = setting.words.sign()
    others = [setting.words.sign() for _ in range(12)]
    if setting.is_training and len(parts := wanted.split()) > 1:
        others = [
            setting.rng.choice(parts) if setting.rng.random() < PART_SHARE else other
            for other in others
        ]
    texts = [wanted if setting.rng.random() < 0.25 else other for other in others]
    ask = setting.instruct(setting.early(), setting.phrases.say("wait_text", text=wanted))
    said = f"It says {wanted}."
    return Task([ask], [
        _read(one, said, (wanted,), ask.id)
        for one in show_texts(setting, texts, ask.at)
        if one.text.lower() == wanted.lower()
    ])  # fmt: skip


def translate(setting: Setting) -> Task:
    """Say in English what is shown in one language; other languages are not asked for."""
    rng = setting.rng
    language = rng.choice(list(DICTIONARY))
    share = SPOKEN_SHARE_TRAIN if setting.is_training else SPOKEN_SHARE
    pairs: dict[str, str] = {}
    for _ in range(12):
        spoken = language if rng.random() < share else rng.choice(list(DICTIONARY))
        items = rng.sample(sorted(DICTIONARY[spoken].items()), rng.choice((1, 1, 2)))
        text = " ".join(foreign for foreign, _ in items)
        pairs[text] = " ".join(english for _, english in items) if spoken == language else ""
    ask = setting.instruct(setting.early(), setting.phrases.say("translate", language=language))
    return Task([ask], [
        _read(one, f"{pairs[one.text].capitalize()}.", (pairs[one.text],), ask.id)
        for one in show_texts(setting, list(pairs), ask.at)
        if pairs[one.text]
    ])  # fmt: skip


def _read(one: Writing, said: str, keys: tuple[str, ...], instruction: str) -> Due:
    return Due(one.appears, said, keys, signs=(Sign("reads", one.id),), instruction=instruction)
