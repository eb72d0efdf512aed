"""The time that a question speaks of: "ten minutes ago", "in the last hour", "5分钟前"."""

from __future__ import annotations

import re

_NUMBERS = {
    "a": 1.0, "an": 1.0, "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0,
    "six": 6.0, "seven": 7.0, "eight": 8.0, "nine": 9.0, "ten": 10.0, "fifteen": 15.0,
    "twenty": 20.0, "thirty": 30.0, "forty": 40.0, "fifty": 50.0, "half": 0.5, "half an": 0.5,
    "half a": 0.5, "a few": 3.0, "a couple of": 2.0, "several": 5.0,
    "一": 1.0, "两": 2.0, "二": 2.0, "三": 3.0, "四": 4.0, "五": 5.0, "六": 6.0, "七": 7.0,
    "八": 8.0, "九": 9.0, "十": 10.0, "半": 0.5,
}  # fmt: skip
_UNITS_S = (
    (re.compile(r"s|sec|seconds?|秒"), 1.0),
    (re.compile(r"m|min|minutes?|分钟|分"), 60.0),
    (re.compile(r"h|hours?|个?小时"), 3600.0),
    (re.compile(r"days?|天"), 86_400.0),
)
_NUMBER = r"(\d+(?:\.\d+)?|a few|a couple of|half an?|[a-z]+|[一二两三四五六七八九十半])"
_UNIT = r"(seconds?|sec|minutes?|min|hours?|days?|[smh]\b|秒|分钟|个?小时|天)"
_AGO = re.compile(rf"\b{_NUMBER}[ -]?{_UNIT} (?:ago|earlier|before)\b")
_AGO_ZH = re.compile(rf"{_NUMBER}{_UNIT}[之以]?前")
_LAST = re.compile(rf"\b(?:last|past|previous) (?:{_NUMBER} )?{_UNIT}\b")
_LAST_ZH = re.compile(rf"(?:最近|过去)(?:的)?{_NUMBER}{_UNIT}")
SLACK = 0.2  # of the time that has passed: people round
LEAST_SLACK_S = 15.0


def span_asked(words: str, now_s: float) -> tuple[float, float] | None:
    """Give the span that a question speaks of, in session time; None if it names none."""
    plain = words.lower()
    ago = _AGO.search(plain) or _AGO_ZH.search(plain)
    if ago and (length_s := _length_s(ago[1], ago[2])):
        slack_s = max(LEAST_SLACK_S, SLACK * length_s)
        return now_s - length_s - slack_s, now_s - length_s + slack_s
    last = _LAST.search(plain) or _LAST_ZH.search(plain)
    if last and (length_s := _length_s(last[1] or "one", last[2])):
        return now_s - length_s, now_s
    return None


def _length_s(number: str, unit: str) -> float | None:
    amount = _NUMBERS.get(number)
    if amount is None:
        try:
            amount = float(number)
        except ValueError:
            return None
    return next(amount * size_s for pattern, size_s in _UNITS_S if pattern.fullmatch(unit))
