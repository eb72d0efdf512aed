"""Reading lessons: requests by themselves, what kind each of them is, and which facts it wants.

A stream teaches what a request wants only in the seconds in which that matters, a few of every
hundred. So beside each batch of streams stands one of requests, and at the end of its line a
request's kind is to be told from what the network makes of it; behind them stands what the tally
could note of each, and at the end of that line it is to be told whether the request wants to hear
it. What tells the two is thrown away. Last, silence or speech is decided on, as in a stream; what
is written there is to be told to who wants all of it read, or wants that language in English.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from random import Random

import torch
from torch import Tensor

from onlooker.core.conversation import QUERY_HEADER
from onlooker.core.decision import SILENCE
from onlooker.data.world.families.delegation import PLACES
from onlooker.data.world.phrases import Phrases, templates
from onlooker.data.world.words import DICTIONARY, Split, Words, words_for
from onlooker.model.render import COMPACT, MAX_REQUEST_LETTERS
from onlooker.train.examples import Encoding
from onlooker.train.facts import WANTED, draw_facts

NOT_ASKED = frozenset({"overheard", "injected"})
KINDS = tuple(sorted(templates().keys() - NOT_ASKED))
QUESTIONS = frozenset(
    {"how_many", "what_text", "how_long", "since_left", "what_time", "did_see", "when_came"}
    | {"how_many_came", "which_first", "what_was_written", "what_see", "where_is", "is_there"}
    | {"hello", "thanks", "cancel", "knowledge", "reasoning", "code", "details", "unseen"}
)
# What facts are told of comes twice as often as what they are not.
DRAWN = tuple(kind for kind, name in enumerate(KINDS) for _ in range(1 + (name in WANTED)))
MOST_LINES = 4  # of one query
FACTS_SHARE = 0.7  # of requests of which something could be noted
WRITTEN_SHARE = (0.1, 0.6)  # of queries that show a text: where nobody asks for texts, and where
ANY_TEXT = "any"
PARTS = ("left", "right", "top", "center", "bottom left")  # of a picture
_MAX_TOKENS = 288  # of one query


@dataclass(frozen=True, slots=True)
class Lesson:
    """Queries and what they teach. B queries, T tokens, N lines of them, F lines of facts."""

    ids_BT: Tensor
    ends_B: Tensor  # places at which a decision is due
    speaks_B: Tensor  # whether it is to speak, 0 or 1
    rows_N: Tensor
    ends_N: Tensor  # places of the lines' ends
    kinds_N: Tensor
    fact_rows_F: Tensor
    fact_ends_F: Tensor
    wanted_F: Tensor  # whether the request wants to hear it, 0 or 1

    def to(self, device: torch.device) -> Lesson:
        return Lesson(*(getattr(self, one.name).to(device) for one in fields(self)))


@dataclass(slots=True)
class _Query:
    """One query: what is asked, and a second in which the tally notes something of it."""

    ids: list[int]
    kinds: list[tuple[int, int]]  # the end of each line, and its kind
    facts: list[tuple[int, int]]  # the end of each line, and whether that is wanted
    speaks: bool = False


def lesson(
    number: int, encoding: Encoding, num_queries: int = 48, split: Split = "train"
) -> Lesson:
    """Make the lesson of a number; the same number is the same lesson."""
    rng = Random(f"lesson {number}")  # noqa: S311 - words, no secret
    rows: list[_Query] = []
    while len(rows) < num_queries:
        query = _query(rng, encoding, split)
        if len(query.ids) <= _MAX_TOKENS:
            rows.append(query)
    longest = max(len(row.ids) for row in rows)
    ids_BT = torch.zeros((len(rows), -(-longest // 16) * 16), dtype=torch.int64)
    for at, row in enumerate(rows):
        ids_BT[at, : len(row.ids)] = torch.tensor(row.ids)
    ends_B = torch.tensor([len(row.ids) - 1 for row in rows])
    speaks_B = torch.tensor([int(row.speaks) for row in rows])
    lines = [(at, *line) for at, row in enumerate(rows) for line in row.kinds]
    facts = [(at, *line) for at, row in enumerate(rows) for line in row.facts]
    columns = [torch.tensor(some).reshape(-1, 3).long().T.unbind() for some in (lines, facts)]
    return Lesson(ids_BT, ends_B, speaks_B, *columns[0], *columns[1])


def _query(rng: Random, encoding: Encoding, split: Split) -> _Query:
    """Write a query as it opens a user turn, and a later turn that is to be decided."""
    words = words_for(split, rng)
    phrases = Phrases(split, rng)
    opening = f"{COMPACT.opens['system']}{COMPACT.system['default']}{COMPACT.close}"
    query = _Query([*encoding.encode(opening)], [], [])
    query.ids += encoding.encode(f"{COMPACT.opens['user']}{QUERY_HEADER}\n")
    noted: list[tuple[str, bool]] = []
    seen: list[str] = []
    read: set[str] = set()  # languages, or all texts
    number = 0
    for kind in _kinds(rng):
        name, slots = KINDS[kind], _slots(words, rng)
        number += name not in QUESTIONS
        sign = 0 if name in QUESTIONS else number
        request = phrases.say(name, **slots)
        query.ids += encoding.encode(f"#{sign} {request}\n")
        query.kinds.append((len(query.ids) - 1, kind))
        read |= {"translate": {str(slots["language"])}, "read": {ANY_TEXT}}.get(name, set())
        facts, is_wanted = draw_facts(name, int(slots["n"]), rng)
        if facts and rng.random() < FACTS_SHARE:
            line = f"#{sign} {' '.join(facts)}: {request[:MAX_REQUEST_LETTERS]}\n"
            noted.append((line, is_wanted))
            seen += _news(facts, f"{slots['x']}!{sign}", rng)
    second = rng.randrange(3000)
    silence = f"<{second}.0 seconds>\ncam: nothing{COMPACT.close}"
    query.ids += encoding.encode(silence)
    query.ids += encoding.encode(COMPACT.opens["assistant"])
    query.ids += encoding.encode(f"{SILENCE}{COMPACT.close}")
    query.ids += encoding.encode(
        f"{COMPACT.opens['user']}<{second + rng.randrange(1, 60)}.0 seconds>\n"
    )
    for line, is_wanted in noted:
        query.ids += encoding.encode(line)
        query.facts.append((len(query.ids) - 1, int(is_wanted)))
    is_comment = any(KINDS[kind] == "comment" for _, kind in query.kinds)
    query.speaks = any(is_wanted for _, is_wanted in noted) or (is_comment and bool(seen))
    there = f"{rng.randrange(1, 4)} {rng.choice(words.labels)}"
    if rng.random() < WRITTEN_SHARE[bool(read)]:
        text, language = _writing(words, read, rng)
        seen.append(f'text new "{text}" {rng.choice(PARTS)}')
        query.speaks = query.speaks or bool(read & {ANY_TEXT, language})
    query.ids += encoding.encode("; ".join([f"cam: {there}", *seen]) + COMPACT.close)
    query.ids += encoding.encode(COMPACT.opens["assistant"])
    return query


def _kinds(rng: Random) -> list[int]:
    """Choose what is asked: at most one question, and that first."""
    chosen = dict.fromkeys(rng.choices(DRAWN, k=rng.randrange(1, MOST_LINES + 1)))
    asked = [kind for kind in chosen if KINDS[kind] in QUESTIONS][:1]
    return asked + [kind for kind in chosen if KINDS[kind] not in QUESTIONS]


def _news(facts: Sequence[str], name: str, rng: Random) -> list[str]:
    """Show what came and went, as a scene does."""
    words = {fact.split()[0] for fact in facts}
    news = (("new", "come"), ("gone", "left"))
    place = rng.choice(PARTS)
    return [f"{sign} {name} {rng.randrange(1, 99)} {place}" for sign, fact in news if fact in words]


def _writing(words: Words, read: set[str], rng: Random) -> tuple[str, str]:
    """Choose a text, and say in which language it is; half of them are in one that is read."""
    asked = sorted(read & DICTIONARY.keys())
    if not asked and rng.random() < 0.5:
        return words.sign(), ""
    language = rng.choice(asked if asked and rng.random() < 0.5 else list(DICTIONARY))
    return " ".join(rng.sample(sorted(DICTIONARY[language]), rng.choice((1, 1, 2)))), language


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
