"""`onlooker watch`: look at sources and decide once a second."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onlooker.cli.options import (
    Brain,
    BrainName,
    BrainUrl,
    Json,
    Memory,
    Model,
    ModelName,
    ModelUrl,
    Perception,
    Persona,
    Recipe,
    Set,
    memory_settings,
    read_settings,
    sinks_of,
)
from onlooker.cli.shadow import ShadowAsk, ShadowRecipe, ShadowTo, shadow_of, with_shadow
from onlooker.cli.speech import Listen, ListenTo, Voice, VoiceTo, speech_settings
from onlooker.core.errors import OnlookerError
from onlooker.core.event import Closed, Event, Failed

if TYPE_CHECKING:
    from onlooker.core.clock import SessionClock
    from onlooker.core.ports import Sink
    from onlooker.live.session import Session


def watch(
    source: Annotated[
        list[str],
        typer.Argument(
            help="what to watch, one or several: a video file, rtsp://..., http://..., "
            "/dev/video0, screen:, a folder of pictures, synthetic:ball. "
            "NAME=SOURCE gives the stream a name."
        ),
    ],
    ask: Annotated[
        list[str] | None,
        typer.Option("--ask", help="a standing instruction; give several for several at once"),
    ] = None,
    model: Model = None,
    model_url: ModelUrl = None,
    model_name: ModelName = None,
    brain: Brain = None,
    brain_url: BrainUrl = None,
    brain_name: BrainName = None,
    persona: Persona = None,
    perception: Perception = None,
    gate: Annotated[
        bool | None, typer.Option("--gate/--no-gate", help="skip the model while nothing changes")
    ] = None,
    speed: Annotated[
        str, typer.Option(help="1: as it happens; N: N times as fast; max: as fast as decisions go")
    ] = "1",
    start: Annotated[float | None, typer.Option(min=0, help="begin a file at this second")] = None,
    loop: Annotated[
        bool | None, typer.Option("--loop", help="begin a file anew at its end")
    ] = None,
    ticks: Annotated[
        int | None, typer.Option(min=1, help="stop after this many seconds of decisions")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="folder for a recording, which `replay` plays again")
    ] = None,
    talk: Annotated[
        bool, typer.Option("--talk", help="read what you type: questions, and /help for more")
    ] = False,
    memory: Memory = None,
    voice: Voice = False,
    voice_to: VoiceTo = None,
    listen: Listen = False,
    listen_to: ListenTo = None,
    shadow: ShadowRecipe = None,
    shadow_ask: ShadowAsk = None,
    shadow_to: ShadowTo = None,
    as_json: Json = False,
    recipe: Recipe = None,
    overrides: Set = None,
) -> None:
    """Watch sources; say, keep silent or delegate, once a second.

    Try: onlooker watch clip.mp4 --ask "tell me when a car stops" --model-url http://127.0.0.1:8000/v1

    Settings come from --recipe, then --set, then the options; `onlooker config` explains them.
    Keys are read from the environment: ONLOOKER_MODEL_KEY, and for the brain ONLOOKER_BRAIN_KEY.
    Ctrl-C ends the session in good order, so that a recording is whole.
    """
    from onlooker.assemble import clock_of, parts_of
    from onlooker.config import changes_of, load_settings

    given = load_settings(recipe, overrides or ())
    more: dict[str, Any] = {
        "live.persona": persona,
        "live.gate": gate,
        "perception.use": perception,
        "source.file.start_s": start,
        "source.file.loop": loop,
        "sink.use": sinks_of(given, as_json=as_json, is_recorded=record is not None),
        "sink.recorder.folder": str(record) if record else None,
        **memory_settings(memory),
    }
    more |= speech_settings(
        given,
        voice=voice,
        voice_to=voice_to,
        listen=listen,
        listen_to=listen_to,
    )
    settings = read_settings(
        recipe,
        overrides,
        (model, model_url, model_name),
        more,
        brain=(brain, brain_url, brain_name),
    )
    parts = parts_of(settings, source)
    clock = clock_of(speed)
    if not as_json and (changes := changes_of(settings)):
        typer.echo(f"settings: {' '.join(changes)}", err=True)
    second = shadow_of(settings, shadow, shadow_ask, shadow_to, clock.speed)
    parts = with_shadow(parts, second)
    run_session(parts, settings.live, clock, ask=ask or [], max_ticks=ticks, talk=talk)
    if second:
        typer.echo(second.agreement.words(), err=True)


class Overseer:
    """A sink that remembers what went wrong last, and ends the session when nobody reads on."""

    def __init__(self, others: Iterable[Sink]) -> None:
        self._others = tuple(others)
        self.last_error = ""
        self.session: Session | None = None

    async def accept(self, event: Event) -> None:
        if isinstance(event, Failed):
            self.last_error = f"{event.stream or event.part}: {event.error}"
        if self.session and any(getattr(sink, "is_gone", False) for sink in self._others):
            self.session.stop("its reader has gone")

    async def close(self) -> None:
        pass


def run_session(
    parts: Any,
    live: Any,
    clock: SessionClock,
    *,
    ask: list[str],
    max_ticks: int | None,
    talk: bool = False,
) -> None:
    """Run a session in the foreground until it ends or is interrupted.

    Raises:
        OnlookerError: not one decision came about; says what went wrong last.
    """
    from dataclasses import replace

    from onlooker.live.session import Session

    overseer = Overseer(parts.sinks.values())
    sinks: dict[str, Sink] = {**parts.sinks, "overseer": overseer}
    session = overseer.session = Session(
        replace(parts, sinks=sinks), live, clock, max_ticks=max_ticks
    )
    for text in ask:
        session.instruct(text)
    closed = asyncio.run(_until_signal(session, talk=talk))
    if not closed.num_decided and overseer.last_error:
        raise OnlookerError(f"no decision came about; last trouble: {overseer.last_error}")


async def _until_signal(session: Session, *, talk: bool) -> Closed:
    running = asyncio.get_running_loop()

    def stop() -> None:
        session.stop("interrupted")
        # The next one ends the process at once.
        for number in (signal.SIGINT, signal.SIGTERM):
            running.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        running.add_signal_handler(number, stop)
    if talk:
        from onlooker.cli.talk import listen

        listen(session, running)
    return await session.run()
