"""The brain of a labelled stream: it answers whoever asks, whenever that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from onlooker.core.event import TaskAsked
from onlooker.core.moment import Answer
from onlooker.core.prompt import task_id_of
from onlooker.data.stream import LabelledStream
from onlooker.evaluate.content import token_f1

SAME_QUESTION = 0.5  # token F1 from which a question asks for a labelled answer
NO_ANSWER = "I do not know."
DELAY_S = 5.0  # of an answer that no label foresees


def brain_of(stream: LabelledStream) -> Callable[[TaskAsked], Answer | None]:
    """Make a `Brain` for `evaluate.replay.play`, for rollouts that decide for themselves.

    A question like one that the labels delegate gets its answer, after the labelled delay from
    whenever it is asked, or none if the labels have none; any other gets `NO_ANSWER`.
    """
    answers = {answer.task_id: answer for turn in stream.turns for answer in turn.answers}
    asked = {
        question: (turn.tick.end_s, answers.get(task_id_of(turn.tick.index)))
        for turn in stream.turns
        if (question := getattr(turn.decision, "question", ""))
    }

    def solve(task: TaskAsked) -> Answer | None:
        known = max(asked, key=lambda question: token_f1(task.question, question), default="")
        if not known or token_f1(task.question, known) < SAME_QUESTION:
            return Answer(task.task_id, task.question, NO_ANSWER, task.time_s + DELAY_S)
        asked_s, answer = asked[known]
        if answer is None:
            return None
        time_s = task.time_s + max(0.0, answer.time_s - asked_s)
        return replace(answer, task_id=task.task_id, question=task.question, time_s=time_s)

    return solve
