from pathlib import Path

import pytest

from onlooker.train.build import build
from onlooker.train.network import BadModel
from onlooker.train.recipe import BadRecipe, TrainRecipe, read_recipe

SMALL = """
name = "small"
shape = "tiny"
[data]
families = { chat = 1 }
batch_tokens = 512
held_out_batches = 1
[words]
num_tokens = 1400
num_streams = 12
[sft]
num_steps = 1
"""


@pytest.mark.parametrize("name", ["tiny", "nano"])
def test_what_is_shipped_can_be_read(name: str) -> None:
    assert read_recipe(name).name == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SMALL.replace("chat = 1", "dance = 1"), "'dance'.* are no families; there are monitoring"),
        (SMALL + 'loss = "cee"', "no loss 'cee'; there are ce, joyai"),
        (SMALL.replace("num_steps = 1", "num_steps = 0"), "greater than or equal to 1"),
        (SMALL + "stpes = 3", "stpes"),
        ("name = ", "Invalid value"),
    ],
)
def test_a_bad_recipe_says_what_is_wrong(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(BadRecipe, match=message):
        read_recipe(str(path))


def test_a_recipe_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(BadRecipe, match="there are nano, nano-finish, tiny, or give a file"):
        read_recipe("huge")


def test_a_recipe_becomes_a_run_that_trains_and_another_can_begin_with_it(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    recipe: TrainRecipe = read_recipe(str(path))
    built = build(recipe, tmp_path / "run")
    assert [report.step for report in built.run.run(built.batches, built.held_out)] == [1]
    again = build(recipe, tmp_path / "again", start=tmp_path / "run")
    assert (again.run.step, again.run.num_weights) == (0, built.run.num_weights)
    with pytest.raises(BadModel, match="holds no model"):
        build(recipe, tmp_path / "never", start=tmp_path / "nowhere")
