"""A whole training run in one small file: the same file, the same run."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from onlooker.core.errors import OnlookerError
from onlooker.data.world.families import FAMILIES
from onlooker.train.feed import QUERIES
from onlooker.train.losses import PRESETS

Family = Annotated[str, Field(description=f"one of {', '.join(FAMILIES)}")]


class BadRecipe(OnlookerError, ValueError):
    """A recipe does not say what can be trained."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(_Part):
    """Which streams of the world are read. They are made as they are needed."""

    seed: int = Field(default=0, description="another seed, other streams")
    families: dict[Family, int] = Field(
        default_factory=lambda: dict.fromkeys(FAMILIES, 1),
        description="how often each family comes",
    )
    batch_tokens: int = Field(default=8192, ge=512, description="tokens of a step")
    queries: int = Field(
        default=QUERIES, ge=4, description="of the lesson in reading beside 8,192 tokens"
    )
    held_out_batches: int = Field(default=8, ge=1, description="of the split `heldout`")


class Words(_Part):
    """The tokenizer."""

    num_tokens: int = Field(default=4096, ge=1024, description="size of the vocabulary")
    num_streams: int = Field(default=720, ge=12, description="streams that merges are learned from")
    seed: int = Field(default=7, description="of those streams")


class Steps(_Part):
    """The optimisation."""

    num_steps: int = Field(ge=1, description="batches in all")
    loss: str = Field(default="ce", description=f"one of {', '.join(PRESETS)}")
    context_weight: float = Field(default=0.3, ge=0, description="of predicting what is read")
    context_share: float = Field(default=0.25, gt=0, le=1, description="of it that is drawn")
    reading_weight: float = Field(default=0.3, ge=0, description="of telling requests' kinds")
    is_compiled: bool = Field(default=False, description="a minute, for steps some 30 % shorter")
    learning_rate: float = Field(default=3e-3, gt=0, description="its highest")
    num_warmup: int = Field(default=100, ge=1, description="steps in which it rises")
    decay_share: float = Field(default=0.3, gt=0, le=1, description="last part, in which it falls")
    report_every: int = Field(default=100, ge=1, description="steps from one report to the next")


class TrainRecipe(_Part):
    """All of one run."""

    name: str = Field(description="of the model")
    shape: Literal["tiny", "nano", "large"] = Field(description="of the network")
    seed: int = Field(default=0, description="of the first weights")
    data: Data = Data()
    words: Words = Words()
    sft: Steps


def read_recipe(name: str) -> TrainRecipe:
    """Read a recipe: one of ours by its name, or a file.

    Raises:
        BadRecipe: there is none, or it says something that cannot be.
    """
    shipped = files(__package__).joinpath("recipes", f"{name}.toml")
    path = Path(name)
    try:
        text = shipped.read_text() if shipped.is_file() else path.read_text(encoding="utf-8")
        recipe = TrainRecipe.model_validate(tomllib.loads(text))
    except OSError as error:
        known = sorted(one.name.removesuffix(".toml") for one in _shipped())
        raise BadRecipe(
            f"no recipe {name!r}: {error}; there are {', '.join(known)}, or give a file"
        ) from error
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise BadRecipe(f"recipe {name!r}: {error}") from error
    if unknown := set(recipe.data.families) - set(FAMILIES):
        raise BadRecipe(f"{sorted(unknown)} are no families; there are {', '.join(FAMILIES)}")
    if recipe.sft.loss not in PRESETS:
        raise BadRecipe(f"no loss {recipe.sft.loss!r}; there are {', '.join(PRESETS)}")
    return recipe


def _shipped() -> list[Path]:
    folder = files(__package__).joinpath("recipes")
    return [Path(one.name) for one in folder.iterdir() if one.name.endswith(".toml")]
