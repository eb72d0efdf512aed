"""Delegation: what scene and clock cannot tell goes to the brain, and its answer is passed on."""

from __future__ import annotations

from onlooker.data.world.families.several import standing
from onlooker.data.world.task import Ask, Due, Return, Setting, Task

NOTE = "Let me look into that."
FAILED = "I got no answer to that."
PLACES = ("Peru", "Kenya", "Norway", "Japan", "Chile", "Egypt", "Laos", "Malta", "Cuba", "Nepal")
_DELAYS_S = (1, 2, 3, 5, 8, 13, 20, 30)
_ANSWERS = (
    "It is {n}.",
    "The answer is {n}.",
    "{x} is right.",
    "It comes from {place}.",
    "It was about {n} years ago in {place}.",
    "I would say {y}.",
    "There are {n} of them, and one is {y}.",
    "Most people say {x}.",
    "It looks {y}.",
    "The page is ready.",
)


def delegation(setting: Setting) -> Task:
    """Ask one or two hard things, most times while something else stands."""
    task = standing(setting) if setting.rng.random() < 0.6 else Task()
    for _ in range(setting.rng.choice((1, 1, 2))):
        task += hard_question(setting)
    return task


def hard_question(setting: Setting) -> Task:
    """Ask something hard; the answer comes after a random delay, or fails, or comes too late."""
    rng = setting.rng
    at = setting.later()
    ask = _ask(setting, at)
    task = Task([ask], [Due(at, NOTE, ("look",), question=ask.text)])
    come = at + rng.choice(_DELAYS_S) + rng.randrange(0, 3)
    while come in setting.busy:
        come += 1
    setting.busy.add(come)
    if come >= setting.num_seconds:
        return task
    is_done = rng.random() < 0.9
    answer = _answer(setting) if is_done else "no answer in 60 s"
    task.returns.append(Return(at, come, ask.text, answer, is_done))
    said = answer if is_done else FAILED
    task.dues.append(Due(come, said, (said,)))
    return task


def _ask(setting: Setting, at: int) -> Ask:
    rng, words = setting.rng, setting.words
    present = [one.label for one in setting.stage.present(at)]
    kind = rng.choice(("knowledge", "knowledge", "reasoning", "code", "details", "unseen"))
    if kind == "details" and not present:
        kind = "knowledge"
    # Nobody asks who invented people.
    wares = [label for label in words.labels if label != "person"] or ["clock"]
    label = rng.choice(present) if kind == "details" else rng.choice(wares)
    x = words.synonym(label)
    text = setting.phrases.say(
        kind,
        x=x,
        n=rng.randrange(2, 100),
        m=rng.randrange(2, 100),
        place=rng.choice(PLACES),
    )
    return setting.ask(at, text)


def _answer(setting: Setting) -> str:
    rng = setting.rng
    return rng.choice(_ANSWERS).format(
        n=rng.randrange(2, 1000),
        x=rng.choice(setting.words.labels).capitalize(),
        y=rng.choice(setting.words.signs),
        place=rng.choice(PLACES),
    )
