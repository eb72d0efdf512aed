from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.evaluate.benchmarks.published import STREAMPRO_WINDOWS, streampro_f1, sw_f1
from onlooker.evaluate.content import Content
from onlooker.evaluate.prediction import Emission
from onlooker.evaluate.truth import Expected, Truth
from tests.evaluate.random_streams import emissions, truths

TWO = Truth(
    "a",
    60.0,
    (
        Expected("e1", 10.0, 10.0, content=Content("exact", ("It boils.",))),
        Expected("e2", 40.0, 45.0, content=Content("exact", ("It burns.",))),
    ),
)


def test_credit_is_timeliness_times_accuracy() -> None:
    said = [Emission(11.0, "It boils."), Emission(43.0, "It freezes."), Emission(55.0, "Hm.")]
    scored = streampro_f1(TWO, said, "object_understanding")
    # A second late of four, all right; on time, and one of two words right.
    assert scored.credit == pytest.approx(0.75 + 0.5)
    assert scored.precision == pytest.approx(1.25 / 3)
    assert scored.recall == pytest.approx(1.25 / 2)
    assert scored.f1 == pytest.approx(2 * 1.25 / (3 + 2))


def test_of_several_replies_to_an_event_the_best_counts() -> None:
    said = [Emission(8.0, "It boils."), Emission(10.0, "It boils.")]
    assert streampro_f1(TWO, said, "object_understanding").credit == 1.0


def test_a_reply_goes_to_the_first_event_whose_window_holds_it() -> None:
    near = Truth("a", 60.0, (Expected("e1", 10.0, 10.0), Expected("e2", 12.0, 12.0)))
    scored = streampro_f1(near, [Emission(12.0)], "object_understanding")
    assert scored.credit == 0.5


def test_risks_forgive_lateness_more_than_earliness() -> None:
    risk = Truth("a", 60.0, (Expected("e", 10.0, 10.0),))
    credit = [
        streampro_f1(risk, [Emission(time_s)], "risk_forecasting").credit
        for time_s in (8.9, 9.0, 10.0, 12.0, 13.1)
    ]
    assert credit == [0.0, 0.5, 1.0, 0.5, 0.0]


@given(truths(), st.lists(emissions, max_size=8), st.sampled_from(sorted(STREAMPRO_WINDOWS)))
def test_streampro_stays_between_0_and_1(truth: Truth, said: list[Emission], task: str) -> None:
    scored = streampro_f1(truth, said, task)
    assert 0 <= scored.precision <= 1
    assert 0 <= scored.recall <= 1
    assert 0 <= scored.f1 <= 1


def test_sw_f1_counts_right_words_in_the_window_and_words_outside() -> None:
    said = [Emission(10.0, "It boils."), Emission(42.0, "It freezes."), Emission(50.0, "Hm.")]
    # One hit, one miss, one remark outside: 2 / (2 + 0.2 + 2).
    assert sw_f1([(TWO, said)]) == pytest.approx(2 / 4.2)


def test_sw_f1_hardly_minds_chatter() -> None:
    chatter = [Emission(float(second), "It boils.") for second in range(60)]
    one = Truth("a", 60.0, TWO.events[:1])
    assert sw_f1([(one, chatter)]) == pytest.approx(2 / (2 + 0.2 * 59))
    assert sw_f1([(Truth("quiet", 60.0), [])]) == 1.0
