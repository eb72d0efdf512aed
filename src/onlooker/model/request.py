"""What a request asks for, by its key words: as far as rules can read people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from onlooker.core.scene_words import wanted_labels

Kind = Literal[
    "cancel", "hello", "thanks", "count_until", "count_events", "count_now", "absent", "stay",
    "every_scene", "every", "within", "after", "wait_text", "translate", "read", "leave", "steps",
    "comment", "say_on", "appear",
    "did_see", "when_came", "which_first", "what_was", "came_total", "how_long", "since_left",
    "elapsed", "how_many", "what_text", "what_see", "where", "is_there", "hard",
]  # fmt: skip

# The first that is found counts; questions that are answered at once come after what stands.
_STARTS = re.compile(
    r"^(what|who|where|when did|when was|how|did|was|has|have|is|are|do|does|which|why|would there"
    r"|can|since when|for how|at what|any|describe it|the |between|locate|number of|read the text"
    r"|in which|explain|tell me (about|the moment)|could you count)|\?$",
    re.IGNORECASE,
)
_COUNTING = re.compile(r"^how many .* keep counting")
_NUMBER = re.compile(r"\d+")


_Patterns = list[tuple[Kind, re.Pattern[str]]]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for, and what it names."""

    kind: Kind
    text: str

    @property
    def number(self) -> int:
        """The first number in it; 0 if there is none."""
        found = _NUMBER.search(self.text)
        return int(found[0]) if found else 0

    def names(self, label: str) -> bool:
        """Whether it names a label, in the singular or the plural."""
        wanted = wanted_labels([self.text])
        return label.lower() in wanted or all(word in wanted for word in label.lower().split())


def read_request(text: str) -> Request:
    """Say what a request asks for; what is not understood is hard."""
    plain = re.sub(
        r"^(please|hey,|could you|kindly|would you mind:|i need this:)\s+", "", text.lower().strip()
    )
    is_asked = _STARTS.search(plain) and not _COUNTING.search(plain)
    standing, questions = _patterns()
    for kind, pattern in questions + standing if is_asked else standing + questions:
        if pattern.search(plain):
            return Request(kind, text)
    return Request("appear" if len(plain.split()) <= 3 else "hard", text)


@cache
def _patterns() -> tuple[_Patterns, _Patterns]:
    """Read what is looked for: in what stands, and in questions."""
    tables: dict[str, _Patterns] = {}
    table: _Patterns = []
    for line in files(__package__).joinpath("requests.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            table = tables[line[1:-1]] = []
        elif line and not line.startswith("#"):
            kind, _, pattern = line.partition(" = ")
            table.append((cast("Kind", kind), re.compile(pattern)))
    return tables["standing"], tables["questions"]
