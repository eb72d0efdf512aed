"""The words of the world: labels and their synonyms, invented names, texts, a small dictionary.

What is held out never comes near a training stream: labels, invented syllables and texts alike.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from random import Random
from typing import Literal

Split = Literal["train", "seeds", "phrasings", "classes", "heldout"]
SPLITS: tuple[Split, ...] = ("train", "seeds", "phrasings", "classes", "heldout")

INVENTED_SHARE = 0.25  # of streams: names are to be matched, not memorised

_FOUND = tomllib.loads(files(__package__).joinpath("vocabulary.toml").read_text(encoding="utf-8"))
TRAINED: dict[str, list[str]] = _FOUND["trained"]
HELD: dict[str, list[str]] = _FOUND["held"]
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

    def synonym(self, label: str) -> str:
        """Name a label as people do: mostly by itself."""
        others = SYNONYMS.get(label, ())
        return self.rng.choice(others) if others and self.rng.random() < 0.35 else label

    def sign(self) -> str:
        """Make up a text that could stand on a sign or a screen."""
        rng = self.rng
        word = rng.choice(self.signs)
        form = rng.randrange(5)
        if form == 0:
            return f"{word} {rng.randrange(1, 100)}"
        if form == 1:
            return f"{word} {rng.choice(self.signs)}"
        return word.upper() if form == 2 else word


def words_for(split: Split, rng: Random) -> Words:
    """Choose the words of a stream of a split."""
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
