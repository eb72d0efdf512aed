"""Reading lessons: requests by themselves, what kind each of them is, and which facts it wants.

A stream teaches what a request wants only in the seconds in which that matters, a few of every
hundred. So beside each batch of streams stands one of requests, and at the end of its line a
request's kind is to be told from what the network makes of it; behind them stands what the tally
could note of each, and at the end of that line it is to be told whether the request wants to hear
it. What tells the two is thrown away. Last, silence or speech is decided on, as in a stream; what
is written there is to be told to who wants all of it read, or wants that language in English; and
at its end its language is to be told, since which word is of which takes many seconds to learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
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
# What facts are told of comes twice as often as what they are not. What is to be put into English
# comes most often: it takes many examples to learn which language a word is of.
TIMES = dict.fromkeys(WANTED, 2) | {"translate": 10}
DRAWN = tuple(kind for kind, name in enumerate(KINDS) for _ in range(TIMES.get(name, 1)))
MOST_LINES = 4  # of one query
FACTS_SHARE = 0.7  # of requests of which something could be noted
WRITTEN_SHARE = (0.1, 0.6)  # of queries that show a text: where nobody asks for texts, and where
ANY_TEXT = "any"
LANGUAGES = ("", *DICTIONARY)  # none of them first
PARTS = ("left", "right", "top", "center", "bottom left")  # of a picture
_MAX_TOKENS = 288  # of one query


@dataclass(frozen=True, slots=True)
class Lesson:
    """Queries and what they teach. B queries, T tokens, N lines of them, F of facts, W texts."""

    ids_BT: Tensor
    ends_B: Tensor  # places at which a decision is due
    speaks_B: Tensor  # whether it is to speak, 0 or 1
    rows_N: Tensor
    ends_N: Tensor  # places of the lines' ends
    kinds_N: Tensor
    fact_rows_F: Tensor
    fact_ends_F: Tensor
    wanted_F: Tensor  # whether the request wants to hear it, 0 or 1
    text_rows_W: Tensor
    text_ends_W: Tensor
    languages_W: Tensor  # places in `LANGUAGES`

    def to(self, device: torch.device) -> Lesson:
        return Lesson(*(getattr(self, one.name).to(device) for one in fields(self)))


@dataclass(slots=True)
class _Query:
    """One query: what is asked, and a second in which the tally notes something of it."""

    encoding: Encoding
    ids: list[int] = field(default_factory=list)
    kinds: list[tuple[int, int]] = field(default_factory=list)  # the end of each line, its kind
    facts: list[tuple[int, int]] = field(default_factory=list)  # ... and whether that is wanted
    texts: list[tuple[int, int]] = field(default_factory=list)  # the end of each, its language
    speaks: bool = False

    @property
    def last(self) -> int:
        """The place of what was written last."""
        return len(self.ids) - 1

    def write(self, words: str) -> None:
        self.ids += self.encoding.encode(words)


@dataclass(slots=True)
class _Asked:
    """What the requests of a query make of the second that is to be decided."""

    noted: list[tuple[str, bool]] = field(default_factory=list)  # lines, and whether wanted
    news: list[str] = field(default_factory=list)
    read: set[str] = field(default_factory=set)  # languages to put into English, or any text


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
    texts = [(at, *text) for at, row in enumerate(rows) for text in row.texts]
    columns = [
        column
        for found in (lines, facts, texts)
        for column in torch.tensor(found).reshape(-1, 3).long().T.unbind()
    ]
    return Lesson(ids_BT, ends_B, speaks_B, *columns)


def _query(rng: Random, encoding: Encoding, split: Split) -> _Query:
    """Write a query as it opens a user turn, and a later turn that is to be decided."""
    words = words_for(split, rng)
    query = _Query(encoding)
    query.write(f"{COMPACT.opens['system']}{COMPACT.system['default']}{COMPACT.close}")
    query.write(f"{COMPACT.opens['user']}{QUERY_HEADER}\n")
    asked = _ask(query, words, Phrases(split, rng), rng)
    second = rng.randrange(3000)
    query.write(f"<{second}.0 seconds>\ncam: nothing{COMPACT.close}")
    query.write(COMPACT.opens["assistant"])
    query.write(f"{SILENCE}{COMPACT.close}")
    query.write(f"{COMPACT.opens['user']}<{second + rng.randrange(1, 60)}.0 seconds>\n")
    for line, is_wanted in asked.noted:
        query.write(line)
        query.facts.append((query.last, int(is_wanted)))
    is_comment = any(KINDS[kind] == "comment" for _, kind in query.kinds)
    is_wanted = any(is_wanted for _, is_wanted in asked.noted)
    query.speaks = is_wanted or (is_comment and bool(asked.news))
    _show(query, words, asked, rng)
    query.write(COMPACT.opens["assistant"])
    return query


def _ask(query: _Query, words: Words, phrases: Phrases, rng: Random) -> _Asked:
    """Write the requests, and make up what was noted of them."""
    asked = _Asked()
    number = 0
    for kind in _kinds(rng):
        name, slots = KINDS[kind], _slots(words, rng)
        number += name not in QUESTIONS
        sign = 0 if name in QUESTIONS else number
        request = phrases.say(name, **slots)
        query.write(f"#{sign} {request}\n")
        query.kinds.append((query.last, kind))
        asked.read |= {"translate": {str(slots["language"])}, "read": {ANY_TEXT}}.get(name, set())
        facts, is_wanted = draw_facts(name, int(slots["n"]), rng)
        if facts and rng.random() < FACTS_SHARE:
            line = f"#{sign} {' '.join(facts)}: {request[:MAX_REQUEST_LETTERS]}\n"
            asked.noted.append((line, is_wanted))
            asked.news += _news(facts, f"{slots['x']}!{sign}", rng)
    return asked


def _show(query: _Query, words: Words, asked: _Asked, rng: Random) -> None:
    """Write what is seen: news of what was noted, and sometimes a text."""
    there = f"cam: {rng.randrange(1, 4)} {rng.choice(words.labels)}"
    query.write("; ".join([there, *asked.news]))
    if rng.random() < WRITTEN_SHARE[bool(asked.read)]:
        text, language = _writing(words, asked.read, rng)
        query.speaks = query.speaks or bool(asked.read & {ANY_TEXT, language})
        query.write(f'; text new "{text}"')
        query.texts.append((query.last, LANGUAGES.index(language)))
        query.write(f" {rng.choice(PARTS)}")
    query.write(COMPACT.close)


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
