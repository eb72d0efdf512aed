"""How people put things: templates by task, tone, and slips of the keyboard.

The templates stand in `phrases/`, under the task that they ask for: `{x}` a thing, `{ax}` with
its article, `{xs}` several, `{n}` a number; `(one|other)` are alternatives, and `<name>` stands for
those in `phrases/lists.txt`, where the tones stand, too. Lines that begin with `~` are held out: no
training stream has them, nor what comes to the same words, nor the tones that are held out.

Frames (`phrases/frames.txt`) are shared by all tasks that have lists for what stands in them:
`<clause>` is `clause_leave` for who wants to hear of leaving. So a way of asking to be told says
nothing of what is to be told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from random import Random

from onlooker.data.stream import BadData
from onlooker.data.world.words import TRAINED, Split, a, invented, plural

SOMEBODY = ("somebody", "someone", "anybody")
_INNERMOST = re.compile(r"\(([^()]*)\)")
_NAMED = re.compile(r"<([^<>]+)>")
_WORD_OR_SLOT = re.compile(r"[A-Za-z']+|\{\w+\}")
SLIPS = 0.08  # share of requests with a misspelt word
CARELESS = 0.06  # share of those of training without capitals and signs
FRAMED = 0.3  # share of those of training that are a condition in a frame
TONED = 0.4  # share of those of training with a tone
HELD_TONES = ("{}", "{}", "Kindly {}", "Would you mind: {}", "I need this: {}")


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates of a task."""

    trained: tuple[str, ...]
    held: tuple[str, ...]
    framed: tuple[str, ...] = ()
    held_words: frozenset[str] = frozenset()  # of what is held out, without its signs


@cache
def templates() -> dict[str, Templates]:
    """Read all templates, by task.

    Raises:
        BadData: a line belongs to no task, or a task lacks one kind.
    """
    found: dict[str, tuple[list[str], list[str]]] = {}
    for file in sorted(_folder().iterdir(), key=lambda file: file.name):
        task = ""
        for number, line in _lines(file) if file.name not in ("lists.txt", "frames.txt") else ():
            if line.startswith("[") and line.endswith("]"):
                task = line[1:-1]
                found[task] = ([], [])
            elif not task:
                raise BadData(f"{file.name}:{number}: {line!r} stands before the first task")
            else:
                whole = _with_lists(line, task).removeprefix("~").strip()
                found[task][line.startswith("~")].append(whole)
    for name, (trained, held) in found.items():
        if not trained or not held:
            raise BadData(f"phrases: task {name!r} needs templates to train and to hold out")
    return {
        name: Templates(tuple(trained), tuple(held), _framed(name), frozenset(map(_words, held)))
        for name, (trained, held) in found.items()
    }


@cache
def lists() -> dict[str, str]:
    """Read the alternatives that templates name, each as `one|other`."""
    named = (line.partition(" = ") for _, line in _lines(_folder().joinpath("lists.txt")))
    return {name: alternatives for name, _, alternatives in named}


def _with_lists(line: str, task: str) -> str:
    """Put lists where they are named, those of a task before those of all."""

    def alternatives(named: re.Match[str]) -> str:
        name = named[1]
        return f"({lists().get(f'{name}_{task}') or lists()[name]})"

    return _NAMED.sub(alternatives, line)


def _framed(task: str) -> tuple[str, ...]:
    """Put the conditions of a task into the frames that they fit in."""
    frames = [line for _, line in _lines(_folder().joinpath("frames.txt"))]
    fit = [
        frame
        for frame in frames
        if all(name in lists() or f"{name}_{task}" in lists() for name in _NAMED.findall(frame))
    ]
    return tuple(_with_lists(frame, task) for frame in fit)


@cache
def tones() -> tuple[str, ...]:
    """Read the tones of training."""
    return tuple(lists()["tone"].split("|"))


def _folder() -> Traversable:
    return files(__package__).joinpath("phrases")


