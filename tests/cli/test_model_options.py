"""Which model is meant, and what it sees with."""

from pathlib import Path

import pytest

from onlooker.assemble import parts_of, perception_of
from onlooker.cli.options import read_settings, sinks_of
from onlooker.config import load_settings
from onlooker.plugins.model.nano import NanoModel
from onlooker.plugins.model.openai import OpenAIModel
from onlooker.plugins.perception.perception import DefaultPerception
from onlooker.testing.doubles import ScriptedModel
from tests.model.nano_weights import write_nano

URL = "http://127.0.0.1:9"


def test_if_no_model_is_named_it_is_the_one_in_the_box() -> None:
    assert read_settings(None, []).model.use == "nano"


@pytest.mark.parametrize(
    ("overrides", "model"),
    [
        ([], (None, URL, None)),
        ([], (None, None, "large")),
        ([f"model.openai.url={URL}"], (None,) * 3),
    ],
)
def test_a_server_means_the_model_behind_it(
    overrides: list[str], model: tuple[str | None, str | None, str | None]
) -> None:
    parts = parts_of(read_settings(None, overrides, model), ["synthetic:ball"])
    assert isinstance(parts.model, OpenAIModel)
    assert parts.perception is None


def test_a_model_of_scenes_has_the_default_eyes(tmp_path: Path) -> None:
    weights = f'model.nano.weights="{write_nano(tmp_path)}"'
    settings = read_settings(None, [weights], ("nano", None, None))
    parts = parts_of(settings, ["synthetic:ball"])
    assert isinstance(parts.model, NanoModel)
    assert isinstance(parts.perception, DefaultPerception)


def test_a_model_that_reads_pictures_has_eyes_only_if_they_are_chosen() -> None:
    settings = read_settings(None, [])
    assert perception_of(settings, ScriptedModel()) is None
    settings = read_settings(None, ["perception.use=default"])
    assert isinstance(perception_of(settings, ScriptedModel()), DefaultPerception)


@pytest.mark.parametrize(
    ("chosen", "as_json", "is_recorded", "used"),
    [
        ([], False, False, ["console"]),
        ([], True, True, ["jsonl", "recorder"]),
        (['sink.use=["console", "webhook"]'], False, True, ["console", "webhook", "recorder"]),
        (['sink.use=["console", "webhook"]'], True, False, ["jsonl", "webhook"]),
        (['sink.use=["webhook"]'], True, False, ["webhook", "jsonl"]),
    ],
)
def test_sinks_of_the_settings_stay_beside_those_of_the_options(
    chosen: list[str], as_json: bool, is_recorded: bool, used: list[str]
) -> None:
    given = load_settings(None, chosen)
    assert sinks_of(given, as_json=as_json, is_recorded=is_recorded) == used
