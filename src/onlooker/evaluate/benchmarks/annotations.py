"""What the benchmarks share: files of annotations, joining them with predictions, choices."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from onlooker.core.errors import OnlookerError
from onlooker.evaluate.prediction import Prediction
from onlooker.evaluate.problems import OfficialScriptStops, Problem

Entry = dict[str, Any]  # an annotation as it stands in its file

_LABEL = re.compile(r"\A\W*([A-Z])(?:\W*\Z|[.):])")


class BadAnnotations(OnlookerError):
    """A file of annotations cannot be read at all."""


class Item(Protocol):
    """What every question of a benchmark has."""

    @property
    def item(self) -> str: ...

    @property
    def video(self) -> str: ...


I = TypeVar("I", bound=Item)  # noqa: E741
T = TypeVar("T")


def load_list(path: Path) -> list[Any]:
    """Read a JSON file that holds a list.

    Raises:
        BadAnnotations: it is missing, truncated, or something else.
    """
    loaded = _load(path)
    if not isinstance(loaded, list):
        raise BadAnnotations(f"{path} holds a {type(loaded).__name__}, expected a list of entries")
    return loaded


def load_object(path: Path) -> Entry:
    """Read a JSON file that holds an object.

    Raises:
        BadAnnotations: it is missing, truncated, or something else.
    """
    loaded = _load(path)
    if not isinstance(loaded, dict):
        raise BadAnnotations(f"{path} holds a {type(loaded).__name__}, expected an object")
    return loaded


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadAnnotations(f"{path}: {error}: fetch the file again") from error


def read_entries(
    entries: Iterable[Any], read: Callable[[int, Entry], Iterable[I]]
) -> tuple[tuple[I, ...], tuple[Problem, ...]]:
    """Read every entry that can be read; list the others, and second entries of one id."""
    items: dict[str, I] = {}
    problems: list[Problem] = []
    for number, entry in enumerate(entries):
        try:
            if not isinstance(entry, dict):
                raise TypeError(f"expected an object, found {str(entry)[:60]}")
            found = tuple(read(number, entry))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            detail = f"entry {number}: {type(error).__name__}: {error}"
            problems.append(Problem("bad_annotation", None, detail))
            continue
        for one in found:
            if one.item in items:
                problems.append(
                    Problem("duplicate_item", one.item, f"entry {number}; the first counts")
                )
            else:
                items[one.item] = one
    return tuple(items.values()), tuple(problems)


def join(
    items: Iterable[I], predictions: Iterable[Prediction]
) -> tuple[tuple[tuple[I, Prediction], ...], tuple[Problem, ...]]:
    """Pair each item with its prediction; list what is missing, unknown or there twice."""
    known = {one.item: one for one in items}
    paired: dict[str, tuple[I, Prediction]] = {}
    problems: list[Problem] = []
    for prediction in predictions:
        if prediction.item not in known:
            problems.append(Problem("unknown_item", prediction.item, "no annotation has this id"))
        elif prediction.item in paired:
            problems.append(Problem("duplicate_item", prediction.item, "the first counts"))
        else:
            paired[prediction.item] = (known[prediction.item], prediction)
    missing = [item for item in known if item not in paired]
    problems += [Problem("missing_prediction", item, "it is in no score") for item in missing]
    return tuple(paired[item] for item in known if item in paired), tuple(problems)


def missing_videos(items: Iterable[Item], folder: Path) -> tuple[Problem, ...]:
    """List the items whose video is not there."""
    return tuple(
        Problem("missing_video", one.item, f"{folder / one.video} is not there")
        for one in items
        if not (folder / one.video).is_file()
    )


def choice_of(text: str, letters: str = "ABCD") -> str | None:
    """Read which option an answer names; None if it names none, or several.

    "B", "(b)", "B. A map." and "The answer is B." name one; "A or B" does not.
    """
    if label := _LABEL.match(text.strip().upper() if len(text.strip()) <= 3 else text.strip()):
        return label[1] if label[1] in letters else None
    named = set(re.findall(rf"(?<![\w'])([{letters}])(?![\w'])", text))
    return named.pop() if len(named) == 1 else None


def yes_or_no(text: str) -> str | None:
    """Read "Yes" or "No" out of an answer; None if it says neither, or both."""
    said = set(re.findall(r"\b(yes|no|y|n)\b", text.lower()))
    said = {word[0] for word in said}
    return {"y": "Yes", "n": "No"}[said.pop()] if len(said) == 1 else None


def mean(values: Iterable[float]) -> float:
    """Average; 0 of nothing, as the official scripts have it."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


def as_script(compute: Callable[[], T], benchmark: str) -> T:
    """Run what an official script does.

    Raises:
        OfficialScriptStops: here the script would have ended with an exception.
    """
    try:
        return compute()
    except (LookupError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise OfficialScriptStops(
            f"the official script of {benchmark} stops here with {type(error).__name__}: {error}; "
            f"mend the prediction, or use the clean score"
        ) from error


def means_of(groups: Mapping[str, list[float]]) -> dict[str, float]:
    """Average each group, in the order of their first appearance."""
    return {name: mean(values) for name, values in groups.items()}
