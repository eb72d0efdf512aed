"""`onlooker replay`: decide on a recording again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onlooker.cli.options import Json, Model, ModelName, ModelUrl, Recipe, Set
