"""StreamingBench (arXiv 2411.03628): questions in the stream, and proactive output.

Annotations: github.com/THUNLP-MT/StreamingBench, `src/data/questions_*.json`, MIT; videos from the
place that its README names. Questions have no ids there; ours are `TASK/ENTRY/QUESTION` by their
place in the file. The first emission is the answer, and of proactive output the moment.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from onlooker.evaluate.benchmarks.annotations import (
    Entry,
    as_script,
    choice_of,
    join,
    load_list,
    mean,
    means_of,
    read_entries,
)
from onlooker.evaluate.content import Content, is_right, tokens
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.problems import Problem
from onlooker.evaluate.truth import Expected, Standing, Truth

Task = Literal["real", "omni", "sqa", "proactive"]

TOLERANCE_S = 2.0
POLLED_S = 4.0  # after the gold moment the official poller gives up


@dataclass(frozen=True, slots=True)
class Question:
    """One question; of proactive output, one instruction."""

    item: str
    task: Task
    task_type: str
    video: str
    time_s: float
    question: str
    options: tuple[str, ...]
    right: str  # a letter; of proactive output, what is to be said
    gold_s: float | None  # of proactive output


def read(path: Path, task: Task) -> tuple[tuple[Question, ...], tuple[Problem, ...]]:
    """Read one of the annotation files."""
    numbered = [
        {"item": f"{task}/{number}/{at}", "entry": entry, "question": question}
        for number, entry in enumerate(_entries(load_list(path)))
        for at, question in enumerate(_questions_in(entry))
    ]
    return read_entries(
        numbered, lambda _, one: [_question_of(one["item"], task, one["entry"], one["question"])]
    )


def truth_of(question: Question) -> Truth:
    """Say what is right for a question of proactive output, for our own scorer.

    Raises:
        ValueError: it is no proactive one.
    """
    if question.gold_s is None:
        raise ValueError(f"{question.item} has no moment of its own: only proactive output has")
    content = Content("keywords", (question.right,)) if tokens(question.right) else Content()
    event = Expected("output", question.gold_s, question.gold_s, "speak", content, "question")
    asked = Standing("question", question.question, question.time_s)
    return Truth(question.item, question.gold_s + POLLED_S, (event,), (asked,))


def to_official(
    path: Path, task: Task, predictions: Iterable[Prediction], model: str
) -> tuple[list[Any], tuple[Problem, ...]]:
    """Write answers into a copy of the annotation file, under the model's name.

    Silence where proactive output was due becomes what the official poller leaves behind: an
    empty word when it gives up.
    """
    questions, bad = read(path, task)
    pairs, problems = join(questions, predictions)
    filled = copy.deepcopy(load_list(path))
    places = {
        f"{task}/{number}/{at}": place
        for number, entry in enumerate(_entries(filled))
        for at, place in enumerate(_questions_in(entry))
    }
    for question, prediction in pairs:
        if question.gold_s is not None:
            places[question.item][model] = _history_of(question, question.gold_s, prediction)
        elif prediction.answer:
            places[question.item][model] = prediction.answer
        else:
            # The official script would stop at it.
            problems += (Problem("missing_prediction", question.item, "it said nothing"),)
    return filled, (*bad, *problems)


def strict_official(filled: Sequence[Any], task: Task, model: str) -> dict[str, dict[str, float]]:
    """Score as `src/data/count.py` does at commit 8929923.

    Its quirks: only the first character of an answer is read; of proactive output the last word
    counts, however often it spoke before, and the right words may stand anywhere in it; questions
    without an answer are left out of the total.

    Raises:
        OfficialScriptStops: an empty answer, or an empty history.
    """
    return as_script(lambda: _strict(filled, task, model), "StreamingBench")


def clean(
    questions: Sequence[Question], predictions: Iterable[Prediction]
) -> tuple[dict[str, float], tuple[Problem, ...]]:
    """Score the option that was named; of proactive output the first word after the question.

    Returns:
        accuracy of each task type and their mean; for proactive output `time_accuracy` and
        `answer_accuracy`, which counts whole words.
    """
    pairs, problems = join(questions, predictions)
    groups: dict[str, list[float]] = {}
    for question, prediction in pairs:
        if question.gold_s is None:
            letters = "ABCDEFGH"[: len(question.options) or 4]
            named = choice_of(prediction.answer or "", letters)
            groups.setdefault(question.task_type, []).append(named == question.right)
            continue
        first = next((one for one in prediction.emissions if one.time_s > question.time_s), None)
        on_time = first is not None and abs(first.time_s - question.gold_s) <= TOLERANCE_S
        said = Content("keywords", (question.right,)) if tokens(question.right) else Content()
        groups.setdefault("time_accuracy", []).append(on_time)
        is_told = on_time and first is not None and is_right(said, first.text)
        groups.setdefault("answer_accuracy", []).append(is_told)
    accuracies = means_of(groups)
    if "time_accuracy" not in groups:
        accuracies["average"] = mean(accuracies.values())
    return accuracies, problems


def seconds_of(stamp: str) -> int:
    """Read HH:MM:SS."""
    parts = reversed(stamp.split(":"))
    return sum(int(part) * 60**power for power, part in enumerate(parts))


def _strict(filled: Sequence[Any], task: Task, model: str) -> dict[str, dict[str, float]]:
    stats: dict[str, dict[str, float]] = {}
    for entry in [one for group in filled for one in group] if task == "sqa" else filled:
        for question in entry["questions"]:
            if model in question:
                _count(question, task, question[model], stats)
    for counts in stats.values():
        total = counts["total"]
        pairs = {"time_correct": "time_accuracy", "answer_correct": "answer_accuracy"}
        if task != "proactive":
            pairs = {"correct": "accuracy"}
        for counted, rate in pairs.items():
            counts.setdefault(counted, 0)
            counts[rate] = counts[counted] / total
    return stats


def _count(question: Entry, task: Task, answer: Any, stats: dict[str, dict[str, float]]) -> None:
    def add(name: str, kind: str = question["task_type"]) -> None:
        counts = stats.setdefault(kind, {})
        counts[name] = counts.get(name, 0) + 1

    if task == "proactive":
        gold_s = seconds_of(question["ground_truth_time_stamp"])
        last = answer["dialog_history"][-1]
        time_s, said = last["time"], last["content"]
        add("total")
        if -TOLERANCE_S <= time_s - gold_s <= TOLERANCE_S:
            add("time_correct")
            if question["ground_truth_output"] in said:
                add("answer_correct")
        return
    if task == "sqa" and not answer:
        return
    kinds = [question["task_type"]] if task == "sqa" else [question["task_type"], "total"]
    for kind in kinds if answer[0] else ():
        add("total", kind)
        if answer[0] == question["answer"]:
            add("correct", kind)


def _history_of(question: Question, gold_s: float, prediction: Prediction) -> dict[str, Any]:
    give_up_s = gold_s + POLLED_S
    said = next(
        (one for one in prediction.emissions if question.time_s < one.time_s <= give_up_s),
        Emission(give_up_s),
    )
    word = {"role": "assistant", "content": said.text, "time": said.time_s, "cost": 0.0}
    return {"answered": said.time_s if said.text else False, "dialog_history": [word]}


def _entries(loaded: Sequence[Any]) -> list[Any]:
    """Flatten the nested list of sequential questions."""
    return [one for entry in loaded for one in (entry if isinstance(entry, list) else [entry])]


def _questions_in(entry: Any) -> list[Any]:
    """List an entry's questions; an entry that is none counts as one that cannot be read."""
    found = entry.get("questions") if isinstance(entry, dict) else None
    return found if isinstance(found, list) else [entry]


def _question_of(item: str, task: Task, entry: Entry, question: Entry) -> Question:
    is_proactive = task == "proactive"
    return Question(
        item,
        task,
        question["task_type"],
        entry["video_path"],
        float(seconds_of(question["time_stamp"])),
        question["question"],
        () if is_proactive else tuple(map(str, question["options"])),
        question["ground_truth_output"] if is_proactive else question["answer"],
        float(seconds_of(question["ground_truth_time_stamp"])) if is_proactive else None,
    )
