"""Durations and numbers that a request names: "every ten seconds", "when 3 cars have come"."""

from __future__ import annotations

import re
from functools import lru_cache

_WORDS = {
    "half a": 0.5, "half an": 0.5, "a": 1, "an": 1, "one": 1, "a couple of": 2, "two": 2,
    "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11,
    "twelve": 12, "fifteen": 15, "twenty": 20, "twenty five": 25, "twenty-five": 25, "thirty": 30,
    "forty": 40, "forty five": 45, "forty-five": 45, "fifty": 50, "sixty": 60, "ninety": 90,
}  # fmt: skip
_NOT_COUNTS = frozenset({"half a", "half an", "a", "an", "one"})  # "one comes" counts nothing
_ORDINALS = {
    "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10,
}  # fmt: skip
_SECONDS = {"s": 1, "m": 60, "h": 3600}  # by a unit's first letter


def _slips(word: str) -> set[str]:
    """Give a word with two neighbouring letters swapped, or one dropped, behind its first."""
    cuts = range(1, len(word) - 1)
    swapped = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in cuts}
    return swapped | {word[:at] + word[at + 1 :] for at in cuts} - {word}


_SPELT = ("second", "seconds", "secs", "minute", "minutes")
_MISSPELT = "|".join(sorted(set().union(*map(_slips, _SPELT))))
_UNIT = rf"(s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|{_MISSPELT})"
_LONGEST_FIRST = "|".join(sorted(_WORDS, key=len, reverse=True))
_KIND = r"(?:(?:full|whole|entire|complete|solid|straight|long|good|consecutive|more|further)\s+)?"
_DURATION = re.compile(rf"\b(?:(\d+(?:\.\d+)?)[\s-]*|({_LONGEST_FIRST})[\s-]+){_KIND}{_UNIT}\b")
_EACH = re.compile(r"\b(?:every|each|per|once an?) (second|minute|hour)\b")
_COUNT = re.compile(
    rf"\b(?:(\d+)(?:st|nd|rd|th)?|({'|'.join(_ORDINALS)})|({_LONGEST_FIRST}))\b(?![.:]\d)"
)


@lru_cache(maxsize=512)
def duration_named(text: str) -> float | None:
    """Give the first duration that a request names, in seconds; None if it names none."""
    text = text.lower()
    if found := _DURATION.search(text):
        digits, word, unit = found.groups()
        return (float(digits) if digits else _WORDS[word]) * _SECONDS[unit[0]]
    if found := _EACH.search(text):
        return float(_SECONDS[found[1][0]])
    return None


@lru_cache(maxsize=512)
def count_named(text: str) -> int | None:
    """Give the first number of things that a request names, in digits before in words.

    None if it names none. "The second 5 have come" names five.
    """
    text = _EACH.sub(" ", _DURATION.sub(" ", text.lower()))
    found = sorted(_COUNT.findall(text), key=lambda groups: not groups[0])
    for digits, ordinal, word in found:
        if digits or ordinal:
            return int(digits or _ORDINALS[ordinal])
        if word not in _NOT_COUNTS:
            return int(_WORDS[word])
    return None
