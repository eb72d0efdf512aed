"""Players whose scores one can compute by hand."""

from __future__ import annotations

import pytest

from onlooker.evaluate.content import Content
from onlooker.evaluate.metrics import Metrics, metrics
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.problems import count
from onlooker.evaluate.score import Score, ScoreSettings, score, score_all
from onlooker.evaluate.truth import Expected, Span, Standing, Truth

# A minute in which the pot boils, two people come, and somebody asks what a bird is called.
KITCHEN = Truth(
    "kitchen",
    60.0,
    (
        Expected("boils", 10.0, 10.0, "speak", Content("keywords", ("boils",)), "pot"),
        Expected("first", 20.0, 20.0, "speak", Content("number", number=1.0), "people"),
        Expected("second", 30.0, 30.0, "speak", Content("number", number=2.0), "people"),
        Expected("bird", 40.0, 40.0, "delegate"),
    ),
    (Standing("pot", "tell me when it boils"), Standing("people", "count the people")),
    family="mixed",
)
QUIET_S = 20.0  # up to the first event, and from 10 s after the last

PERFECT = (
    Emission(10.0, "It boils."),
    Emission(20.0, "1 person"),
    Emission(30.0, "Now there are two."),
    Emission(40.0, "One moment.", "delegate", "Which bird is it?"),
)


def score_of(*said: Emission, truth: Truth = KITCHEN) -> Score:
    return score(truth, Prediction(truth.item, said, latencies_ms=(100.0,) * 60))


def numbers(one: Score) -> Metrics:
    return metrics(one.counts, one.timings)


def test_a_perfect_player_gets_the_best_of_everything() -> None:
    got = numbers(score_of(*PERFECT))
    for name in (
        "timing_f1",
        "timing_precision",
        "timing_recall",
        "timing_f1@3s",
        "answer_f1",
        "coupled",
        "action_accuracy",
        "delegation_precision",
        "delegation_recall",
        "content_accuracy",
        "timing_f1@1s",
    ):
        assert got[name] == 1.0, name
    for name in (
        "false_alarms_per_quiet_hour",
        "missed_share",
        "repeat_share",
        "duplicate_share",
        "out_of_span_share",
        "delegation_false_rate",
    ):
        assert got[name] == 0.0, name
    assert got["emissions_per_minute"] == 4.0


def test_a_silent_player_misses_all_and_disturbs_nobody() -> None:
    got = numbers(score_of())
    assert got["timing_f1"] == got["answer_f1"] == got["coupled"] == 0.0
    assert got["timing_precision"] == 0.0
    assert got["missed_share"] == 1.0
    assert got["false_alarms_per_quiet_hour"] == 0.0
    assert got["repeat_share"] is None
    assert got["content_accuracy"] is None
    assert got["delegation_recall"] == 0.0
    assert got["delegation_precision"] is None


def test_a_player_two_seconds_late_is_on_time_from_two_seconds_of_tolerance_on() -> None:
    late = [Emission(one.time_s + 2.0, one.text, one.action) for one in PERFECT]
    one = score_of(*late)
    got = numbers(one)
    assert [timing.f1 for timing in one.timings] == [0.0, 1.0, 1.0]
    assert got["out_of_span_share"] == 1.0
    assert got["false_alarms_per_quiet_hour"] == 0.0  # late it was, but about something
    assert one.lags_s == (2.0,) * 4
    assert got["coupled"] == 0.0


def test_an_early_player_gets_no_credit_however_near_it_was() -> None:
    early = [Emission(one.time_s - 0.25, one.text, one.action) for one in PERFECT]
    one = score_of(*early)
    assert [timing.f1 for timing in one.timings] == [0.0, 0.0, 0.0]
    assert one.lags_s == (-0.25,) * 4


def test_early_credit_can_be_asked_for() -> None:
    early = [Emission(one.time_s - 0.25, one.text, one.action) for one in PERFECT]
    settings = ScoreSettings(early_s=0.5)
    one = score(KITCHEN, Prediction("kitchen", tuple(early)), settings)
    assert one.timings[0].f1 == 1.0


def test_a_chattering_player_tells_all_and_pays_for_the_rest() -> None:
    # Every second from 1 to 60: 60 remarks; 4 tell, 4 more fall into the same windows.
    one = score_of(*(Emission(float(second), "I see something.") for second in range(1, 61)))
    got = numbers(one)
    assert got["timing_recall"] == 1.0
    assert got["timing_precision"] == pytest.approx(4 / 60)
    assert got["timing_f1"] == pytest.approx(2 * 4 / (60 + 4))
    assert got["repeat_share"] == pytest.approx(4 / 60)
    assert got["out_of_span_share"] == pytest.approx(52 / 60)
    assert got["false_alarms_per_quiet_hour"] == pytest.approx((9 + 11) * 3600 / QUIET_S)
    # All but the four that tell and the very first.
    assert got["duplicate_share"] == pytest.approx(55 / 60)
    assert got["delegation_recall"] == 0.0
    assert got["content_accuracy"] == 0.0
    assert got["answer_f1"] == 0.0
    assert got["coupled"] == 0.0