def _lines(file: Traversable) -> Iterator[tuple[int, str]]:
    """Yield the lines that say something, with their numbers."""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            yield number, line


def _words(template: str) -> str:
    return " ".join(re.findall(r"[\w{}']+", template.lower()))


@dataclass(frozen=True, slots=True)
class Phrases:
    """Puts the requests of one stream into words.

    With `lost`, that share of their words is left out or becomes one that nobody knows: who learns
    from such requests cannot go by a single word of each.
    """

    split: Split
    rng: Random
    lost: float = 0.0

    @property
    def is_held(self) -> bool:
        return self.split in ("phrasings", "heldout")

    def say(self, task: str, **slots: str | int) -> str:
        """Word a request: a template, filled, in some tone, sometimes misspelt.

        The slots `x` and `y` also fill those of their article, `ax`, and plural, `xs`.
        """
        slots = self._with_forms(slots)
        template = self.words(task)
        if self.rng.random() < SLIPS:
            template = self._misspelt(template)
        if not self.is_held and self.rng.random() < CARELESS:
            template = template.lower().rstrip(".!?").replace("'", "")
        return " ".join(self._toned(template.format(**slots), template).split())

    def words(self, task: str) -> str:
        """Choose a template, as it is but for its alternatives."""
        known = templates()[task]
        if self.is_held:
            return self._chosen(self.rng.choice(known.held))
        while True:
            is_framed = known.framed and self.rng.random() < FRAMED
            template = self._chosen(self.rng.choice(known.framed if is_framed else known.trained))
            template = _WORD_OR_SLOT.sub(self._worn, template) if self.lost else template
            if _words(template) not in known.held_words:
                return template

    def _chosen(self, template: str) -> str:
        """Take one of the alternatives of each group `(one|other)`, groups within groups first."""
        while group := _INNERMOST.search(template):
            one = self.rng.choice(group[1].split("|"))
            template = template[: group.start()] + one + template[group.end() :]
        return " ".join(template.split())

    def _worn(self, found: re.Match[str]) -> str:
        """Keep a word or slot, or lose the word."""
        if found[0].startswith("{") or self.rng.random() >= self.lost:
            return found[0]
        return invented(self.rng, TRAINED["syllables"]) if self.rng.random() < 0.5 else ""

    def _with_forms(self, slots: dict[str, str | int]) -> dict[str, str | int]:
        """Add the articles and plurals of `x` and `y`; a person may be somebody."""
        forms = dict(slots)
        for name in sorted(slots.keys() & {"x", "y"}):
            thing = str(slots[name])
            forms |= {f"a{name}": a(thing), f"{name}s": plural(thing)}
            if thing == "person" and self.rng.random() < 0.3:
                forms[f"a{name}"] = self.rng.choice(SOMEBODY)
        return forms

    def _toned(self, text: str, template: str) -> str:
        """Add a tone to an order; questions and single words stay as they are."""
        if template.endswith(("?", "!")) or len(template.split()) < 3 or template[0] == "{":
            return text
        if self.is_held:
            tone = self.rng.choice(HELD_TONES)
        else:
            tone = self.rng.choice(tones()) if self.rng.random() < TONED else "{}"
        if tone == "{}":
            return text
        text = text.rstrip(".")
        return tone.format(text if tone.startswith("{}") else text[0].lower() + text[1:])

    def _misspelt(self, template: str) -> str:
        """Swap or drop a letter of one word that is no slot."""
        words = template.split()
        fit = [at for at, word in enumerate(words) if word.isalpha() and len(word) > 3]
        if not fit:
            return template
        at = self.rng.choice(fit)
        word = words[at]
        cut = self.rng.randrange(1, len(word) - 1)
        swapped = word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :]
        words[at] = swapped if self.rng.random() < 0.5 else word[:cut] + word[cut + 1 :]
        return " ".join(words)
