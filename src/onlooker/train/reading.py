"""Reading lessons: requests by themselves, what kind each of them is, and which facts it wants.

A stream teaches what a request wants only in the seconds in which that matters, a few of every
hundred. So beside each batch of streams stands one of requests, and at the end of its line a
request's kind is to be told from what the network makes of it; behind them stands what the tally
could note of each, and at the end of that line it is to be told whether the request wants to hear
it. What tells the two is thrown away. Last, silence or speech is decided on, as in a stream; what
is written there is to be told to who wants all of it read, or wants that language in English.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from random import Random

import torch
from torch import Tensor

from onlooker.core.conversation import QUERY_HEADER
from onlooker.core.decision import SILENCE
from onlooker.core.prompt import Noted
from onlooker.core.scene_words import quoted, wanted_labels
from onlooker.data.world.families.delegation import PLACES
from onlooker.data.world.phrases import Phrases, templates
from onlooker.data.world.words import DICTIONARY, Split, Words, words_for
from onlooker.live.tally import names_language
from onlooker.model.render import COMPACT, noted_words
from onlooker.train.examples import Encoding, stepped_up
from onlooker.train.facts import WANTED, draw_facts, wants

NOT_ASKED = frozenset({"overheard", "injected"})
KINDS = tuple(sorted(templates().keys() - NOT_ASKED))
QUESTIONS = frozenset(
    {"how_many", "what_text", "how_long", "since_left", "what_time", "did_see", "when_came"}
    | {"how_many_came", "which_first", "what_was_written", "what_see", "where_is", "is_there"}
    | {"hello", "thanks", "cancel", "knowledge", "reasoning", "code", "details", "unseen"}
)
# What facts are told of comes twice as often as what they are not. What is to be put into English
# comes most often: it takes many examples to learn which language a word is of.
TIMES = dict.fromkeys(WANTED, 2) | {"translate": 6}
DRAWN = tuple(kind for kind in KINDS for _ in range(TIMES.get(kind, 1)))
MOST_LINES = 4  # of one query
FACTS_SHARE = 0.7  # of requests of which something could be noted
WRITTEN_SHARE = (0.1, 0.6)  # of queries that show a text: where nobody asks for texts, and where
OTHERS_SHARE = 0.3  # of queries without news in which something comes or goes that nobody named
LOST = 0.1  # share of the words of a request
PARTS = ("left", "right", "top", "center", "bottom left")  # of a picture
LENGTH_STEP = 16  # tokens
_MAX_TOKENS = 288  # of one query


@dataclass(frozen=True, slots=True)
class Lesson:
    """Queries, the shortest first, and what they teach.

    B queries, T tokens, N lines of them, F of facts.
    """

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

    def parts(self, num_parts: int) -> Iterator[Lesson]:
        """Cut it into parts of as many queries each, of about the same length: little is padded."""
        size = -(-len(self.ids_BT) // num_parts)
        for first in range(0, len(self.ids_BT), size):
            yield self._part(slice(first, first + size))

    def _part(self, rows: slice) -> Lesson:
        ends_B = self.ends_B[rows]
        lines_N, facts_F = (
            (rows.start <= rows_K) & (rows_K < rows.stop)
            for rows_K in (self.rows_N, self.fact_rows_F)
        )
        return Lesson(
            self.ids_BT[rows, : stepped_up(int(ends_B.max()) + 1, LENGTH_STEP)],
            ends_B,
            self.speaks_B[rows],
            self.rows_N[lines_N] - rows.start,
            self.ends_N[lines_N],
            self.kinds_N[lines_N],
            self.fact_rows_F[facts_F] - rows.start,
            self.fact_ends_F[facts_F],
            self.wanted_F[facts_F],
        )


@dataclass(slots=True)
class _Query:
    """One query: what is asked, and a second in which the tally notes something of it."""

    encoding: Encoding
    ids: list[int] = field(default_factory=list)
    kinds: list[tuple[int, int]] = field(default_factory=list)  # the end of each line, its kind
    facts: list[tuple[int, int]] = field(default_factory=list)  # ... and whether that is wanted
    speaks: bool = False

    @property
    def last(self) -> int:
        """The place of what was written last."""
        return len(self.ids) - 1

    def write(self, words: str) -> None:
        self.ids += self.encoding.encode(words)


@dataclass(frozen=True, slots=True)
class _Request:
    """One line of a query, and what could be noted of it."""

    number: int  # 0: a question
    kind: str
    text: str
    thing: str  # that it names
    language: str  # ... and that it is to be put into English from
    facts: tuple[str, ...] = ()

    def noted(self, written: _Written | None) -> tuple[Noted, bool]:
        """Say what is noted of it where this is written, and whether it wants to hear that."""
        is_wanted = wants(self.kind, self.facts)
        if written is None or not names_language(self.text):
            return Noted(self.number, self.facts, self.text), is_wanted
        is_asked_for = self.kind == "translate" and self.language == written.language
        facts = (*self.facts, f"reads {quoted(written.text)}")
        return Noted(self.number, facts, self.text), is_wanted or is_asked_for


@dataclass(frozen=True, slots=True)
class _Written:
    """A text that shows."""

    text: str
    language: str  # none: ""


def lesson(
    number: int, encoding: Encoding, num_queries: int = 48, split: Split = "train", seed: int = 0
) -> Lesson:
    """Make the lesson of a number; the same number and seed are the same lesson."""
    rng = Random(f"lesson {seed} {number}")  # noqa: S311 - words, no secret
    rows: list[_Query] = []
    while len(rows) < num_queries:
        query = _query(rng, encoding, split)
        if len(query.ids) <= _MAX_TOKENS:
            rows.append(query)
    rows.sort(key=lambda row: len(row.ids))
    ids_BT = torch.zeros((len(rows), stepped_up(len(rows[-1].ids), LENGTH_STEP)), dtype=torch.int64)
    for at, row in enumerate(rows):
        ids_BT[at, : len(row.ids)] = torch.tensor(row.ids)
    ends_B = torch.tensor([len(row.ids) - 1 for row in rows])
    speaks_B = torch.tensor([int(row.speaks) for row in rows])
    lines = [(at, *line) for at, row in enumerate(rows) for line in row.kinds]
    facts = [(at, *line) for at, row in enumerate(rows) for line in row.facts]
    columns = [
        column
        for found in (lines, facts)
        for column in torch.tensor(found).reshape(-1, 3).long().T.unbind()
    ]
    return Lesson(ids_BT, ends_B, speaks_B, *columns)


def _query(rng: Random, encoding: Encoding, split: Split) -> _Query:
    """Write a query as it opens a user turn, and a later turn that is to be decided."""
    words = words_for(split, rng)
    query = _Query(encoding)
    query.write(f"{COMPACT.opens['system']}{COMPACT.system['default']}{COMPACT.close}")
    query.write(f"{COMPACT.opens['user']}{QUERY_HEADER}\n")
    phrases = Phrases(split, rng, lost=LOST if split == "train" else 0.0)
    requests = [_request(*kind, words, phrases, rng) for kind in _kinds(rng)]
    for one in requests:
        query.write(f"#{one.number} {one.text}\n")
        query.kinds.append((query.last, KINDS.index(one.kind)))
    second = rng.randrange(3000)
    query.write(f"<{second}.0 seconds>\ncam: nothing{COMPACT.close}")
    query.write(COMPACT.opens["assistant"])
    query.write(f"{SILENCE}{COMPACT.close}")
    query.write(f"{COMPACT.opens['user']}<{second + rng.randrange(1, 60)}.0 seconds>\n")
    _happen(query, requests, words, rng)
    query.write(COMPACT.opens["assistant"])
    return query


def _kinds(rng: Random) -> list[tuple[int, str]]:
    """Choose what is asked, numbered: at most one question, and that first."""
    chosen = dict.fromkeys(rng.choices(DRAWN, k=rng.randrange(1, MOST_LINES + 1)))
    asked = [(0, kind) for kind in chosen if kind in QUESTIONS][:1]
    return asked + list(enumerate((kind for kind in chosen if kind not in QUESTIONS), start=1))


def _request(number: int, kind: str, words: Words, phrases: Phrases, rng: Random) -> _Request:
    """Word a request, and make up what is noted of it."""
    slots = _slots(words, rng)
    text = phrases.say(kind, **slots)
    facts = draw_facts(kind, int(slots["n"]), rng) if rng.random() < FACTS_SHARE else ()
    return _Request(number, kind, text, str(slots["x"]), str(slots["language"]), facts)


def _happen(query: _Query, requests: Sequence[_Request], words: Words, rng: Random) -> None:
    """Write what is noted and what is seen in the second that is to be decided."""
    languages = [one.language for one in requests if one.kind == "translate"]
    is_all_read = any(one.kind == "read" for one in requests)
    is_read = is_all_read or bool(languages)
    written = _writing(words, languages, rng) if rng.random() < WRITTEN_SHARE[is_read] else None
    seen = [f"cam: {rng.randrange(1, 4)} {rng.choice(words.labels)}"]
    news = [
        told for one in requests for told in _news(one.facts, f"{one.thing}!{one.number}", rng)
    ] or _other_news(requests, words, rng)
    for one in requests:
        noted, is_wanted = one.noted(written)
        if noted.facts:
            query.write(f"{noted_words(noted)}\n")
            query.facts.append((query.last, int(is_wanted)))
        query.speaks |= is_wanted or (one.kind == "comment" and bool(news))
    seen += news
    if written is not None:
        query.speaks |= is_all_read
        seen.append(f"text new {quoted(written.text)} {rng.choice(PARTS)}")
    query.write("; ".join(seen) + COMPACT.close)


def _other_news(requests: Sequence[_Request], words: Words, rng: Random) -> list[str]:
    """Show at times that something comes or goes that nobody named."""
    label = rng.choice(words.labels)
    if rng.random() > OTHERS_SHARE or label in wanted_labels([one.text for one in requests]):
        return []
    return _news([rng.choice(("come", "left"))], label, rng)


def _news(facts: Sequence[str], name: str, rng: Random) -> list[str]:
    """Show what came and went, as a scene does."""
    words = {fact.split()[0] for fact in facts}
    news = (("new", "come"), ("gone", "left"))
    place = rng.choice(PARTS)
    return [f"{sign} {name} {rng.randrange(1, 99)} {place}" for sign, fact in news if fact in words]


def _writing(words: Words, languages: Sequence[str], rng: Random) -> _Written:
    """Choose a text; half of them are in a language that is to be put into English."""
    if not languages and rng.random() < 0.5:
        return _Written(words.sign(), "")
    asked = languages if languages and rng.random() < 0.5 else list(DICTIONARY)
    language = rng.choice(asked)
    foreign = rng.sample(sorted(DICTIONARY[language]), rng.choice((1, 1, 2)))
    return _Written(" ".join(foreign), language)


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
