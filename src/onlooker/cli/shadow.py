"""A second model beside the live one: `watch --shadow`, and `evaluate shadow` afterwards."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from onlooker.config import Settings
    from onlooker.core.event import Event
    from onlooker.live.session import Parts
    from onlooker.live.shadow import Shadow as LiveShadow

ShadowRecipe = Annotated[
    Path | None,
    typer.Option("--shadow", help="recipe of a second model that decides beside this one, unheard"),
]
ShadowAsk = Annotated[
    list[str] | None,
    typer.Option(help="what the second model is asked, in place of --ask; may be given again"),
]
ShadowTo = Annotated[
    Path | None, typer.Option(help="folder for the recording of what it would have said")
]


class _Nowhere:
    async def accept(self, event: Event) -> None: ...

    async def close(self) -> None: ...


def shadow_of(
    settings: Settings,
    recipe: Path | None,
    ask: list[str] | None,
    to: Path | None,
    speed: float | None,
) -> LiveShadow | None:
    """Build the second model, if one is asked for: that of a recipe, or the same one again.

    Raises:
        BadSettings, UnknownPlugin: a sentence that says what to change.
    """
    if recipe is None and not ask:
        return None
    from onlooker.assemble import model_of
    from onlooker.config import load_settings
    from onlooker.live.shadow import Shadow, ShadowPlan
    from onlooker.plugins.sink.recorder import RecorderSettings, RecorderSink

    own = load_settings(recipe) if recipe else settings
    live = replace(settings.live, persona=own.live.persona)
    sink = RecorderSink(RecorderSettings(folder=to)) if to else _Nowhere()
    return Shadow(model_of(own), sink, ShadowPlan(live, tuple(ask or ()), speed))


def with_shadow(parts: Parts, shadow: LiveShadow | None) -> Parts:
    """Let a session's events reach its shadow, too."""
    return replace(parts, sinks={**parts.sinks, "shadow": shadow}) if shadow else parts


def compare_shadow(
    live: Annotated[Path, typer.Argument(help="the recording that `watch --record` wrote")],
    shadow: Annotated[Path, typer.Argument(help="the one that `--shadow-to` wrote")],
    truth: Annotated[
        Path | None, typer.Option(help="file with one truth: both are scored against it")
    ] = None,
) -> None:
    """Compare what was said with what a second model would have said, by the suites' scorer.

    Without a truth the live model's speech is taken for right: timing_f1 is how far the two agree.
    """
    from onlooker.core.recording import read_recording
    from onlooker.evaluate.metrics import metrics
    from onlooker.evaluate.score import score
    from onlooker.evaluate.shadow import against, both
    from onlooker.evaluate.truth import read_truths

    said, unsaid, duration_s = both(read_recording(live), read_recording(shadow))
    if truth is None:
        found = against(said, unsaid, duration_s)
        result = {"shadow": metrics(found.counts, found.timings), "counts": asdict(found.counts)}
    else:
        (right, *_) = read_truths(truth)
        scores = {
            name: score(right, replace(one, item=right.item))
            for name, one in (("live", said), ("shadow", unsaid))
        }
        result = {name: metrics(one.counts, one.timings) for name, one in scores.items()}
    typer.echo(json.dumps(result, ensure_ascii=False, indent=1))
