"""How these eyes err, as numbers that a made-up world can err by.

Measured by `python -m bench.perception_quality --noise`, which rewrites `assets/noise.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

from onlooker.plugins.perception.models import ASSETS

NOISE_FILE = ASSETS / "noise.json"


@dataclass(frozen=True, slots=True)
class Noise:
    """Rates at one look a second; see docs/perception.md for how each was measured."""

    miss: float  # share of people-seconds overlooked
    ghosts_per_s: float  # people who are not there
    flicker: float  # share of looks at which something followed was not found
    wrong_label: float  # share of sightings under the name of something that is not there
    jitter: float  # of a still thing's middle, standard deviation in parts of its size
    false_entries_per_s: float  # people told to enter who did not: lost and found, or ghosts
    false_exits_per_s: float
    missed_entries: float  # share of true entries never told
    missed_exits: float
    entry_delay_s: float  # mean
    exit_delay_s: float
    text_character_error: float
    text_missed_lines: float  # share
    text_ghost_lines_per_s: float


@cache
def measured_noise() -> Noise:
    """Read the measured rates."""
    return Noise(**json.loads(NOISE_FILE.read_text()))


def write_noise(noise: Noise) -> None:
    """Keep newly measured rates."""
    rates = {name: round(getattr(noise, name), 4) for name in Noise.__slots__}
    NOISE_FILE.write_text(json.dumps(rates, indent=2) + "\n")
