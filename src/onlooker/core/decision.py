"""The three things a tick can come to, their one reader and their one writer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

from onlooker.core.errors import MalformedDecision

SILENCE = "</silence>"
RESPONSE = "</response>"
DELEGATION = "</delegation>"

Action = Literal["silent", "speak", "delegate"]

# What the released checkpoint was seen to write in place of DELEGATION
# (its prompt constants, its documentation and its page's parser each have their own).
_DELEGATION_SPELLINGS = re.compile(r"</?delegation>|</delegate>")
_BACKGROUND_CALL = re.compile(r"<\|background_call\|>\s*(?P<json>.*)", re.DOTALL)
_MARKER = re.compile(r"</?(silence|response|delegation|delegate)>|<\|\w+\|>|</?think>")
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_TURN_END = re.compile(r"(<\|im_end\|>|<\|endoftext\|>|\s)+\Z")


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing to say this second."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Say `text` now."""

    text: str

    def __post_init__(self) -> None:
        _check_line(self.text)


@dataclass(frozen=True, slots=True)
class Delegate:
    """Say `text` now, and give `question` to the brain."""

    text: str
    question: str

    def __post_init__(self) -> None:
        _check_line(self.text)
        _check_line(self.question)


Decision = Silent | Speak | Delegate


def decide(action: str, text: str | None = None, question: str | None = None) -> Decision:
    """Build a decision from its parts, with white space made single.

    Raises:
        MalformedDecision: no such action, or a part is missing, left over or holds a marker.
    """
    given = (action, _one_line(text), _one_line(question))
    match given:
        case ("silent", "", ""):
            return Silent()
        case ("speak", words, ""):
            return Speak(words)
        case ("delegate", words, asked):
            return Delegate(words, asked)
    raise MalformedDecision(str(given), "action, text and question do not fit each other")


def action_of(decision: Decision) -> Action:
    """Name the action of a decision."""
    match decision:
        case Silent():
            return "silent"
        case Speak():
            return "speak"
        case Delegate():
            return "delegate"


def parse_decision(output: str) -> Decision:
    """Read what the model wrote. Nothing else in the project reads these markers.

    Raises:
        MalformedDecision: the output is none of the three, or a part of it is empty.

    Source: the released system's prompt and parsers (Apache-2.0), every spelling of them.
    """
    written = _TURN_END.sub("", _THOUGHT.sub("", output)).strip()
    try:
        return _parse(written)
    except MalformedDecision as error:
        raise MalformedDecision(output, error.why) from None


def spoken_so_far(output: str) -> str:
    """Say how much of an unfinished output is sure to be spoken: always a prefix of the text."""
    written = _THOUGHT.sub("", output).strip()
    if not written.startswith(RESPONSE):
        return ""
    # Whatever follows a '<' may turn out to be a marker.
    return _one_line(written.removeprefix(RESPONSE).partition("<")[0])


def render_decision(decision: Decision) -> str:
    """Write a decision as the model writes it; `parse_decision` is the inverse."""
    match decision:
        case Silent():
            return SILENCE
        case Speak(text):
            return f"{RESPONSE} {text}"
        case Delegate(text, question):
            return f"{RESPONSE} {text} {DELEGATION} {question}"


def _parse(written: str) -> Decision:
    if written == SILENCE:
        return Silent()
    if not written.startswith(RESPONSE):
        raise MalformedDecision(written, "it does not begin with a marker, or goes on after one")
    said = written.removeprefix(RESPONSE)
    if call := _BACKGROUND_CALL.search(said):
        return Delegate(_one_line(said[: call.start()]), _one_line(_query_of(call["json"])))
    note, *questions = _DELEGATION_SPELLINGS.split(said)
    match questions:
        case []:
            return Speak(_one_line(note))
        case [question]:
            return Delegate(_one_line(note), _one_line(question))
    raise MalformedDecision(written, "it delegates more than once")


def _query_of(call: str) -> str:
    """Read the question of a `<|background_call|>`, which is JSON with the key `query`."""
    try:
        query = json.loads(call)["query"]
    except (ValueError, KeyError, TypeError, RecursionError):
        query = None
    if not isinstance(query, str):
        raise MalformedDecision(call, "its background call is no JSON with a query")
    return query


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _check_line(text: str) -> None:
    if not text or text != _one_line(text):
        raise MalformedDecision(text, "a text is empty, or not one line of single spaces")
    if marker := _MARKER.search(text):
        raise MalformedDecision(text, f"a text holds the marker {marker[0]!r}")
