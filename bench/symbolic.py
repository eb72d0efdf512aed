"""How well are streams of the symbolic world decided, rolled out with a model's own decisions?

.venv/bin/python -m bench.symbolic --model nano --model rules --split heldout --noise 0
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bench.real_video import of_nano, open_model
from bench.report import report, short
from onlooker.core.ports import Model
from onlooker.data.stream import LabelledStream
from onlooker.data.windows import notes
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.data.world.families import FAMILIES
from onlooker.data.world.noise import measured, scaled
from onlooker.evaluate.blind import blind_scores
from onlooker.evaluate.prediction import Prediction
from onlooker.evaluate.replay import Past, play
from onlooker.evaluate.score import Score, score
from onlooker.evaluate.summary import by_family, summarize
from onlooker.live.settings import LiveSettings, fitted

SHOWN = ("timing_f1", "false_alarms_per_quiet_hour", "delegation_recall", "delegation_false_rate")
SEED = 31


async def played(model: Model, streams: Sequence[LabelledStream]) -> list[Prediction]:
    """Play each stream in a session of its own, with the windows that the model was made for."""
    found = []
    for stream in streams:
        settings = fitted(replace(LiveSettings(), persona=stream.persona), model.traits)
        past = Past(stream.memory, notes)
        run = await play(stream.turns, model, settings=settings, past=past)
        found.append(run.prediction(stream.item))
    return found


def lines(scores: Sequence[Score]) -> dict[str, dict[str, float | None]]:
    """Give the figures that matter, of each family and of all."""
    parts = {**by_family(scores, num_redrawn=1), "all": summarize(scores)}
    return {
        name: {key: short(part.metrics.get(key)) for key in SHOWN} for name, part in parts.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="append", required=True, help="such as rules or nano")
    parser.add_argument("--weights", default="", help="of nano, in place of the shipped ones")
    parser.add_argument(
        "--talkativeness", type=float, help="of nano, in place of what it is shipped with"
    )
    parser.add_argument("--split", default="heldout")
    parser.add_argument("--noise", type=float, default=0.0, help="times what was measured")
    parser.add_argument("--streams", type=int, default=15, help="of each family")
    parser.add_argument("--first", type=int, default=0, help="number of the first of them")
    args = parser.parse_args()
    noise = scaled(measured(), args.noise)
    streams = [
        make_stream(Recipe(family, args.split, SEED, number), noise)
        for family in FAMILIES
        for number in range(args.first, args.first + args.streams)
    ]
    truths = [stream.truth for stream in streams]
    setting = {
        "split": args.split,
        "noise": args.noise,
        "streams": len(streams),
        "first": args.first,
    }
    for name in args.model:
        about = of_nano(name, args.talkativeness)
        weights = {"weights": args.weights} if name == "nano" else {}
        model = open_model(name, **about, **weights)
        predictions = asyncio.run(played(model, streams))
        scores = [score(truth, one) for truth, one in zip(truths, predictions, strict=True)]
        figures = lines(scores)
        report("symbolic", model=name, **about, **setting, **figures)
        for family, row in figures.items():
            print(f"{name:8s} {family:12s}", *(f"{key} {row[key]}" for key in SHOWN))
    blind = {player: lines(scores)["all"] for player, scores in blind_scores(truths).items()}
    report("symbolic", model="blind", **setting, **blind)


if __name__ == "__main__":
    main()
