from onlooker.core.decision import Delegate
from onlooker.core.event import TaskAsked
from onlooker.data.answers import NO_ANSWER, brain_of
from onlooker.data.stream import LabelledStream
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.evaluate.replay import play
from onlooker.evaluate.score import score
from onlooker.model.rules import RulesModel


def delegating() -> LabelledStream:
    """Give a stream with a question and its answer; also rules know that kind of question."""
    return next(
        stream
        for number in range(4, 50)
        if (stream := make_stream(Recipe("delegation", "train", 0, number))).num_delegated == 1
        and any(turn.answers for turn in stream.turns)
    )


def asked(question: str, time_s: float) -> TaskAsked:
    return TaskAsked(time_s=time_s, tick=int(time_s), task_id="t", question=question, note="n")


def test_a_late_question_is_answered_as_much_later() -> None:
    stream = delegating()
    turn = next(turn for turn in stream.turns if isinstance(turn.decision, Delegate))
    (answer,) = [answer for one in stream.turns for answer in one.answers]
    brain = brain_of(stream)
    on_time = brain(asked(answer.question, turn.tick.end_s))
    late = brain(asked(answer.question, turn.tick.end_s + 3))
    assert on_time is not None
    assert late is not None
    assert on_time.time_s == answer.time_s
    assert late.time_s == answer.time_s + 3
    assert late.text == answer.text
    assert late.task_id == "t"


def test_a_question_that_nobody_foresaw_is_answered_too() -> None:
    answer = brain_of(delegating())(asked("zzz qqq", 3.0))
    assert answer is not None
    assert answer.text == NO_ANSWER


async def test_a_rollout_gets_the_answers_that_it_asks_for() -> None:
    stream = delegating()
    played = await play(stream.turns, RulesModel(), brain=brain_of(stream))
    counts = score(stream.truth, played.prediction(stream.item)).counts
    assert counts.due_delegate_delegated == 1
    (text,) = [answer.text for turn in stream.turns for answer in turn.answers]
    assert any(text in said.text for said in played.prediction(stream.item).emissions) or (
        "no answer" in text
    )
