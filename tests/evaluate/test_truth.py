from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from onlooker.evaluate.content import Content
from onlooker.evaluate.problems import BadTruth
from onlooker.evaluate.truth import (
    Expected,
    Span,
    Standing,
    Truth,
    from_json,
    read_truths,
    to_json,
    write_truths,
)
from tests.evaluate.random_streams import truths


@given(truths())
def test_a_truth_reads_back_as_it_was_written(truth: Truth) -> None:
    assert from_json(json.loads(json.dumps(to_json(truth)))) == truth


def test_a_file_of_truths_reads_back(tmp_path: Path) -> None:
    written = [Truth("a", 10.0), Truth("b", 5.0, (Expected("é", 1.0, 2.0),), family="counting")]
    write_truths(tmp_path / "truth.jsonl", written)
    assert read_truths(tmp_path / "truth.jsonl") == tuple(written)


def test_the_short_form_reads_as_meant() -> None:
    plain = {
        "item": "pot",
        "duration_s": 60,
        "instructions": [{"id": "i1", "text": "tell me when it boils"}],
        "events": [
            {"id": "boils", "onset_s": 40, "keywords": ["boils"], "instruction": "i1"},
            {"id": "how long", "onset_s": 50, "until_s": 52, "number": 10, "action": "delegate"},
        ],
        "optional": [[0, 5]],
    }
    assert from_json(plain) == Truth(
        "pot",
        60.0,
        (
            Expected("boils", 40.0, 40.0, "speak", Content("keywords", ("boils",)), "i1"),
            Expected("how long", 50.0, 52.0, "delegate", Content("number", number=10.0)),
        ),
        (Standing("i1", "tell me when it boils"),),
        optional=(Span(0.0, 5.0),),
    )


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        ([], "expected an object"),
        ({"item": "a"}, "duration_s"),
        ({"item": "a", "duration_s": 0}, "must last some time"),
        ({"item": "a", "duration_s": True}, "no number"),
        ({"item": "a", "duration_s": 9, "evnts": []}, "no evnts"),
        ({"item": "a", "duration_s": 9, "events": [{"id": "e"}]}, "onset_s"),
        ({"item": "a", "duration_s": 9, "events": [{"id": "e", "onset_s": 10}]}, "ends at 9"),
        ({"item": "a", "duration_s": 9, "events": [{"id": "e", "onset_s": -1}]}, "start at 0"),
        ({"item": "a", "duration_s": 9, "quiet": [[3, 2]]}, "start at 0"),
        (
            {"item": "a", "duration_s": 9, "events": [{"id": "e", "onset_s": 1}] * 2},
            "two events of one id",
        ),
        (
            {"item": "a", "duration_s": 9, "events": [{"id": "e", "onset_s": 1, "action": "wave"}]},
            "speak or delegate",
        ),
        (
            {
                "item": "a",
                "duration_s": 9,
                "events": [{"id": "e", "onset_s": 1, "exact": "a", "number": 1}],
            },
            "exact and number",
        ),
        (
            {"item": "a", "duration_s": 9, "events": [{"id": "e", "onset_s": 1, "exact": "?!"}]},
            "does not fit",
        ),
        (
            {
                "item": "a",
                "duration_s": 9,
                "events": [{"id": "e", "onset_s": 1, "instruction": "i9"}],
            },
            "'i9'",
        ),
    ],
)
def test_a_truth_that_cannot_be_is_refused_with_its_reason(plain: Any, why: str) -> None:
    with pytest.raises(BadTruth, match=why):
        from_json(plain)


@pytest.mark.parametrize("text", ['{"item": "a", "dur', '{"item": "a", "duration_s": 1}\n' * 2])
def test_a_broken_file_names_its_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "truth.jsonl").write_text(text)
    with pytest.raises(BadTruth, match=r"truth\.jsonl:\d"):
        read_truths(tmp_path / "truth.jsonl")


def test_quiet_is_all_time_outside_events_and_optional_spans() -> None:
    truth = Truth("a", 60.0, (Expected("e", 10.0, 11.0),), optional=(Span(50.0, 60.0),))
    assert truth.quiet_spans(2.0) == (Span(0.0, 10.0), Span(13.0, 50.0))


def test_labelled_quiet_spans_are_taken_as_they_are_and_once() -> None:
    truth = Truth("a", 60.0, quiet=(Span(5.0, 20.0), Span(10.0, 30.0)))
    assert truth.quiet_spans(1.0) == (Span(5.0, 30.0),)


@given(truths())
def test_quiet_time_never_exceeds_the_stream_and_never_overlaps(truth: Truth) -> None:
    quiet = truth.quiet_spans(1.0)
    assert sum(span.duration_s for span in quiet) <= 60.0
    assert all(one.end_s <= other.start_s for one, other in itertools.pairwise(quiet))
