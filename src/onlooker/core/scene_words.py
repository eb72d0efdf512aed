"""A scene as words: what the small model reads, and people on the page and in the log.

One line a stream, always in the same order, such as

    door: 2 person 1 car; new person 7 left; gone dog 4 right; person 3 center 10s in drive;
    car 2 top right 5m; text new "OPEN" top; seems street

The same scene gives the same words. Times are rounded down to a few steps, so that words do not
change when nothing else does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise

from onlooker.core.percept import Box, Scene, SceneObject, SceneText, View

MAX_TEXT_CHARACTERS = 80
MORE_TOKENS = 3  # "; 5 more"
_TOKEN = re.compile(r"\w+|[^\w\s]")
_STEPS = ((3600, "h"), (60, "m"), (1, "s"))
_SECONDS = (1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
# What people call things, and what detectors do.
_LABELS = {
    name: label
    for label, names in {
        "person": "people persons man men woman women child children kid kids guy visitor visitors "
        "somebody someone anybody anyone",
        "bicycle": "bike cycle",
        "motorcycle": "motorbike",
        "car": "vehicle auto",
        "truck": "lorry",
        "boat": "ship",
        "potted plant": "plant",
        "wine glass": "wineglass",
        "sports ball": "ball",
        "fire hydrant": "hydrant",
        "airplane": "plane aircraft",
        "dog": "puppy doggy",
        "cat": "kitten kitty",
        "tv": "television telly",
        "couch": "sofa",
        "cell phone": "phone mobile",
        "laptop": "computer",
        "cup": "mug",
        "refrigerator": "fridge",
        "backpack": "rucksack",
    }.items()
    for name in names.split()
}
# Names of two words that hold the name of something else.
_COMPOUNDS = frozenset(
    {"hot dog", "teddy bear", "traffic light", "stop sign", "fire hydrant", "parking meter"}
    | {"sports ball", "baseball bat", "wine glass", "potted plant", "dining table", "hair drier"}
)
_ENDINGS = (("ies", "y"), ("ves", "fe"), ("es", ""), ("s", ""))  # of plurals


Name = Callable[[str], str]
"""Gives what a label is written as: with the marks of the requests that name it."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a line: `rank` says how much it matters, `place` where it stands."""

    rank: int
    place: int
    words: str


def scene_words(
    scene: Scene,
    asked: Sequence[str] = (),
    max_tokens: int = 160,
    marks: Sequence[str] = (),
    *,
    is_brief: bool = False,
) -> str:
    """Say a scene in words, one line a stream.

    Args:
        scene: what was seen.
        asked: words of interest, such as those of the standing instructions. What they name
            stays in the line when there is more to say than fits.
        max_tokens: words and signs at most, shared evenly by the streams. The line of a stream
            says at least its name and its counts, whatever they cost.
        marks: one for each of `asked`; stands behind the names of things that this one names.
        is_brief: what is still there is counted, and only what is new or gone is told.

    Returns:
        the lines, without a line break at the end.
    """
    share = max_tokens // max(1, len(scene.views))
    wanted = wanted_labels(asked)
    by_mark = [(mark, wanted_labels([text])) for text, mark in zip(asked, marks, strict=False)]

    def name(label: str) -> str:
        return label + "".join(mark for mark, named in by_mark if label in named)

    return "\n".join(
        _line(
            view, _pieces(view, wanted, name, is_brief=is_brief), share, str if is_brief else name
        )
        for view in scene.views
    )


def count_tokens(words: str) -> int:
    """Count words and signs: what a budget means, whatever tokenizer comes later."""
    return len(_TOKEN.findall(words))


def wanted_labels(asked: Collection[str]) -> frozenset[str]:
    """Bring words of a request, alone and in pairs, to the form of labels: lower case, singular.

    A label that is in the result is named by the request.
    """
    return frozenset[str]().union(*map(_labels_of, asked))


@lru_cache(maxsize=512)
def _labels_of(text: str) -> frozenset[str]:
    whole, parts = (re.findall(words, text.lower()) for words in (r"[\w-]+", r"\w+"))
    words = {*whole, *parts}  # of "no-dog alarm" the dog, too
    beside = {*pairwise(whole), *pairwise(parts)}
    pairs = [f"{first} {form}" for first, second in beside for form in _singulars(second)]
    within = {word for pair in pairs if pair in _COMPOUNDS for word in pair.split()}
    labels = {form for word in words for form in _singulars(word)} - within
    return frozenset(labels.union(pairs, (_LABELS.get(label, label) for label in labels)))


