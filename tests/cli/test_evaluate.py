"""`onlooker evaluate` from the command line: one object, one page, and plain refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from onlooker.cli import app
from onlooker.core.errors import BadSettings, OnlookerError
from onlooker.data.stream import BadData

ALL_OF_IT = (
    "timing_f1",
    "false_alarms_per_quiet_hour",
    "delegation_recall",
    "delegation_false_rate",
)


def evaluate(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["evaluate", *arguments])


def play(out: Path, model: str = "rules", *more: str) -> Result:
    symbolic = ("--percepts", "symbolic", "--limit", "1", "--model", model)
    return evaluate("six-scenarios", *symbolic, "--out", str(out), *more)


def test_a_suite_is_played_reported_and_compared(tmp_path: Path) -> None:
    played = play(tmp_path / "rules", "rules", "--json")
    assert played.exit_code == 0, played.output
    result = json.loads(played.stdout)
    overall = result["overall"]
    assert result["num_items"] == 8
    for name in ALL_OF_IT:
        assert overall[name] is not None
        assert all(name in blind for blind in overall["blind"].values())
    assert overall["timing_f1"] > overall["blind"]["clock"]["timing_f1"]
    assert set(result["by_family"]) >= {"monitoring", "counting", "text", "time", "quiet"}
    page = (tmp_path / "rules" / "report.html").read_text()
    assert "rules on six-scenarios" in page
    assert json.loads((tmp_path / "rules" / "result.json").read_text()) == result

    again = play(tmp_path / "rules", "rules", "--json")
    assert json.loads(again.stdout) == result

    assert play(tmp_path / "captions", "captions").exit_code == 0
    two = (str(tmp_path / "rules"), str(tmp_path / "captions"))
    changes = json.loads(evaluate("diff", *two, "--json").stdout)["changes"]
    (f1,) = [one for one in changes if one["name"] == "timing_f1"]
    assert f1["other"] < f1["one"]

    tallied = evaluate("compare", *two, "--tally")
    assert json.loads(tallied.stdout)["num_ratings"] == 0


def test_predictions_of_others_are_scored_by_the_same_command(tmp_path: Path) -> None:
    assert play(tmp_path / "run").exit_code == 0
    truth, said = tmp_path / "run" / "truth.jsonl", tmp_path / "run" / "predictions.jsonl"
    given = evaluate(
        str(truth), "--predictions", str(said), "--out", str(tmp_path / "given"), "--json"
    )
    known = json.loads((tmp_path / "run" / "result.json").read_text())
    assert json.loads(given.stdout)["overall"] == known["overall"]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("no-such-suite",), BadData, "six-scenarios"),
        (("six-scenarios", "--percepts", "smell"), BadSettings, "pixels or symbolic"),
        (("six-scenarios", "--time", "soon"), BadSettings, "ideal, measured, or seconds"),
        (("diff", "a", "b"), OnlookerError, "holds no run"),
        (("x.jsonl", "--predictions", "y.jsonl"), OnlookerError, "cannot read"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    arguments: tuple[str, ...], error: type[Exception], words: str
) -> None:
    refused = evaluate(*arguments, *(("--model", "rules") if arguments[0] != "diff" else ()))
    assert isinstance(refused.exception, error)
    assert words in str(refused.exception)
