from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.decision import Delegate, Silent, Speak
from onlooker.core.event import Decided, Failed, Skipped, Usage
from onlooker.evaluate.prediction import (
    Emission,
    Prediction,
    from_json,
    prediction_of,
    read_predictions,
    to_json,
    write_predictions,
)
from onlooker.evaluate.problems import count
from tests.evaluate.random_streams import emissions

EVENTS = (
    Decided(tick=0, time_s=1.0, decision=Silent(), latency_ms=100.0),
    Decided(
        tick=1,
        time_s=2.0,
        decision=Speak("It boils."),
        latency_ms=500.0,
        usage=Usage(prompt_tokens=90, completion_tokens=4),
    ),
    Skipped(tick=3, time_s=4.0, reason="late", num_ticks=2),
    Failed(tick=4, time_s=5.0, part="model", error="down"),
    Failed(time_s=5.0, part="sink alerts", error="down"),
    Decided(tick=5, time_s=6.0, decision=Delegate("One moment.", "Which?"), latency_ms=250.0),
)


def test_events_become_what_was_said_when_and_what_it_took() -> None:
    assert prediction_of("a", EVENTS) == Prediction(
        "a",
        (Emission(2.0, "It boils."), Emission(6.0, "One moment.", "delegate", "Which?")),
        (100.0, 500.0, 250.0),
        num_skipped=2,
        num_failed=1,
        prompt_tokens=90,
        completion_tokens=4,
    )


def test_a_slow_decision_is_heard_late() -> None:
    heard = prediction_of("a", EVENTS, is_heard_late=True)
    assert [one.time_s for one in heard.emissions] == [2.5, 6.25]


@given(
    st.builds(
        Prediction,
        st.text(min_size=1),
        st.lists(emissions).map(tuple),
        st.lists(st.floats(0, 1e6)).map(tuple),
        st.integers(0, 9),
        st.integers(0, 9),
        st.integers(0, 9),
        st.integers(0, 9),
    )
)
def test_a_prediction_reads_back_as_it_was_written(prediction: Prediction) -> None:
    assert from_json(json.loads(json.dumps(to_json(prediction)))) == prediction


def test_broken_lines_and_second_lines_are_listed_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    write_predictions(path, [Prediction("a", (Emission(1.0, "hi"),)), Prediction("a")])
    with path.open("ab") as file:
        file.write(b'{"item": "b", "emissions": [{"time_s": NaN}]}\n')
        file.write(b'{"item": "c", "emissions": [{"time_s": 1, "action": "wave"}]}\n')
        file.write(b'{"item": "d"}\n[]\n{"item": 4, "emissions": []}\n\xff\n')
        file.write(b'{"item": "e", "emissions": []}\n{"item": "f", "emiss')
    predictions, problems = read_predictions(path)
    assert [(one.item, len(one.emissions)) for one in predictions] == [("a", 1), ("e", 0)]
    assert count(problems) == {"bad_prediction": 7, "duplicate_item": 1}
    assert "predictions.jsonl:3" in problems[1].detail


@pytest.mark.parametrize(
    "emission", [{"text": "hi"}, {"time_s": 1, "who": "me"}, 3, {"time_s": "1"}]
)
def test_an_emission_that_is_none_is_refused(emission: object) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        from_json({"item": "a", "emissions": [emission]})
