"""Writes recipes/suites/real-clips.json: items over real clips, from the labels of their seconds.

    .venv/bin/python -m bench.suite_clips

Who comes and goes is taken from tests/clips/*.labels, which somebody wrote who looked at the middle
frame of every second; captions are drawn by us, so their words are known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from onlooker.evaluate.content import Content
from onlooker.evaluate.truth import Expected, Standing, Truth, to_json
from onlooker.plugins.perception.labels import Labels, read_labels
from onlooker.testing.footage import captions_at

ROOT = Path(__file__).parent.parent
TO = ROOT / "recipes" / "suites" / "real-clips.json"
ASKED_S = 0.5
# What must be said of each caption, without accents and signs that readers leave out.
CAPTION_KEYS = {
    3: "paris",
    6: "mind the gap",
    9: "128.50",
    12: "meeting room b",
    18: "gare",
    21: "21",
    24: "half time",
    27: "connection refused",
}

Entry = dict[str, Any]


def entry(
    name: str,
    family: str,
    clip: tuple[str, float, float],
    events: list[Expected],
    ask: str = "",
    **more: Any,
) -> Entry:
    file, start_s, seconds = clip
    standing = (Standing("i1", ask, ASKED_S),) if ask else ()
    truth = Truth(f"real-{name}", seconds, tuple(events), standing, family=family)
    shown = {
        "name": file,
        "start_s": start_s,
        "seconds": seconds,
        "captions": more.pop("captions", False),
    }
    return {"family": family, "clip": shown, "truth": to_json(truth), **more}


def at(second: float, content: Content | None = None, action: str = "speak") -> Expected:
    """Expect something that is true in the middle of a second, and was not in the one before."""
    given = {} if content is None else {"content": content}
    onset_s = max(0.0, second - 0.5)
    return Expected(f"e{second:g}", onset_s, second + 1, action, **given)  # type: ignore[arg-type]


def keys(*words: str) -> Content:
    return Content("keywords", words)


def number(value: int) -> Content:
    return Content("number", number=float(value))


def changes(clip: str, start_s: int, seconds: int, kind: str) -> list[int]:
    """Give the seconds of a part in which people come or go, from its own beginning."""
    return [
        second - start_s
        for second, seen in enumerate(_labels(clip).seconds)
        if start_s < second < start_s + seconds and getattr(seen, kind)
    ]


def _labels(clip: str) -> Labels:
    return read_labels(ROOT / "tests" / "clips" / f"{clip}.labels")


def people() -> Iterator[Entry]:
    person = keys("person")
    for name, start_s, seconds, ask in (
        ("comes-1", 0, 26, "Tell me when a person appears."),
        ("comes-2", 40, 39, "Let me know whenever somebody comes into view."),
    ):
        come = changes("vtest", start_s, seconds, "entered")
        clip = ("vtest.avi", start_s, seconds)
        yield entry(name, "monitoring", clip, [at(one, person) for one in come], ask)
        totals = accumulate(_labels("vtest").seconds[start_s + one].entered for one in come)
        counted = [at(one, number(total)) for one, total in zip(come, totals, strict=True)]
        text = "Count the people who come, out loud."
        yield entry(f"counts-{name[-1]}", "counting", clip, counted, text)
    goes = changes("vtest", 12, 30, "left")
    events = [at(one, person) for one in goes]
    yield entry(
        "leaves", "monitoring", ("vtest.avi", 12, 30), events, "Tell me when a person leaves."
    )
    come = changes("bikes", 0, 10, "entered")
    clip = ("bikes.mp4", 0, 10)
    events = [at(one, person) for one in come]
    yield entry("street", "monitoring", clip, events, "Alert me when a person shows up.")
    both = sorted({*changes("vtest", 44, 28, "entered"), *changes("vtest", 44, 28, "left")})
    text = "Comment on who comes and goes."
    yield entry("comment", "commentary", ("vtest.avi", 44, 28), [at(one) for one in both], text)


def written() -> Iterator[Entry]:
    shown = [at(second, keys(word)) for second, word in CAPTION_KEYS.items()]
    clip = ("vtest.avi", 0, 30)
    yield entry("reads", "text", clip, shown, "Read out every new text.", captions=True)
    one = [at(24, keys("half time"))]
    text = 'Tell me when it says "HALF TIME".'
    yield entry("waits", "text", ("vtest.avi", 40, 30), one, text, captions=True)
    title = [at(2, keys("ltx"))]
    yield entry("title", "text", ("sea.webp", 0, 4), title, "Read out every new text.")


def timed() -> Iterator[Entry]:
    tens = [Expected(f"e{second}", second, second + 1.5) for second in (10.0, 20.0, 30.0)]
    text = "Every 10 seconds, tell me the time."
    yield entry("every", "time", ("vtest.avi", 0, 35), tens, text)
    once = [Expected("e8", 8.0, 9.5)]
    text = "Tell me when 8 seconds have passed."
    yield entry("after", "time", ("vtest.avi", 42, 16), once, text)


def asked() -> Iterator[Entry]:
    """Yield questions: about the past, about what is there now, and for the brain."""

    def one(
        name: str, family: str, clip: tuple[str, float, float], second: int, text: str
    ) -> Entry:
        action, content = _ANSWERS[name]
        event = Expected("e1", float(second), second + 1.0, action, content)  # type: ignore[arg-type]
        return entry(name, family, clip, [event], heard=[[second + ASKED_S, text]])

    vtest, bikes = ("vtest.avi", 0.0, 40.0), ("bikes.mp4", 0.0, 10.0)
    yield one("dog", "memory", vtest, 30, "Did you see a dog?")
    yield one("bicycle", "memory", bikes, 8, "Did you see a bicycle?")
    yield one("came", "memory", vtest, 35, "How many people have come so far?")
    yield one("now", "counting", ("vtest.avi", 34.0, 10.0), 7, "How many people do you see?")
    yield one("invented", "delegation", bikes, 4, "Who invented the bicycle?")
    text = "Write a short poem about this man."
    yield one("poem", "delegation", ("jwpIntro.mp4", 0.0, 5.0), 2, text)
    text = "What year was the first parking meter set up?"
    yield one("meter", "delegation", ("vtest.avi", 50.0, 20.0), 6, text)


_ANSWERS = {
    "dog": ("speak", keys("no")),
    "bicycle": ("speak", keys("yes")),
    "came": ("speak", number(8)),
    "now": ("speak", number(2)),
    "invented": ("delegate", Content()),
    "poem": ("delegate", Content()),
    "meter": ("delegate", Content()),
}


def nothing() -> Iterator[Entry]:
    yield entry("walkers", "quiet", ("vtest.avi", 0, 40), [])
    text = "Tell me when a dog appears."
    yield entry("no-dog", "quiet", ("vtest.avi", 40, 39), [], text)
    yield entry("office", "quiet", ("jwpIntro.mp4", 0, 5), [])
    yield entry(
        "car", "quiet", ("carphone_pristine.mp4", 0, 4), [], "Alert me when a cat shows up."
    )
    overheard = [[3.5, "could somebody call a taxi?"]]
    yield entry("traffic", "quiet", ("bikes.mp4", 0, 10), [], persona="silent", overheard=overheard)


def main() -> None:
    for second, word in CAPTION_KEYS.items():
        shown = " ".join(captions_at(second)).lower()
        assert word in shown or word.replace(" ", "") in shown, (second, word, shown)
    items = [*people(), *written(), *timed(), *asked(), *nothing()]
    lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in items)
    TO.write_text(f'{{"name": "real-clips", "items": [\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{TO}: {len(items)} items")


if __name__ == "__main__":
    main()
