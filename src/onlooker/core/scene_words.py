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
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

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
_ENDINGS = (("ies", "y"), ("ves", "fe"), ("es", ""), ("s", ""))  # of plurals


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a line: `rank` says how much it matters, `place` where it stands."""

    rank: int
    place: int
    words: str


def scene_words(
    scene: Scene, asked: Collection[str] = (), max_tokens: int = 160, mark: str = ""
) -> str:
    """Say a scene in words, one line a stream.

    Args:
        scene: what was seen.
        asked: words of interest, such as those of the standing instructions. What they name
            stays in the line when there is more to say than fits.
        max_tokens: words and signs at most, shared evenly by the streams. The line of a stream
            says at least its name and its counts, whatever they cost.
        mark: stands behind the names of things that `asked` names.

    Returns:
        the lines, without a line break at the end.
    """
    share = max_tokens // max(1, len(scene.views))
    wanted = wanted_labels(asked)
    return "\n".join(_line(view, wanted, share, mark) for view in scene.views)


def count_tokens(words: str) -> int:
    """Count words and signs: what a budget means, whatever tokenizer comes later."""
    return len(_TOKEN.findall(words))


def wanted_labels(asked: Collection[str]) -> frozenset[str]:
    """Bring words of a request to the form of labels: lower case, singular."""
    labels = set()
    for word in (part for text in asked for part in re.findall(r"[\w-]+", text.lower())):
        singulars = [word.removesuffix(end) + new for end, new in _ENDINGS if word.endswith(end)]
        for form in (word, *singulars):
            labels |= {form, _LABELS.get(form, form)}
    return frozenset(labels)


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


def _line(view: View, wanted: frozenset[str], max_tokens: int, mark: str) -> str:
    head = f"{view.stream}: {_counts(view, wanted, mark)}"
    ranked = sorted(_pieces(view, wanted, mark), key=lambda piece: (piece.rank, piece.place))
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


def _counts(view: View, wanted: frozenset[str], mark: str) -> str:
    counts = Counter(_name(thing, wanted, mark) for thing in view.objects)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return " ".join(f"{number} {label}" for label, number in ordered) or "nothing"


def _name(thing: SceneObject, wanted: frozenset[str], mark: str) -> str:
    is_named = not wanted.isdisjoint((thing.label, *thing.label.split()))
    return f"{thing.label}{mark}" if is_named else thing.label


def _pieces(view: View, wanted: frozenset[str], mark: str) -> Iterator[_Piece]:
    """List what there is to say beyond the counts. Rank 0 is asked for, 1 new, 2 gone, ..."""
    entered = {thing.track_id for thing in view.entered}
    name = partial(_name, wanted=wanted, mark=mark)
    said = [(1, "cut")] if view.is_cut else []
    said += [(_rank(thing, wanted, 1), _entry(thing, name(thing))) for thing in view.entered]
    said += [(_rank(thing, wanted, 2), _exit(thing, name(thing))) for thing in view.left]
    said += [
        (_rank(thing, wanted, 4), _presence(thing, name(thing), view.time_s))
        for thing in view.objects
        if thing.track_id not in entered
    ]
    said += [(_text_rank(text, view, wanted), _text(text, view.time_s)) for text in view.texts]
    if view.tags:
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
    return f'text {news}"{_quotable(text.text)}" {where(text.box)}'


def _quotable(text: str) -> str:
    """Keep what is written in a picture from passing for anything but a quotation."""
    plain = " ".join(text.replace('"', "'").replace("<", "(").replace(">", ")").split())
    shown = plain[:MAX_TEXT_CHARACTERS].rstrip()
    return shown if shown == plain else f"{shown}..."
