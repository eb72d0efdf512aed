"""What the people in a conversation want of the testing server, in either dialect.

Overheard words, answers of the brain and what is told of earlier times are nobody's wish.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from onlooker.testing.conversation import Said

# native: one block holds everything that stands.
_QUERY_HEADER = "[User Query"
_NOTHING = "Nothing any more"
# Blocks that end with an empty line, or where the next begins.
_NOT_SAID_NOW = re.compile(
    r"(?:\[(?:Video History|Q&A History|Overheard|Background Answer|Background Pending|Recalled)\]"
    r"|What came before, as|What was said before:|Questions that the background brain).*?"
    r"(?=\n\n|\n\[|\nInstructions that stand|\n<\d|\Z)",
    re.DOTALL,
)
_NOT_SAID_TO_US = re.compile(r"^(?:Overheard|You recall|The background brain|<\d|\[\d|Camera )")
_RECALLED = re.compile(r"^You recall: (.*)", re.MULTILINE)
_ANSWER = re.compile(
    # instruct, then native
    r"^The background brain (?:answers|has no answer to|needs to know more for) "
    r"(?P<quote>['\"]).*?(?P=quote) \((?P<how>[^)]*)\): (?P<text>.*)"
    r"|^\[Background Answer\]\nQuestion: .*\nAnswer(?P<native_how>[^:]*): (?P<native_text>.*)",
    re.MULTILINE,
)
# instruct: each instruction by its id, with what becomes of it.
_INSTRUCTION = re.compile(
    r"(?:- i|I)nstruction (?P<id>\S+?),? (?P<change>\(since .*?\)|from now on|is \w+): (?P<text>.*)"
)
# What is overheard now, in either dialect, and what somebody wants to be told of.
_SOUND = re.compile(r"\(the sound of ([^)]*)\)")
_WHEN_HEARD = re.compile(r"\bwhen you hear (?:an? )?([\w ]+)", re.IGNORECASE)
_SAYS = re.compile(r"^The user says: ")
_TAKEN_BACK = re.compile(r"\b(?:stop|no longer|paused?|removed?|cancel\w*)\b", re.IGNORECASE)
_WHEN_MARKER = re.compile(r"\bwhen (?:the )?(?:marker |number )?(\d+)\b", re.IGNORECASE)
_QUESTION = re.compile(
    r"\b(what|which|where|when|how|who|why|is|are|was|were|do|does|did|can)\b.*\?", re.IGNORECASE
)


def standing_of(conversation: Sequence[Said]) -> tuple[str, ...]:
    """List the wishes that stand at the end of a conversation."""
    standing: dict[str, str] = {}
    for said in conversation:
        if said.role != "user":
            continue
        if _QUERY_HEADER in said.text:
            standing = {line: line for line in _lines(said)}
            continue
        for line in _lines(said):
            _change(standing, line)
    return tuple(standing.values())


def markers_of(wishes: Sequence[str]) -> set[int]:
    """Find the markers that are to be told: "tell me when 7 appears". None means all."""
    return {int(number) for wish in wishes for number in _WHEN_MARKER.findall(wish)}


def sound_of(said: Said, wishes: Sequence[str]) -> str:
    """Find a sound of this turn that somebody wants to be told of: "when you hear an alarm"."""
    wanted = [word for wish in wishes for word in _WHEN_HEARD.findall(wish)]
    heard = _SOUND.findall(said.text)
    return next((one for one in heard if any(word.strip() in one for word in wanted)), "")


def question_of(said: Said) -> str:
    """Find the question that is asked in a turn; empty if there is none."""
    for line in _lines(said):
        instruction = _INSTRUCTION.match(line)
        if instruction and instruction["change"] in ("is paused", "is withdrawn"):
            continue
        text = instruction["text"] if instruction else line
        if found := _QUESTION.search(text):
            return " ".join(text[: found.end()].split())
    return ""


def answers_of(said: Said) -> list[str]:
    """List what the brain answers in a turn, but for what is to be told only if asked."""
    return [
        found["text"] or found["native_text"]
        for found in _ANSWER.finditer(said.text)
        if "asked" not in (found["how"] or found["native_how"] or "")
    ]


def recalled_of(said: Said) -> list[str]:
    """List what was recalled for a turn, oldest first."""
    return _RECALLED.findall(said.text)


def _change(standing: dict[str, str], line: str) -> None:
    if instruction := _INSTRUCTION.match(line):
        standing.pop(instruction["id"], None)
        if instruction["change"] not in ("is paused", "is withdrawn"):
            standing[instruction["id"]] = instruction["text"]
    elif _TAKEN_BACK.search(line):
        gone = markers_of([line])
        for key, wish in list(standing.items()):
            if markers_of([wish]) & gone:
                del standing[key]
    else:
        standing[line] = line


def _lines(said: Said) -> Iterator[str]:
    for line in _NOT_SAID_NOW.sub("", said.text).splitlines():
        is_ours = line.startswith((_QUERY_HEADER, _NOTHING)) or _NOT_SAID_TO_US.match(line)
        if line.strip() and not is_ours:
            yield _SAYS.sub("", line).strip()
