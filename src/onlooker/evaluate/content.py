"""Whether what was said is what should have been said: exactly, in words, or as a judge sees it."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from onlooker.core.errors import OnlookerError
from onlooker.evaluate.problems import BadTruth

ContentKind = Literal["anything", "exact", "any_of", "keywords", "number"]

# A CJK character is a word of its own; elsewhere words and numbers are runs, "3.5" included.
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff]|\d+(?:[.,]\d+)*|[^\W\d_\u3040-\u30ff\u3400-\u9fff]+"
)
_UNITS = tuple(
    re.findall(
        r"\w+",
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen",
    )
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUE_OF_WORD = {word: value for value, word in enumerate(_UNITS)} | {
    word: 10 * value for value, word in enumerate(_TENS, start=2)
}


@dataclass(frozen=True, slots=True)
class Content:
    """What should be said.

    `exact` is one text and `any_of` several, compared after `tokens`; of `keywords` every one must
    occur as a whole word or run of words; a `number` must be the last one that is said.
    """

    kind: ContentKind = "anything"
    texts: tuple[str, ...] = ()
    number: float | None = None

    def __post_init__(self) -> None:
        num_texts = {"anything": 0, "number": 0, "exact": 1}.get(self.kind)
        has_texts = bool(self.texts) if num_texts is None else len(self.texts) == num_texts
        has_number = (self.number is not None) == (self.kind == "number")
        if not has_texts or not has_number or not all(map(tokens, self.texts)):
            raise BadTruth(
                f"content {self.kind!r} does not fit the texts {self.texts!r} and the number "
                f"{self.number!r}: exact takes one text, any_of and keywords some, number a number"
            )
        if self.number is not None and not math.isfinite(self.number):
            raise BadTruth(f"the number {self.number!r} is not finite: write one that can be said")


Judge = Callable[[Content, str, str], float]
"""(content, what was said, the instruction) -> how right it is, in [0, 1]. May raise."""


class JudgeFailed(OnlookerError):
    """A judge gave no score. Counted and listed; the pair stays unjudged."""


@lru_cache(maxsize=4096)  # the same few texts are compared again and again
def tokens(text: str) -> tuple[str, ...]:
    """Split into lower-case words and numbers, without punctuation."""
    return tuple(_TOKEN.findall(unicodedata.normalize("NFKC", text).lower()))


ANYTHING = Content()


def token_f1(said: str, reference: str) -> float:
    """Compare two texts as bags of words.

    Returns:
        2 x common / (words said + words of the reference), in [0, 1]; 1 if both are empty.

    Source: the F1 of SQuAD, arXiv 1606.05250, 6.1, without its dropping of articles.
    """
    left, right = Counter(tokens(said)), Counter(tokens(reference))
    total = left.total() + right.total()
    return 2 * (left & right).total() / total if total else 1.0


def last_number(text: str) -> float | None:
    """Find the last number in a text, in digits or in English words up to ninety-nine."""
    words = re.findall(r"-?\d+(?:[.,]\d+)*|[a-z]+", unicodedata.normalize("NFKC", text).lower())
    found: float | None = None
    previous: float | None = None  # of the word before, if it was a number word
    for word in words:
        value = _value_of(word)
        if value is None:
            previous = None
        elif previous in range(20, 100, 10) and 0 < value < 10 and word in _VALUE_OF_WORD:
            found, previous = (previous or 0) + value, None
        else:
            found, previous = value, value if word in _VALUE_OF_WORD else None
    return found


def is_right(content: Content, said: str) -> bool:
    """Say whether a text says what it should."""
    match content.kind:
        case "anything":
            return True
        case "number":
            return last_number(said) == content.number
        case "keywords":
            return all(_contains(tokens(said), tokens(word)) for word in content.texts)
    return any(tokens(said) == tokens(text) for text in content.texts)


def likeness(content: Content, said: str) -> float:
    """Say how much of what should be said is said, in [0, 1]: `token_f1` to the nearest text.

    For keywords it is the share that occurs; for a number, all or nothing.
    """
    match content.kind:
        case "anything" | "number":
            return float(is_right(content, said))
        case "keywords":
            found = [_contains(tokens(said), tokens(word)) for word in content.texts]
            return sum(found) / len(found)
    return max(token_f1(said, text) for text in content.texts)


def ask_judge(judge: Judge, content: Content, said: str, instruction: str) -> float:
    """Ask a judge for its score.

    Raises:
        JudgeFailed: it raised, timed out, or gave no number in [0, 1].
    """
    try:
        value = float(judge(content, said, instruction))
    except (OnlookerError, OSError, ValueError, TypeError, LookupError) as error:
        raise JudgeFailed(f"{type(error).__name__}: {error}") from error
    if not 0 <= value <= 1:
        raise JudgeFailed(f"it gave {value}, and a score lies between 0 and 1")
    return value


def _value_of(word: str) -> float | None:
    if word in _VALUE_OF_WORD:
        return float(_VALUE_OF_WORD[word])
    try:
        return float(word.replace(",", ""))
    except ValueError:
        return None


def _contains(words: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    return any(
        words[start : start + len(phrase)] == phrase
        for start in range(len(words) - len(phrase) + 1)
    )
