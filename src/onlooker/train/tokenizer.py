"""The tokenizer of our own small models: byte-level BPE over the words of the world.

Two things differ from a common one, both so that names can be matched and numbers compared by a
model of a few million weights. A capital letter is a sign before a lower-case word, so that
"Dog" and " dog" share their tokens; and every number up to `MAX_NUMBER` is one token.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer

from onlooker.core.conversation import QUERY_HEADER
from onlooker.core.decision import DELEGATION, RESPONSE, SILENCE
from onlooker.core.errors import OnlookerError
from onlooker.model.render import COMPACT


class UnknownToken(OnlookerError, ValueError):
    """A tokenizer lacks a marker."""


CAPITAL = "\u21e7"  # the shift key
MAX_NUMBER = 299
PAD = "<|pad|>"
MARKERS = (
    PAD,
    *COMPACT.opens.values(),
    COMPACT.close,
    SILENCE,
    RESPONSE,
    DELEGATION,
)
# Frequent and always the same.
PHRASES = (f"{QUERY_HEADER}\n", ".0 seconds>", " asked", " spoke")
# A space goes with the word behind it; numbers are cut into groups of three from their end.
_WORDS = Regex(rf"{CAPITAL}| ?\p{{L}}+| ?\p{{N}}{{1,3}}(?=(?:\p{{N}}{{3}})*(?:\P{{N}}|$))|\s|[^\s]")


def train_tokenizer(texts: Iterable[str], num_tokens: int = 2560) -> Tokenizer:
    """Learn merges from rendered conversations.

    Args:
        texts: what models read and say, markers included.
        num_tokens: size of the vocabulary.
    """
    tokenizer = Tokenizer(models.BPE())
    capitals = [
        normalizers.Replace(f"{space}{letter}", f"{CAPITAL}{space}{letter.lower()}")
        for space in (" ", "")
        for letter in string.ascii_uppercase
    ]
    tokenizer.normalizer = normalizers.Sequence(capitals)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(_WORDS, "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    back = [
        decoders.Replace(f"{CAPITAL}{space}{letter}", f"{space}{letter.upper()}")
        for space in (" ", "")
        for letter in string.ascii_lowercase
    ]
    tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Fuse(), *back])
    trainer = BpeTrainer(
        vocab_size=num_tokens - len(PHRASES),
        special_tokens=list(MARKERS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_with_numbers(texts), trainer)
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in PHRASES])
    return tokenizer


def _with_numbers(texts: Iterable[str]) -> Iterator[str]:
    """Make every small number frequent enough to become a token, with and without a space."""
    numbers = "\n".join(f"{number}\n {number}" for number in range(MAX_NUMBER + 1))
    num_texts = 0
    for text in texts:
        num_texts += 1
        yield text
    yield from (numbers for _ in range(max(50, num_texts)))


def id_of(tokenizer: Tokenizer, token: str) -> int:
    """Find a token that must be there.

    Raises:
        UnknownToken: it is another model's tokenizer.
    """
    found = tokenizer.token_to_id(token)
    if found is None:
        raise UnknownToken(f"the tokenizer has no token {token!r}: take one that was trained here")
    return found
