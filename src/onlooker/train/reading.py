"""Reading lessons: requests by themselves, and what kind each of them is.

A stream teaches what a request wants only in the seconds in which that matters, a few of every
hundred. So beside each batch of streams stands one of requests, and at the end of its line a
request's kind is to be told from what the network makes of it. What tells it is thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from onlooker.core.conversation import QUERY_HEADER
from onlooker.data.world.families.delegation import PLACES
from onlooker.data.world.phrases import Phrases, templates
from onlooker.data.world.words import DICTIONARY, Split, Words, words_for
from onlooker.model.render import COMPACT
from onlooker.train.examples import Encoding

NOT_ASKED = frozenset({"overheard", "injected"})
KINDS = tuple(sorted(templates().keys() - NOT_ASKED))
QUESTIONS = frozenset(
    {"how_many", "what_text", "how_long", "since_left", "what_time", "did_see", "when_came"}
    | {"how_many_came", "which_first", "what_was_written", "what_see", "where_is", "is_there"}
    | {"hello", "thanks", "cancel", "knowledge", "reasoning", "code", "details", "unseen"}
)
MOST_LINES = 3  # of one query
_MAX_TOKENS = 160  # of one query


@dataclass(frozen=True, slots=True)
class Lesson:
    """Queries and the kinds of their lines. B queries, T tokens, N lines."""

    ids_BT: Tensor
    rows_N: Tensor
    ends_N: Tensor  # places of the lines' ends
    kinds_N: Tensor

    def to(self, device: torch.device) -> Lesson:
        tensors = (self.ids_BT, self.rows_N, self.ends_N, self.kinds_N)
        return Lesson(*(one.to(device) for one in tensors))


def lesson(
    number: int, encoding: Encoding, num_queries: int = 48, split: Split = "train"
) -> Lesson:
    """Make the lesson of a number; the same number is the same lesson."""
    rng = Random(f"lesson {number}")  # noqa: S311 - words, no secret
    rows: list[list[int]] = []
    lines: list[tuple[int, int, int]] = []
    while len(rows) < num_queries:
        ids, found = _query(rng, encoding, split)
        if len(ids) <= _MAX_TOKENS:
            lines += [(len(rows), end, kind) for end, kind in found]
            rows.append(ids)
    ids_BT = torch.zeros((len(rows), _MAX_TOKENS), dtype=torch.int64)
    for at, ids in enumerate(rows):
        ids_BT[at, : len(ids)] = torch.tensor(ids)
    longest = max(map(len, rows))
    return Lesson(ids_BT[:, : -(-longest // 16) * 16], *torch.tensor(lines).T.unbind())


def _query(
    rng: Random, encoding: Encoding, split: Split
) -> tuple[list[int], list[tuple[int, int]]]:
    """Write a query as it opens a user turn; give its ids, and the end and kind of each line."""
    words = words_for(split, rng)
    phrases = Phrases(split, rng)
    opening = f"{COMPACT.opens['system']}{COMPACT.system['default']}{COMPACT.close}"
    ids = list(encoding.encode(opening))
    ids += encoding.encode(f"{COMPACT.opens['user']}{QUERY_HEADER}\n")
    found = []
    kinds = rng.sample(range(len(KINDS)), rng.randrange(1, MOST_LINES + 1))
    kinds.sort(key=lambda kind: KINDS[kind] not in QUESTIONS)
    for at, kind in enumerate(kinds, start=1):
        name = KINDS[kind]
        sign = "#0" if name in QUESTIONS else f"#{at}"
        ids += encoding.encode(f"{sign} {phrases.say(name, **_slots(words, rng))}\n")
        found.append((len(ids) - 1, kind))
    return ids, found


def _slots(words: Words, rng: Random) -> dict[str, str | int]:
    labels = [rng.choice(words.labels) for _ in range(5)]
    return {
        "x": words.synonym(labels[0]),
        "y": words.synonym(labels[1]),
        "a": labels[2],
        "b": labels[3],
        "c": labels[4],
        "n": rng.randrange(2, 61),
        "m": rng.randrange(2, 100),
        "zone": rng.choice(words.zones),
        "say": rng.choice(words.signs),
        "text": words.sign(),
        "language": rng.choice(list(DICTIONARY)),
        "place": rng.choice(PLACES),
    }