def test_half_the_answers_wrong_halves_what_counts_as_answered() -> None:
    said = (*PERFECT[:2], Emission(30.0, "three"), Emission(40.0, "A crow."))
    got = numbers(score_of(*said))
    assert got["timing_f1"] == 1.0
    assert got["answer_f1"] == 0.5
    assert got["content_accuracy"] == pytest.approx(2 / 3)
    assert got["action_accuracy"] == 0.75
    assert got["delegation_recall"] == 0.0
    assert got["delegation_precision"] is None


def test_delegating_everything_is_seen_in_the_false_rate() -> None:
    got = numbers(score_of(*(Emission(one.time_s, one.text, "delegate") for one in PERFECT)))
    assert got["delegation_recall"] == 1.0
    assert got["delegation_precision"] == 0.25
    assert got["delegation_false_rate"] == 1.0
    assert got["action_accuracy"] == 0.25


def test_the_coupled_score_takes_the_lesser_of_trigger_and_silence() -> None:
    # All four told, one false alarm: min(1, 1 - 1/4). One told, no false alarm: min(1/4, 1).
    assert numbers(score_of(*PERFECT, Emission(50.0)))["coupled"] == 0.75
    assert numbers(score_of(PERFECT[0]))["coupled"] == 0.25


def test_silence_on_a_quiet_stream_is_perfect_and_one_word_is_not() -> None:
    quiet = Truth("night", 3600.0)
    silent, said = (numbers(score_of(*one, truth=quiet)) for one in ((), (Emission(9.0),)))
    assert silent["timing_f1"] == silent["answer_f1"] == silent["coupled"] == 1.0
    assert said["timing_f1"] == said["answer_f1"] == said["coupled"] == 0.0
    assert said["false_alarms_per_quiet_hour"] == 1.0


def test_speech_in_an_optional_span_is_neither_here_nor_there() -> None:
    truth = Truth("a", 60.0, (Expected("e", 10.0, 10.0),), optional=(Span(20.0, 30.0),))
    said = (Emission(10.0), Emission(25.0), Emission(26.0, "x", "delegate"))
    got = numbers(score_of(*said, truth=truth))
    assert got["timing_f1"] == got["coupled"] == 1.0
    assert got["delegation_precision"] is None


def test_speech_where_it_is_forbidden_is_a_false_alarm_even_at_an_event() -> None:
    truth = Truth("a", 60.0, (Expected("e", 10.0, 10.0),), forbidden=(Span(5.0, 15.0),))
    one = score_of(Emission(10.0), truth=truth)
    assert one.counts.num_forbidden == one.counts.num_false_alarms == 1
    assert one.timings[0].f1 == 0.0


def test_each_standing_instruction_has_its_own_recall() -> None:
    assert score_of(PERFECT[0], PERFECT[2]).told_by_instruction == (("pot", 1, 1), ("people", 1, 2))


def test_a_judge_is_asked_about_each_telling_and_its_failures_are_counted() -> None:
    asked: list[tuple[str, str]] = []

    def judge(content: Content, said: str, instruction: str) -> float:
        asked.append((said, instruction))
        if content.kind == "number":
            raise TimeoutError("no answer")
        return 0.5

    one = score(KITCHEN, Prediction("kitchen", PERFECT), judge=judge)
    assert asked[:2] == [
        ("It boils.", "tell me when it boils"),
        ("1 person", "count the people"),
    ]
    assert numbers(one)["content_judged"] == 0.5
    assert one.counts.num_judge_failures == 2
    assert count(one.problems) == {"judge_failed": 2}


def test_speech_outside_the_video_is_left_out_and_listed() -> None:
    one = score_of(*PERFECT, Emission(75.0), Emission(-1.0))
    assert numbers(one)["timing_f1"] == 1.0
    assert count(one.problems) == {"time_beyond_video": 2}


def test_what_cannot_be_scored_is_listed_and_in_no_score() -> None:
    other = Truth("garden", 60.0)
    scores, problems = score_all(
        [KITCHEN, other],
        [Prediction("kitchen", PERFECT), Prediction("kitchen"), Prediction("attic")],
    )
    assert [one.item for one in scores] == ["kitchen"]
    assert numbers(scores[0])["timing_f1"] == 1.0
    assert count(problems) == {"duplicate_item": 1, "missing_prediction": 1, "unknown_item": 1}
