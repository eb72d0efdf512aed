"""Text as it can be spoken: no markup, no symbols, one line, in pieces that a voice can start on.

`spoken` cleans a whole text, `pieces` cuts it, `Pieces` does both while the text still grows.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterator

MAX_LETTERS = 220  # of a piece: some 15 s of speech
FIRST_LETTERS = 24  # a first clause of so many is spoken before its sentence ends
_MAX_HELD = 1000  # letters of an unfinished sentence
_FENCE = "```"

_ABBREVIATIONS = "mr mrs ms dr prof sr jr st vs etc eg ie e.g i.e no fig approx dept est inc ltd co"
_SHORT = frozenset(_ABBREVIATIONS.split())
_CLOSERS = r"[\"”’')\]*_]*"
_SENTENCE = re.compile(rf"[.!?…]+{_CLOSERS}\s+(?=\S)|[。！？]+{_CLOSERS}|\n\s*(?=[\n\-*#>|\d])")
_CLAUSE = re.compile(r"[,;:—]\s+(?=\S)|[，、；：]")

_UNITS = {
    "km/h": "kilometers per hour", "m/s": "meters per second", "mph": "miles per hour",
    "kWh": "kilowatt hours", "kW": "kilowatts", "kg": "kilograms", "km": "kilometers",
    "cm": "centimeters", "mm": "millimeters", "mg": "milligrams", "ml": "milliliters",
    "mL": "milliliters", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz",
    "Hz": "hertz", "GB": "gigabytes", "MB": "megabytes", "kB": "kilobytes", "TB": "terabytes",
    "ms": "milliseconds", "min": "minutes", "sec": "seconds", "hrs": "hours", "lbs": "pounds",
    "lb": "pounds", "oz": "ounces", "ft": "feet", "px": "pixels", "fps": "frames per second",
    "dB": "decibels", "kB/s": "kilobytes per second", "MB/s": "megabytes per second",
    "m²": "square meters", "m³": "cubic meters", "W": "watts", "V": "volts", "m": "meters",
    "g": "grams", "l": "liters", "L": "liters", "s": "seconds", "h": "hours",
}  # fmt: skip
_UNIT = re.compile(
    r"(?P<number>\d)\s?(?P<unit>"
    + "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
    + r")(?![\w²³/'’])"
)
_SIGNS = {
    "°C": " degrees Celsius", "°F": " degrees Fahrenheit", "℃": " degrees Celsius",
    "°": " degrees", "%": " percent", "‰": " per mille", "&": " and ", "×": " times ",
    "÷": " divided by ", "±": " plus or minus ", "≤": " is at most ", "≥": " is at least ",
    "≠": " is not ", "≈": " is about ", "=": " equals ", "→": " to ", "⇒": " so ",
    "²": " squared", "³": " cubed", "√": " square root of ", "∞": " infinity ", "π": " pi ",
    "∑": " the sum of ", "∫": " the integral of ", "½": " one half", "¼": " one quarter",
    "¾": " three quarters", "µ": " micro",
}  # fmt: skip
_SIGN = re.compile("|".join(map(re.escape, sorted(_SIGNS, key=len, reverse=True))))
_TEX = {
    "times": "times", "cdot": "times", "div": "divided by", "pm": "plus or minus",
    "le": "is at most", "leq": "is at most", "ge": "is at least", "geq": "is at least",
    "neq": "is not", "approx": "is about", "infty": "infinity", "sum": "the sum of",
    "int": "the integral of", "to": "to", "rightarrow": "to", "left": "", "right": "",
    "text": "", "mathrm": "", "quad": "", "begin": "", "end": "",
}  # fmt: skip
_POWERS = {"2": "squared", "3": "cubed"}

Rewrite = str | Callable[[re.Match[str]], str]


def _rule(pattern: str, by: Rewrite, flags: int = 0) -> tuple[re.Pattern[str], Rewrite]:
    return re.compile(pattern, flags), by


def _host(match: re.Match[str]) -> str:
    return match["host"].removeprefix("www.").replace(".", " dot ") + match["end"]


_MARKUP = (
    _rule(r"(```|~~~).*?(\1|\Z)", " ", re.DOTALL),
    _rule(r"!?\[([^\[\]\n]*)\]\([^()\s]*(?:\s\"[^\"\n]*\")?\)", r"\1"),
    _rule(
        r"<?(?:https?://|(?=www\.))(?P<host>[\w\-]+(?:\.[\w\-]+)*)(?::\d+)?(?:[/?#][^\s<>]*?)?"
        r"(?P<end>[.,;:!?)]*)>?(?=\s|\Z)",
        _host,
    ),
    _rule(r"(\w)@(\w[\w\-]*)\.(\w+)", r"\1 at \2 dot \3"),
    _rule(r"</?[A-Za-z][^<>\n]{0,200}>|<!--.{0,2000}?-->", " ", re.DOTALL),
    _rule(r"^[ \t]*\|?[ \t:\-|]*-{3,}[ \t:\-|]*$|^[ \t]*[*_=]{3,}[ \t]*$", "", re.MULTILINE),
    # A heading, an item or a row is a sentence of its own.
    _rule(
        r"^[ \t]*(?:#{1,6}|>+|[-*+•])[ \t]+(.*?)[ \t#]*(?<![.!?:;,])$", r"\1.", re.MULTILINE
    ),
    _rule(r"^[ \t]*(?:#{1,6}|>+|[-*+•])[ \t]+", "", re.MULTILINE),
    _rule(r"^[ \t]*(\d{1,3})[.)][ \t]+(.*?)(?<![.!?:;,])$", r"\1, \2.", re.MULTILINE),
    _rule(r"^[ \t]*(\d{1,3})[.)][ \t]+", r"\1, ", re.MULTILINE),
    _rule(r"^[ \t]*\|(.*)\|[ \t]*$", r"\1.", re.MULTILINE),
    _rule(r"\|", ", "),
    _rule(r"\*{2,3}|~~|`+|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)", ""),
    _rule(r"(?<!\w)_+(?=\w)|(?<=\w)_+(?!\w)", ""),
)  # fmt: skip
_FORMULAS = (
    _rule(r"\\[()\[\]]", " "),
    _rule(r"\\(?:frac|dfrac)\{([^{}]*)\}\{([^{}]*)\}", r"\1 over \2"),
    _rule(r"\\sqrt\{([^{}]*)\}", r"the square root of \1"),
    _rule(r"\^\{?(-?\w+)\}?", lambda m: f" {_POWERS.get(m[1], f'to the power of {m[1]}')} "),
    _rule(r"(?<=[A-Za-z])_\{?(\w)\}?(?!\w)", r" sub \1"),
    _rule(r"\\([A-Za-z]+)", lambda m: f" {_TEX.get(m[1], m[1])} "),
)
_NUMBERS = (
    _rule(r"(?<=\d)\s?[–—]\s?(?=\d)", " to "),
    _rule(r"(?<=\d)\s\-\s(?=\d)", " minus "),
    _rule(r"(?<![\w.)])[-−](?=\d)", "minus "),
    _rule(r"(?<=[\w)])\s?\+\s?(?=[\w(])", " plus "),
    _rule(r"(?<=\w)\s?<\s?(?=\w)", " is less than "),
    _rule(r"(?<=\w)\s?>\s?(?=\w)", " is more than "),
    _rule(r"[#№](?=\d)", "number "),
    _rule(r"~(?=\d)", "about "),
)
_TIDY = (
    _rule(r"[*_#|~^{}\[\]<>\\`=@$+/](?!\d)|(?<!\d)[*_#|~^{}\[\]<>\\`=@+/]", " "),
    _rule(r"\s+", " "),
    _rule(r"\s+(?=[,;:.!?…])", ""),
    _rule(r"([!?])[!?]+", r"\1"),
    _rule(r"\.{4,}", "..."),
    _rule(r"[,;:]+(?=[,;:.!?])", ""),
    _rule(r"\(\s*\)", ""),
    _rule(r"^[\s,;:.!?)\-–—…]+", ""),
)


def spoken(text: str, language: str = "en") -> str:
    """Write a text as it is said: one line without markup, addresses, emoji or formulas.

    Symbols and units become words in English; in other languages they are left to the voice.
    Nothing that can be said leaves an empty text. Cleaning twice changes nothing.
    """
    for _ in range(4):  # what is taken away may leave markup behind
        cleaned = _clean(text, is_english=language.lower().startswith("en"))
        if cleaned == text:
            break
        text = cleaned
    return cleaned


def pieces(text: str, max_letters: int = MAX_LETTERS) -> list[str]:
    """Cut a cleaned text at its sentences; a long one at its clauses, or else between words."""
    return [
        part
        for sentence in _cut(text, _SENTENCE)
        for part in _shorten(sentence.strip(), max_letters)
        if _is_sayable(part)
    ]


class Pieces:
    """Cuts a text that grows into pieces to be spoken, each as soon as it is sure.

    The pieces are the same, however the text arrives. The first may be a clause.
    """

    def __init__(self, language: str = "en") -> None:
        self._language = language
        self._held = ""
        self._is_first = True

    def feed(self, text: str) -> list[str]:
        """Take the next of the text and give the pieces that it completes."""
        made: list[str] = []
        for letter in text:
            self._held += letter
            if self._is_code():
                begin = self._held.rindex(_FENCE) + len(_FENCE)
                self._held = self._held[:begin] + self._held[begin:][-len(_FENCE) :]
            elif end := self._end():
                made += self._say(self._held[:end])
                self._held = self._held[end:]
        return made

    def rest(self) -> list[str]:
        """Give what is left when the text has ended."""
        held, self._held = self._held, ""
        return self._say(held)

    def _say(self, text: str) -> list[str]:
        said = pieces(spoken(text, self._language))
        self._is_first &= not said
        return said

    def _is_code(self) -> bool:
        return self._held.count(_FENCE) % 2 == 1

    def _end(self) -> int:
        """Find where the first piece ends; 0 if that is not known yet."""
        held = self._held
        for match in _SENTENCE.finditer(held):
            if held.count(_FENCE, 0, match.end()) % 2 == 0 and _ends(held, match):
                return match.end()
        if self._is_first:
            for match in _CLAUSE.finditer(held):
                if match.end() >= FIRST_LETTERS and _FENCE not in held:
                    return match.end()
        return len(held) if len(held) >= _MAX_HELD else 0


def _clean(text: str, *, is_english: bool) -> str:
    text = html.unescape(text.replace("\r", "\n"))
    text = _rewritten(text, _MARKUP)
    text = _rewritten(text, _FORMULAS)
    text = "".join(filter(_is_speakable, text))
    if is_english:
        text = _UNIT.sub(lambda m: f"{m['number']} {_UNITS[m['unit']]}", text)
        text = _rewritten(text, _NUMBERS)
        text = _SIGN.sub(lambda m: _SIGNS[m[0]], text)
    text = _rewritten(text, _TIDY).strip()
    return text if _is_sayable(text) else ""


def _rewritten(text: str, rules: tuple[tuple[re.Pattern[str], Rewrite], ...]) -> str:
    for pattern, by in rules:
        text = pattern.sub(by, text)
    return text


def _is_speakable(letter: str) -> bool:
    """Tell letters, digits and punctuation from pictures, controls and the parts of emoji."""
    if letter in _SIGNS or letter in "\n\t":
        return True
    if letter in "\ufe0e\ufe0f\u20e3" or "\U000e0000" <= letter <= "\U000e0fff":
        return False
    return unicodedata.category(letter) not in {"So", "Sk", "Cs", "Co", "Cn", "Cc", "Cf"}


def _is_sayable(text: str) -> bool:
    return any(letter.isalnum() for letter in text)


def _cut(text: str, where: re.Pattern[str]) -> Iterator[str]:
    begin = 0
    for match in where.finditer(text):
        if where is _CLAUSE or _ends(text, match):
            yield text[begin : match.end()]
            begin = match.end()
    yield text[begin:]


def _ends(text: str, match: re.Match[str]) -> bool:
    """Whether a sentence ends there, and not an abbreviation, an initial or an item's number."""
    if not match[0].startswith(".") or match[0].startswith(".."):
        return True
    before = text[max(0, match.start() - 12) : match.start()].split()
    word = before[-1].lstrip("(\"'“‘*_") if before else ""
    if word.lower() in _SHORT or (len(word) == 1 and word.isupper()):
        return False
    is_item = word.isdigit() and text[: match.start()].strip() == word
    return not is_item and not text[match.end() : match.end() + 1].islower()


def _shorten(sentence: str, max_letters: int) -> Iterator[str]:
    """Cut what is too long at its last clause that fits, or else at its last word."""
    while len(sentence) > max_letters:
        clauses = [match.end() for match in _CLAUSE.finditer(sentence[:max_letters])]
        end = (clauses or [0])[-1]
        if end < max_letters // 4:
            end = sentence.rfind(" ", 1, max_letters) + 1 or max_letters
        yield sentence[:end].strip()
        sentence = sentence[end:].strip()
    yield sentence
