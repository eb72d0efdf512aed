"""A segment in a paragraph: taken from its own lines, or written by a summariser and checked."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from onlooker.core.memory import Segment, estimate_tokens
from onlooker.core.scene_words import wanted_labels

_TIME = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?) ?(?:s|sec|seconds?)\b")
_AT_TIME = re.compile(r"\b(?:at|from|until|since|around|@) ?(\d+(?:\.\d+)?) ?(?:s|sec|seconds?)\b")
_QUOTED = re.compile(r'["“”]([^"“”]{2,80})["“”]')
_TRACK = re.compile(r": ([a-z][a-z ]*?) (\d+) (?:appeared|left)\b")
_MOST = re.compile(r"^most at once, .*?: (.*)$", re.MULTILINE)
_COUNT = re.compile(r"(\d+) ([a-z][a-z ]*)")
_NUMBERS = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
    )
}
_MARKERS = ("</", "<|", "<think")
_SPAN = re.compile(r"^<[^<>]*> ")
_SPOKEN = re.compile(r"^\S+ s (?:user|onlooker|overheard|background brain)\b")
_QUESTION = re.compile(r"^\S+ s user: .*[?？]$")
_PLACE = re.compile(r" (?:appeared|left) at the .*$")
_RANKS = (("at the end", 5.0), ("most at once", 2.0), ("text", 2.0), ("appeared", 1.0))
SLACK_S = 1.0
RARE = 2.0
_HAN, _CYRILLIC, _ARABIC = "[\u4e00-\u9fff]", "[\u0400-\u04ff]", "[\u0600-\u06ff]"
# Languages whose letters no other in common use here shares with English.
_SCRIPTS = {
    "zh": _HAN,
    "yue": _HAN,
    "ja": "[\u3040-\u30ff]",
    "ko": "[\uac00-\ud7af]",
    "ru": _CYRILLIC,
    "uk": _CYRILLIC,
    "bg": _CYRILLIC,
    "ar": _ARABIC,
    "fa": _ARABIC,
    "he": "[\u0590-\u05ff]",
    "el": "[\u0370-\u03ff]",
    "hi": "[\u0900-\u097f]",
    "th": "[\u0e00-\u0e7f]",
}


def extract(segment: Segment, max_tokens: int) -> str:
    """Choose the lines that matter most, in their order; what is asked for comes before all."""
    wanted = wanted_labels(segment.instructions)
    # What is merged are extracts in their turn: their spans go, their parts compete.
    lines = [part for line in segment.lines for part in _SPAN.sub("", line).split("; ")]
    seen = Counter(map(_shape, lines))
    kinds = Counter(map(_kind, lines))
    told: Counter[str] = Counter()
    ranked = []
    for place, line in enumerate(lines):
        shape = _shape(line)
        told[shape] += 1
        rank = _rank(line, wanted)
        if rank < 2.5:
            rank += RARE / kinds[_kind(line)]  # what comes once tells more than what always comes
        if told[shape] > 1:
            # The first of its kind says it all, and how often; unless it is asked for.
            rank = rank / 10 if rank < 10 else rank - told[shape] / 100
        often = f" ({seen[shape]} times)" if seen[shape] > 3 and told[shape] == 1 else ""
        ranked.append((-rank, place, line + often))
    kept, left = [], max_tokens
    for _, place, line in sorted(ranked):
        # One long remark does not push out all others.
        part = clip(line, max(16, max_tokens // 3))
        cost = estimate_tokens(part) + 1
        if cost <= left:
            kept.append((place, part))
            left -= cost
    return "; ".join(line for _, line in sorted(kept)) or "nothing worth telling happened"


def clip(text: str, max_tokens: int) -> str:
    """Cut a text at a word so that it costs no more."""
    if estimate_tokens(text) <= max_tokens:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate_tokens(f"{text[:middle]}...") <= max_tokens:
            low = middle
        else:
            high = middle - 1
    cut = text[:low]
    return f"{cut.rpartition(' ')[0] or cut}..." if low else ""


def objection(segment: Segment, paragraph: str, max_tokens: int) -> str:
    """Say what is wrong with a summary; empty if nothing is seen to be.

    Checked against the record: its form, times outside the segment, quotations that nobody wrote
    or said, more of a thing than were there, and that nobody came although somebody did.
    """
    if not paragraph or any(marker in paragraph for marker in _MARKERS):
        return "it is no paragraph of plain text"
    if estimate_tokens(paragraph) > 2 * max_tokens:
        return f"it is longer than {max_tokens} tokens"
    record = "\n".join(segment.lines).lower()
    words = paragraph.lower()
    return (
        _wrong_script(segment, paragraph)
        or _wrong_time(segment, words, record)
        or _wrong_quotation(words, record)
        or _wrong_count(words, record)
    )


def _wrong_script(segment: Segment, paragraph: str) -> str:
    """Tell English from what is not written in its letters; quotations are as they were."""
    script = _SCRIPTS.get(segment.language.partition("-")[0].lower())
    if script is None or re.search(script, paragraph):
        return ""
    return f"it is not written in the language {segment.language!r}"


def _wrong_time(segment: Segment, words: str, record: str) -> str:
    known = set(_TIME.findall(record))
    longest_s = segment.end_s - segment.start_s + SLACK_S
    at = set(_AT_TIME.findall(words))
    for found in _TIME.findall(words):
        time_s = float(found)
        is_inside = segment.start_s - SLACK_S <= time_s <= segment.end_s + SLACK_S
        is_duration = time_s <= longest_s and found not in at
        if not is_inside and not is_duration and found not in known:
            return (
                f"it speaks of {found} s, and the log is from {segment.start_s:.1f} s "
                f"to {segment.end_s:.1f} s"
            )
    return ""


def _wrong_quotation(words: str, record: str) -> str:
    for quoted in _QUOTED.findall(words):
        if quoted.strip(" .,!?") not in record:
            return f'it quotes "{quoted}", which is not in the log'
    return ""


def _wrong_count(words: str, record: str) -> str:
    """Compare with how many were followed, or seen at once."""
    counts: defaultdict[str, int] = defaultdict(int)
    for label, _ in set(_TRACK.findall(record)):
        counts[label] += 1
    most: defaultdict[str, int] = defaultdict(int)
    for listed in _MOST.findall(record):
        for number, label in _COUNT.findall(listed):
            most[label] += int(number)
    for label, number in most.items():
        counts[label] += number  # who was there from the beginning came in unseen
    for label, number in counts.items():
        names = "person|persons|people" if label == "person" else f"{re.escape(label)}(?:e?s)?"
        for claim in re.findall(rf"\b(\d+|[a-z]+) (?:{names})\b(?! \d)", words):
            claimed = int(claim) if claim.isdigit() else _NUMBERS.get(claim, -1)
            if claimed > number:
                return f"it counts {claim} {label}, and the log has {number} at most"
        if number and re.search(rf"\bno (?:{names})\b[^.;]* (?:seen|came|appeared|visible)", words):
            return f"it says that no {label} was there, and the log has {number}"
    return ""


def _rank(line: str, wanted: frozenset[str]) -> float:
    if wanted & wanted_labels([line]) - _COMMON:
        return 10.0
    if _SPOKEN.match(line):
        return 1.0 if _QUESTION.match(line) else 4.0  # what was asked has been answered
    return next((rank for word, rank in _RANKS if word in line), 0.5)


def _kind(line: str) -> str:
    """What stays of a shape when its place is taken away, too."""
    return _shape(_PLACE.sub("", line))


def _shape(line: str) -> str:
    """What stays of a line when its time and its numbers are taken away."""
    return re.sub(r"\d+(\.\d+)?", "#", line)


# Words of instructions and of our own lines that name nothing.
_COMMON = wanted_labels(
    [
        "a an the and or of in on at to me my you is it if when whenever tell say warn alert",
        "how many there what who left right top bottom center appeared s user onlooker count",
    ]
)
