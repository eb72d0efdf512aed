"""Words of texts and of questions, as the word index takes them.

Scripts that are written without spaces go in as pairs of neighbouring characters, so that a part of
a sentence finds it. Source: bigrams for Chinese retrieval, Nie and Ren 1999,
doi:10.1016/S0306-4573(98)00051-6.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

NAMES = Path(__file__).parent / "assets" / "names.toml"
MAX_TERMS = 12  # of a question
MAX_GRAMS = 32
MAX_LABELS = 16  # beside the question's own words
LABEL_WEIGHT = 0.7  # of a label that a word may stand for
# Kana, Han, Hangul, Thai, Lao and Khmer, and the Han of the planes beyond.
_UNSPACED = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af\u0e00-\u0eff\u1780-\u17ff"
    "\U00020000-\U0003ffff]+"
)
# What stands in every question and says nothing of what is meant.
_EMPTY_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a about an and any anybody anyone are at be been before by but can could did do does
        ever for from had has have he her him his how i in is it its me my now of on or our she
        show so some tell than that the their them then there they this to us was we were what
        when where which who whom why will with would you your""",
    )
)
_EMPTY_PHRASES = re.compile(
    "什么时候|有没有|是不是|为什么|什么|哪里|哪儿|怎么|多少|几个|看到|看见|那个|这个|[吗呢了的谁在]"
    "|いつ|どこ|だれ|なに|でした|ました|ですか|ますか|です|ます|[はがをにのかとで]"
)


def grams_of(text: str) -> str:
    """Give the pairs of characters of all that is written without spaces; empty if nothing is."""
    return " ".join(gram for run in _UNSPACED.findall(text) for gram in _pairs(run))


def terms_of(words: str) -> list[str]:
    """Give the words of a question that tell one text from another; all, if none does."""
    spaced = _UNSPACED.sub(" ", words.lower())
    found = list(dict.fromkeys(re.findall(r"\w+", spaced)))
    return [word for word in found if word not in _EMPTY_WORDS][:MAX_TERMS] or found[:MAX_TERMS]


def question_grams(words: str) -> list[str]:
    """Give the pairs of a question that tell one text from another."""
    runs = _UNSPACED.findall(_EMPTY_PHRASES.sub(" ", words)) or _UNSPACED.findall(words)
    # The last character of a run is in the index for questions of one character.
    found = [gram for run in runs for gram in (_pairs(run)[:-1] or [run])]
    return list(dict.fromkeys(found))[:MAX_GRAMS]


def labels_of(terms: list[str]) -> list[str]:
    """Give the labels of what people call by these words."""
    labels = _labels_by_name()
    return [
        label
        for term in terms
        for label in labels.get(term) or labels.get(term.removesuffix("s"), [])
    ]


def wanted_of(words: str) -> list[tuple[str, float]]:
    """Write what a question looks for, each part in the language of FTS5 with its weight."""
    terms = terms_of(words)
    others = [label for label in dict.fromkeys(labels_of(terms)) if label not in terms]
    wanted = [(f'"{term}"', 1.0) for term in terms]
    wanted += [(f'"{label}"', LABEL_WEIGHT) for label in others[:MAX_LABELS]]
    wanted += [
        (f'"{gram}"' if len(gram) > 1 else f'"{gram}"*', 1.0) for gram in question_grams(words)
    ]
    return wanted


def _pairs(run: str) -> list[str]:
    return [*(run[at : at + 2] for at in range(len(run) - 1)), run[-1]]


@cache
def _labels_by_name() -> dict[str, list[str]]:
    labels = defaultdict[str, list[str]](list)
    for label, names in tomllib.loads(NAMES.read_text()).items():
        for name in names.split():
            labels[name].append(label)
    return labels
