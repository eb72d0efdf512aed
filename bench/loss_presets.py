"""Which weights of the loss teach when to speak? Same data, same steps, several seeds.

The smallest network, early: on held-out seconds with a right past (`f1`), and rolled out with its
own decisions on held-out streams (`timing_f1`).
.venv/bin/python -m bench.loss_presets          # half an hour on one core
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import fmean, stdev

from bench.report import report
from onlooker.train.build import build, words_of
from onlooker.train.losses import PRESETS
from onlooker.train.network import load_model, use_threads
from onlooker.train.proof import Figures, blind_timing, figures, held_out, rolled_out
from onlooker.train.recipe import Data, Steps, TrainRecipe, Words

FAMILIES = {
    "monitoring": 2, "counting": 1, "text": 1, "time": 1, "chat": 1, "delegation": 1, "quiet": 1,
}  # fmt: skip
BATCH_TOKENS = 2048
SHOWN = ("f1", "precision", "recall", "timing_f1", "false_alarms_per_quiet_hour")


def recipe_of(loss: str, seed: int, num_steps: int) -> TrainRecipe:
    return TrainRecipe(
        name=f"{loss}-{seed}",
        shape="tiny",
        seed=seed,
        data=Data(families=FAMILIES, batch_tokens=BATCH_TOKENS, held_out_batches=8),
        words=Words(num_streams=240),
        sft=Steps(num_steps=num_steps, loss=loss, num_warmup=20, report_every=num_steps),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--streams", type=int, default=1, help="of each family")
    args = parser.parse_args()
    use_threads(1)
    streams = held_out(tuple(FAMILIES), args.streams)
    setting = {"steps": args.steps, "tokens_a_step": BATCH_TOKENS, "streams": len(streams)}
    report("loss_presets", preset="blind", **setting, **blind_timing(streams))
    words = words_of(recipe_of("ce", 0, args.steps))
    found: dict[str, list[Figures]] = {loss: [] for loss in PRESETS}
    for seed in range(args.seeds):
        for loss, rows in found.items():
            began_s = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                words.save(f"{folder}/tokenizer.json")
                built = build(recipe_of(loss, seed, args.steps), Path(folder))
                (told,) = built.run.run(built.batches, built.held_out)
                seconds = {"f1": told.f1, "precision": told.precision, "recall": told.recall}
                rolled = figures(rolled_out(*load_model(Path(folder)), streams))
                rows.append({**seconds, **rolled})
            took_s = round(time.perf_counter() - began_s)
            report("loss_presets", preset=loss, seed=seed, **setting, **rows[-1], took_s=took_s)
    for loss, rows in found.items():
        means = {name: _mean(rows, name) for name in SHOWN}
        print(f"{loss:16s}", *(f"{name} {value}" for name, value in means.items()))


def _mean(rows: list[Figures], name: str) -> str:
    values = [value for row in rows if (value := row[name]) is not None]
    if len(values) < 2:
        return " ".join(f"{value:.2f}" for value in values) or "-"
    return f"{fmean(values):.2f} ± {stdev(values):.2f}"


if __name__ == "__main__":
    main()