def _singulars(word: str) -> tuple[str, ...]:
    """Give a word, and what it may be the plural of."""
    return (word, *(word.removesuffix(end) + new for end, new in _ENDINGS if word.endswith(end)))


def where(box: Box) -> str:
    """Name the ninth of the picture in which the middle of a box lies."""
    row = ("top", "", "bottom")[min(2, int((box.top + box.bottom) * 1.5))]
    column = ("left", "", "right")[min(2, int((box.left + box.right) * 1.5))]
    return f"{row} {column}".strip() or "center"


def how_long(seconds: float) -> str:
    """Round a time down to one of a few steps: `now`, `5s`, `2m`, `1h`."""
    reached = [step for step in _SECONDS if step <= seconds + 1e-6]
    if not reached:
        return "now"
    rounded = reached[-1] if seconds < 7200 else int(seconds // 3600) * 3600
    size, unit = next((size, unit) for size, unit in _STEPS if rounded >= size)
    return f"{rounded // size}{unit}"


def _line(view: View, pieces: Iterator[_Piece], max_tokens: int, name: Name) -> str:
    head = f"{view.stream}: {_counts(view, name)}"
    ranked = sorted(pieces, key=lambda piece: (piece.rank, piece.place))
    costs = [count_tokens(piece.words) + 1 for piece in ranked]
    room = max_tokens - count_tokens(head)
    is_all = sum(costs) <= room
    reached = list(accumulate(costs))
    num_kept = sum(cost <= (room if is_all else room - MORE_TOKENS) for cost in reached)
    kept = sorted(ranked[:num_kept], key=lambda piece: piece.place)
    words = [head, *(piece.words for piece in kept)]
    if not is_all and room >= MORE_TOKENS:
        words.append(f"{len(ranked) - num_kept} more")
    return "; ".join(words)


def _counts(view: View, name: Name) -> str:
    counts = Counter(name(thing.label) for thing in view.objects)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return " ".join(f"{number} {label}" for label, number in ordered) or "nothing"


def _pieces(view: View, wanted: frozenset[str], name: Name, *, is_brief: bool) -> Iterator[_Piece]:
    """List what there is to say beyond the counts. Rank 0 is asked for, 1 new, 2 gone, ..."""
    said = [(1, "cut")] if view.is_cut else []
    said += [(_rank(one, wanted, 1), _entry(one, name(one.label))) for one in view.entered]
    said += [(_rank(one, wanted, 2), _exit(one, name(one.label))) for one in view.left]
    if not is_brief:
        entered = {thing.track_id for thing in view.entered}
        said += [
            (_rank(one, wanted, 4), _presence(one, name(one.label), view.time_s))
            for one in view.objects
            if one.track_id not in entered
        ]
    said += [
        (_text_rank(text, view, wanted), _text(text, view.time_s))
        for text in (view.new_texts if is_brief else view.texts)
    ]
    if view.tags and not is_brief:
        said.append((5, f"seems {', '.join(view.tags)}"))
    for place, (rank, words) in enumerate(said):
        yield _Piece(rank, place, words)


def _rank(thing: SceneObject, wanted: frozenset[str], otherwise: int) -> int:
    names = {thing.label, *thing.label.split(), *(zone.lower() for zone in thing.zones)}
    return 0 if names & wanted else otherwise


def _text_rank(text: SceneText, view: View, wanted: frozenset[str]) -> int:
    if wanted & {
        "text",
        "read",
        "say",
        "sign",
        "subtitle",
        "caption",
        "word",
        "write",
        "translate",
    }:
        return 0
    return 1 if text.since_s == view.time_s else 3


def _entry(thing: SceneObject, name: str) -> str:
    return f"new {name} {thing.track_id} {where(thing.box)}{_zones(thing)}"


def _exit(thing: SceneObject, name: str) -> str:
    return f"gone {name} {thing.track_id} {where(thing.box)}"


def _presence(thing: SceneObject, name: str, now_s: float) -> str:
    since = how_long(now_s - thing.since_s)
    return f"{name} {thing.track_id} {where(thing.box)} {since}{_zones(thing)}"


def _zones(thing: SceneObject) -> str:
    return f" in {', '.join(thing.zones)}" if thing.zones else ""


def _text(text: SceneText, now_s: float) -> str:
    news = "new " if text.since_s == now_s else ""
    return f"text {news}{quoted(text.text)} {where(text.box)}"


def quoted(text: str) -> str:
    """Put what is written in a picture into quotes, so that it passes for nothing else."""
    plain = " ".join(text.replace('"', "'").replace("<", "(").replace(">", ")").split())
    shown = plain[:MAX_TEXT_CHARACTERS].rstrip()
    return f'"{shown}"' if shown == plain else f'"{shown}..."'
