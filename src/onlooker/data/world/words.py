"""The words of the world: labels and their synonyms, invented names, texts, a small dictionary.

What is held out never comes near a training stream: labels, invented syllables and texts alike.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from random import Random
from typing import Literal

Split = Literal["train", "seeds", "phrasings", "classes", "heldout"]
SPLITS: tuple[Split, ...] = ("train", "seeds", "phrasings", "classes", "heldout")

INVENTED_SHARE = 0.25  # of streams: names are to be matched, not memorised
MORE_SHARE = 0.4  # of training streams: among their names are some of many

_FOUND = tomllib.loads(files(__package__).joinpath("vocabulary.toml").read_text(encoding="utf-8"))
TRAINED: dict[str, list[str]] = _FOUND["trained"]
HELD: dict[str, list[str]] = _FOUND["held"]
MORE: dict[str, list[str]] = _FOUND["more"]  # beside what is trained, in training streams alone
_WIDER = {kind: TRAINED[kind] + MORE[kind] for kind in ("labels", "zones", "signs")}
SYNONYMS: dict[str, list[str]] = _FOUND["synonyms"]
DICTIONARY: dict[str, dict[str, str]] = _FOUND["dictionary"]
_PLURALS: dict[str, str] = _FOUND["plurals"]

# Labels that a detector takes for each other.
KIN = (
    ("car", "truck", "bus", "train"),
    ("bicycle", "motorcycle"),
    ("cat", "dog", "teddy bear"),
    ("horse", "cow", "sheep"),
    ("chair", "couch", "bench"),
    ("tv", "laptop"),
    ("cup", "bowl", "vase"),
)

LONG_TEXT_SHARE = 0.4  # of the texts of a training stream
_BETWEEN = (*[" "] * 12, " - ", ", ", ": ", " / ", " & ", "-")
_CASES: tuple[Callable[[str], str], ...] = (
    str, str, str.capitalize, str.capitalize, str.title, str.upper, str.upper,
)  # fmt: skip
_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_FIGURES = (
    "{a}", "{c}", "{a}:{b:02}", "{a} : {b}", "${a}.{b:02}", "{a}.{b}", "#{x}{a}", "{x}{c}", "{a} %",
    "{a}%", "{a} pm", "{b} °C", "({a})", "{a}/{b}", "{x}-{a}", "no. {a}", "{a} of {b}", "{c} km",
    "20{b:02}-{a:02}", "{x}. {a}",
)  # fmt: skip


def plural(word: str) -> str:
    """Give the plural of a word, whatever word."""
    if word in _PLURALS:
        return _PLURALS[word]
    return word if word.endswith("s") else f"{word}s"


def counted(number: int, label: str) -> str:
    """Say how many there are of something."""
    return f"{number} {label if number == 1 else plural(label)}"


def a(label: str) -> str:
    """Put the article before a word."""
    return f"{'an' if label[0] in 'aeiou' else 'a'} {label}"


@dataclass(frozen=True, slots=True)
class Words:
    """What one stream may name things by."""

    labels: tuple[str, ...]
    zones: tuple[str, ...]
    signs: tuple[str, ...]
    rng: Random
    is_training: bool = False

    def synonym(self, label: str) -> str:
        """Name a label as people do: mostly by itself."""
        others = SYNONYMS.get(label, ())
        return self.rng.choice(others) if others and self.rng.random() < 0.35 else label

    def sign(self) -> str:
        """Make up a text that could stand on a sign or a screen."""
        rng = self.rng
        if self.is_training and rng.random() < LONG_TEXT_SHARE:
            return _long_text(rng)
        word = rng.choice(self.signs)
        form = rng.randrange(5)
        if form == 0:
            return f"{word} {rng.randrange(1, 100)}"
        if form == 1:
            return f"{word} {rng.choice(self.signs)}"
        return word.upper() if form == 2 else word


def words_for(split: Split, rng: Random) -> Words:
    """Choose the words of a stream of a split."""
    if split == "train":
        return _words_to_train(rng)
    is_held = split in ("classes", "heldout")
    known = HELD if is_held else TRAINED
    chosen = rng.sample(known["labels"], rng.randrange(2, 6))
    zones, signs = known["zones"], known["signs"]
    if not is_held and rng.random() < 0.5 and "person" not in chosen:
        chosen[0] = "person"
    if rng.random() < INVENTED_SHARE:
        chosen = [invented(rng, known["syllables"]) for _ in chosen]
        signs = [invented(rng, known["syllables"]) for _ in range(8)]
        zones = [invented(rng, known["syllables"]) for _ in range(3)]
    return Words(tuple(dict.fromkeys(chosen)), tuple(zones), tuple(signs), rng)


def invented(rng: Random, syllables: list[str]) -> str:
    """Make up a word."""
    return "".join(rng.choice(syllables) for _ in range(rng.randrange(2, 4)))


def _words_to_train(rng: Random) -> Words:
    """Choose among more words than other splits know, and make up more kinds of them."""
    num = rng.randrange(2, 6)
    if rng.random() < INVENTED_SHARE:
        labels, signs, zones = (tuple(_made_up(rng) for _ in range(some)) for some in (num, 8, 3))
        return Words(tuple(dict.fromkeys(labels)), zones, signs, rng, is_training=True)
    known = _WIDER if rng.random() < MORE_SHARE else TRAINED
    chosen = rng.sample(known["labels"], num)
    if rng.random() < 0.5 and "person" not in chosen:
        chosen[0] = "person"
    zones, signs = tuple(known["zones"]), tuple(known["signs"])
    return Words(tuple(chosen), zones, signs, rng, is_training=True)


def _long_text(rng: Random) -> str:
    """Make up a line as screens, tickets and captions show them: to be copied, whatever it is."""
    words = [_piece_of_text(rng) for _ in range(rng.choice((1, 2, 3, 3, 4, 5, 6, 8)))]
    joined = "".join(word + rng.choice(_BETWEEN) for word in words[:-1]) + words[-1]
    return rng.choice(_CASES)(joined) + rng.choice(("", "", "", "", ".", "!", "?", " ?", ":"))


def _piece_of_text(rng: Random) -> str:
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(MORE[rng.choice(("labels", "zones", "signs", "common"))])
    if kind < 0.7:
        return _made_up_word(rng)
    if kind < 0.76:
        return rng.choice(sorted(DICTIONARY[rng.choice(sorted(DICTIONARY))]))
    if kind < 0.82:
        return "".join(rng.choice(_SIGNS) for _ in range(rng.randrange(2, 8)))
    low, high = rng.randrange(100), rng.randrange(60)
    form = rng.choice(_FIGURES)
    return form.format(a=low, b=high, c=rng.randrange(1000), x=rng.choice(_SIGNS[:26]))


def _made_up(rng: Random) -> str:
    """Make up a word of one to three syllables, in one case of eight two words."""
    if rng.random() < 1 / 8:
        return f"{_made_up_word(rng)} {_made_up_word(rng)}"
    return _made_up_word(rng)


def _made_up_word(rng: Random) -> str:
    if rng.random() < 0.3:
        return invented(rng, TRAINED["syllables"])
    parts = [MORE["onsets"], MORE["vowels"], MORE["codas"]] * rng.choice((1, 2, 2, 3))
    return "".join(map(rng.choice, parts))
