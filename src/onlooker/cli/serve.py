"""`onlooker serve`: the page and the APIs, for browsers and programs."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from onlooker.cli.options import (
    Brain,
    BrainName,
    BrainUrl,
    Model,
    ModelName,
    ModelUrl,
    Perception,
    Persona,
    Recipe,
    Set,
    read_settings,
)


def serve(
    host: Annotated[str, typer.Option(help="address to listen on; 0.0.0.0: all")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="port to listen on")] = 8090,
    token: Annotated[
        str | None,
        typer.Option(
            help="what visitors must bring; better in the environment: ONLOOKER_TOKEN. "
            "Without any, one is made and printed once"
        ),
    ] = None,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="ask nobody for a token; on loopback only")
    ] = False,
    tls: Annotated[
        bool, typer.Option("--tls", help="HTTPS, with a certificate made for this host")
    ] = False,
    tls_cert: Annotated[
        Path | None, typer.Option(help="HTTPS, with this certificate (PEM)")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="the key of --tls-cert (PEM)")] = None,
    model: Model = None,
    model_url: ModelUrl = None,
    model_name: ModelName = None,
    brain: Brain = None,
    brain_url: BrainUrl = None,
    brain_name: BrainName = None,
    persona: Persona = None,
    perception: Perception = None,
    record: Annotated[
        bool | None, typer.Option("--record/--no-record", help="record every session")
    ] = None,
    voice: Annotated[
        bool, typer.Option("--voice", help="say aloud, in the page, what is decided")
    ] = False,
    listen: Annotated[
        bool,
        typer.Option("--listen", help="understand what visitors say and what is said in streams"),
    ] = False,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="start, ask itself what clients ask, and exit")
    ] = False,
    json_logs: Annotated[
        bool, typer.Option("--json-logs", help="log one JSON object a line, requests included")
    ] = False,
    recipe: Recipe = None,
    overrides: Set = None,
) -> None:
    """Serve the page and the APIs. Open the address that it prints.

    Try: onlooker serve --model-url http://127.0.0.1:8000/v1

    The page wants a camera: browsers give one to localhost and to HTTPS alone, so use --tls with
    --host 0.0.0.0. Sessions are taken up again when the server is started anew.
    """
    from onlooker.cli.speech import page_speech
    from onlooker.config import changes_of, load_settings
    from onlooker.server import logs
    from onlooker.server.run import Address, prepare, refuse_taken
    from onlooker.server.run import smoke as smoke_test
    from onlooker.server.tls import fingerprint

    more: dict[str, Any] = {
        "live.persona": persona,
        "perception.use": perception,
        "server.record": record,
        **page_speech(load_settings(recipe, overrides or ()), voice=voice, listen=listen),
    }
    settings = read_settings(
        recipe,
        overrides,
        (model, model_url, model_name),
        more,
        brain=(brain, brain_url, brain_name),
    )
    logs.set_up(as_json=json_logs or not sys.stderr.isatty(), is_verbose=json_logs)
    if smoke:
        for line in asyncio.run(smoke_test(settings)):
            typer.echo(f"ok  {line}")
        return
    address = Address(host, port, no_auth, token, tls or tls_cert is not None, tls_cert, tls_key)
    refuse_taken(address)
    ready = prepare(settings, address)
    if changes := changes_of(settings):
        typer.echo(f"settings: {' '.join(changes)}", err=True)
    if not address.is_loopback and not ready.url.startswith("https"):
        typer.echo("warning: without --tls, tokens and pictures travel in the clear", err=True)
    if ready.fingerprint_of:
        typer.echo(f"certificate: SHA-256 {fingerprint(ready.fingerprint_of)}", err=True)
    if ready.token:
        # Behind '#' it stays in the browser: no server, and no log, ever sees it.
        typer.echo(f"Onlooker: {ready.url}/#token={ready.token}")
        typer.echo("The token is shown this once. For the next time: ONLOOKER_TOKEN", err=True)
    else:
        typer.echo(f"Onlooker: {ready.url}/")
    ready.server.run()
