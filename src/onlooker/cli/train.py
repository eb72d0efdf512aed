"""`onlooker train`: the open recipe, from random weights to a model that knows when to speak."""

from __future__ import annotations

import os
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlooker.core.errors import BadSettings

if TYPE_CHECKING:
    from rich.console import Console

train = typer.Typer(
    no_args_is_help=True,
    help="Train models of scenes: supervised (sft), by reward (rl), or their mean (average).",
)
Out = Annotated[Path, typer.Option("--out", help="folder of the run: weights, log, curves")]


@train.command()
def sft(
    recipe: Annotated[
        str, typer.Argument(help="tiny, nano, nano-finish, or a TOML file of such fields")
    ],
    out: Out,
    num_threads: Annotated[int, typer.Option("--threads", min=1, help="of the CPU")] = 1,
    num_steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="in place of the recipe's")
    ] = None,
    loss: Annotated[str | None, typer.Option(help="in place of the recipe's preset")] = None,
    seed: Annotated[int | None, typer.Option(help="of the first weights")] = None,
    data_seed: Annotated[
        int | None, typer.Option(help="in place of the recipe's: another seed, other streams")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="folder of a model to begin with, in place of new weights")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu or cuda; a graphics card if there is one")
    ] = None,
    num_workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=0, help="processes that make streams; with cuda all cores but one"
        ),
    ] = None,
    num_proofs: Annotated[
        int, typer.Option("--proofs", min=0, help="held-out streams of each family it is tried on")
    ] = 2,
) -> None:
    """Train on labelled seconds. Stopped, it goes on from its last report.

    Try: onlooker train sft tiny --out runs/tiny, minutes on a laptop.

    The model in the box: onlooker train sft nano --out runs/nano, on a graphics card.
    """
    _need_torch()
    from rich.console import Console

    from onlooker.train.build import build
    from onlooker.train.curves import draw_curves
    from onlooker.train.network import best_device, use_threads
    from onlooker.train.recipe import read_recipe

    use_threads(num_threads)
    device = device or best_device()
    if num_workers is None:
        num_workers = 0 if device == "cpu" else max(1, (os.cpu_count() or 1) - 1)
    chosen = read_recipe(recipe)
    steps = chosen.sft.model_copy(
        update={
            key: value
            for key, value in (("num_steps", num_steps), ("loss", loss))
            if value is not None
        }
    )
    data = chosen.data if data_seed is None else chosen.data.model_copy(update={"seed": data_seed})
    seed = chosen.seed if seed is None else seed
    chosen = chosen.model_copy(update={"sft": steps, "data": data, "seed": seed})
    console = Console()
    built = build(chosen, out, start, device, num_workers)
    num_weights = built.run.num_weights
    console.print(
        f"[bold]{chosen.name}[/]: {num_weights / 1e6:.1f} million weights, {steps.num_steps} steps "
        f"of {chosen.data.batch_tokens} tokens, loss {steps.loss}, from step {built.run.step}"
    )
    console.print(
        "[dim]  step     loss  tokens/s   speaks (should)   precision  recall     F1"
        "   reads requests   facts[/]"
    )
    for one in built.run.run(built.batches, built.held_out):
        console.print(
            f"{one.step:6d}  {one.loss:7.3f}  {one.tokens_per_s:8.0f}   {one.speak_rate:6.1%} "
            f"({one.true_speak_rate:.1%})     {one.precision:9.2f}  {one.recall:6.2f}  "
            f"{one.f1:5.2f}   {one.reading:12.1%}  {one.wanting:6.1%}"
        )
    console.print(f"weights: {out}; curves: {draw_curves(out)}")
    if num_proofs:
        _prove(console, out, device, tuple(chosen.data.families), num_proofs)
    console.print(f"try it:  onlooker watch VIDEO --model nano --set model.nano.weights={out}")


@train.command()
def rl(
    start: Annotated[Path, typer.Argument(help="folder of a supervised model")],
    out: Out,
    num_steps: Annotated[int, typer.Option("--steps", min=1)] = 60,
    learning_rate: Annotated[float, typer.Option(min=1e-7, max=1e-2)] = 1e-4,
    family: Annotated[
        list[str] | None, typer.Option(help="may be given again; all if none")
    ] = None,
    seed: Annotated[int, typer.Option()] = 0,
    num_threads: Annotated[int, typer.Option("--threads", min=1, help="of the CPU")] = 1,
) -> None:
    """Learn from rewards on whole streams, decided second by second by the model itself."""
    _need_torch()
    from rich.console import Console

    from onlooker.data.world.families import FAMILIES
    from onlooker.train.network import load_model, use_threads
    from onlooker.train.rl import Rl, RlPlan

    use_threads(num_threads)
    network, tokenizer = load_model(start)
    plan = RlPlan(
        num_steps=num_steps,
        learning_rate=learning_rate,
        families=tuple(family or FAMILIES),
        seed=seed,
    )
    console = Console()
    console.print("[dim]  step   reward  timing  content  false alarms   speaks   delegates[/]")
    for one in Rl(network, tokenizer, out, plan).run():
        parts = asdict(one)["rewards"]
        console.print(
            f"{one.step:6d}  {parts['total']:7.3f}  {parts['timing']:6.2f}  "
            f"{parts['content']:7.2f}  {parts['false_alarms']:12.2f}  "
            f"{one.speak_rate:6.1%}  {one.delegation_rate:9.1%}"
        )
    console.print(f"weights: {out}")


@train.command()
def average(
    models: Annotated[list[Path], typer.Argument(help="folders of models that began as one")],
    out: Out,
) -> None:
    """Take the mean of the weights of some models, such as of one and what followed from it."""
    _need_torch()
    from onlooker.train.average import average as write_average

    write_average(models, out)
    typer.echo(f"weights: {out}")


def _prove(
    console: Console, out: Path, device: str, families: tuple[str, ...], num_each: int
) -> None:
    """Show what the model is worth on streams of held-out phrasings, classes and seeds."""
    from onlooker.train.network import load_model
    from onlooker.train.proof import blind_timing, figures, held_out, rolled_out, timing_by_family

    streams = held_out(families, num_each)
    num_seconds = sum(len(stream.turns) for stream in streams)
    with console.status(f"{num_seconds} held-out seconds, decided by itself ..."):
        scores = rolled_out(*load_model(out, device), streams)
    console.print(f"[bold]timing F1[/] on {len(streams)} held-out streams, {num_seconds} seconds:")
    rows = {"this model": figures(scores)["timing_f1"], **blind_timing(streams)}
    for player, f1 in rows.items():
        console.print(f"  {player:12s} {0.0 if f1 is None else f1:5.2f}")
    parts = (f"{name} {f1:.2f}" for name, f1 in timing_by_family(scores).items() if f1 is not None)
    console.print(f"  of it: {', '.join(parts)}")


def _need_torch() -> None:
    missing = [name for name in ("torch", "transformers") if find_spec(name) is None]
    if missing:
        raise BadSettings(
            f"training needs {' and '.join(missing)}: pip install torch==2.13.0 (a CPU "
            f"build will do), then pip install 'onlooker[train]'"
        )
