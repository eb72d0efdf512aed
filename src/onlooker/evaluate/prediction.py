"""What was said when, for one stream: taken from events, or from JSON lines, one stream a line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from onlooker.core.decision import Delegate, Silent
from onlooker.core.event import Decided, Event, Failed, Skipped
from onlooker.evaluate.problems import Problem

SaidAction = Literal["speak", "delegate"]


@dataclass(frozen=True, slots=True)
class Emission:
    """One thing that was said."""

    time_s: float  # of the stream
    text: str = ""
    action: SaidAction = "speak"
    question: str | None = None  # given to the brain, if it was delegated


@dataclass(frozen=True, slots=True)
class Prediction:
    """All that was said about one item, and what it took."""

    item: str
    emissions: tuple[Emission, ...] = ()
    latencies_ms: tuple[float, ...] = ()  # of all decisions, silent ones included
    num_skipped: int = 0  # ticks without a decision
    num_failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def answer(self) -> str | None:
        """The first thing said: the answer, where the item is a single question."""
        return self.emissions[0].text if self.emissions else None


def prediction_of(item: str, events: Iterable[Event], *, is_heard_late: bool = False) -> Prediction:
    """Collect what a session said.

    Args:
        item: what the stream is called in the truth.
        events: of one session, live or replayed.
        is_heard_late: whether speech counts from when it was decided on, latency included, and
            not from the end of its tick.
    """
    emissions: list[Emission] = []
    latencies_ms: list[float] = []
    counts = {"num_skipped": 0, "num_failed": 0, "prompt_tokens": 0, "completion_tokens": 0}
    for event in events:
        match event:
            case Decided():
                latencies_ms.append(event.latency_ms)
                counts["prompt_tokens"] += event.usage.prompt_tokens or 0
                counts["completion_tokens"] += event.usage.completion_tokens or 0
                if not isinstance(event.decision, Silent):
                    emissions.append(_emission_of(event, is_heard_late=is_heard_late))
            case Skipped():
                counts["num_skipped"] += event.num_ticks
            case Failed(part="model" | "perception"):
                counts["num_failed"] += 1
    return Prediction(item, tuple(emissions), tuple(latencies_ms), **counts)


def read_predictions(path: Path) -> tuple[tuple[Prediction, ...], tuple[Problem, ...]]:
    """Read a file of predictions; lines that cannot be read and second lines of an item are listed.

    Raises:
        OSError: there is no such file.
    """
    predictions: dict[str, Prediction] = {}
    problems: list[Problem] = []
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                prediction = from_json(json.loads(line))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                problems.append(Problem("bad_prediction", None, f"{path.name}:{number}: {error}"))
                continue
            if prediction.item in predictions:
                detail = f"{path.name}:{number}: a second line; the first counts"
                problems.append(Problem("duplicate_item", prediction.item, detail))
                continue
            predictions[prediction.item] = prediction
    return tuple(predictions.values()), tuple(problems)


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """Write a file of predictions."""
    lines = [json.dumps(to_json(one), ensure_ascii=False) + "\n" for one in predictions]
    path.write_text("".join(lines), encoding="utf-8")


def to_json(prediction: Prediction) -> dict[str, Any]:
    """Turn a prediction into values that `json.dumps` takes."""
    emissions: list[dict[str, Any]] = []
    for said in prediction.emissions:
        plain: dict[str, Any] = {"time_s": said.time_s, "action": said.action, "text": said.text}
        emissions.append(plain if said.question is None else {**plain, "question": said.question})
    return {
        "item": prediction.item,
        "emissions": emissions,
        "latencies_ms": list(prediction.latencies_ms),
        "num_skipped": prediction.num_skipped,
        "num_failed": prediction.num_failed,
        "prompt_tokens": prediction.prompt_tokens,
        "completion_tokens": prediction.completion_tokens,
    }


def from_json(plain: Any) -> Prediction:
    """Read a prediction back. Only `item` and `emissions` must be there.

    Raises:
        ValueError, TypeError, KeyError: the values are no prediction.
    """
    if not isinstance(plain, dict) or not isinstance(plain.get("emissions"), list):
        raise TypeError(f"expected an object with item and emissions, found {str(plain)[:80]}")
    given = dict(plain)
    emissions = tuple(_emission_from(one) for one in given.pop("emissions"))
    latencies_ms = tuple(_finite(value) for value in given.pop("latencies_ms", ()))
    item = given.pop("item")
    if not isinstance(item, str) or not item:
        raise TypeError(f"item is {item!r}: expected its name")
    return Prediction(item, emissions, latencies_ms, **{k: int(v) for k, v in given.items()})


def _emission_of(decided: Decided, *, is_heard_late: bool) -> Emission:
    late_s = decided.latency_ms / 1e3 if is_heard_late else 0.0
    match decided.decision:
        case Delegate(text, question):
            return Emission(decided.time_s + late_s, text, "delegate", question)
        case said:
            return Emission(decided.time_s + late_s, getattr(said, "text", ""))


def _emission_from(plain: Any) -> Emission:
    if not isinstance(plain, dict):
        raise TypeError(f"expected an emission, found {plain!r}")
    emission = Emission(**{**plain, "time_s": _finite(plain["time_s"])})
    if emission.action not in get_args(SaidAction):
        raise ValueError(f"action is {emission.action!r}: speak or delegate")
    if not isinstance(emission.text, str):
        raise TypeError(f"text is {emission.text!r}: expected what was said")
    return emission


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)
