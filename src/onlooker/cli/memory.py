"""`onlooker memory`: look into what a site remembers, take it along, and make it forget."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlooker.core.errors import BadSettings, MemoryFailed

if TYPE_CHECKING:
    from onlooker.core.memory import Evidence
    from onlooker.plugins.memory.search import Search
    from onlooker.plugins.memory.store import Store

app = typer.Typer(no_args_is_help=True, help="Search, show, export and forget what is remembered.")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
EXPORT_BATCH = 10_000_000

Folder = Annotated[
    Path | None, typer.Option(help="the site's folder; default: ~/.local/share/onlooker/memory")
]
Stream = Annotated[str | None, typer.Option(help="of this stream alone")]
Since = Annotated[
    str | None, typer.Option(help="such as 90m or 2d ago, or 2026-05-01T14:00 (local time)")
]
Until = Annotated[str | None, typer.Option(help="as --since")]
Json = Annotated[bool, typer.Option("--json", help="one JSON object a line")]


@app.command()
def search(
    words: Annotated[
        list[str] | None, typer.Argument(help="what to look for; none: newest")
    ] = None,
    stream: Stream = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="results at most")] = 10,
    as_json: Json = False,
    folder: Folder = None,
) -> None:
    """Find what was seen, heard, said or summarised.

    Try: onlooker memory search "when did the van leave" --since 2h
    """
    from onlooker.core.memory import Question

    asked = Question(" ".join(words or ()), stream, _wall_s(since), _wall_s(until), (), limit)
    reader = _open(folder, is_asked=bool(words))
    try:
        found = reader.find(asked)
    finally:
        reader.close()
    for evidence in found:
        typer.echo(_plain(evidence) if as_json else _line(evidence))
    if not found and not as_json:
        typer.echo("nothing that fits is remembered", err=True)


@app.command()
def show(
    entry: Annotated[int, typer.Argument(help="an entry's number, as search prints it")],
    picture: Annotated[
        Path | None, typer.Option(help="write its key frame to this file (JPEG)")
    ] = None,
    folder: Folder = None,
) -> None:
    """Show one entry in full, and where its key frame lies."""
    reader = _open(folder)
    try:
        found, jpeg = reader.get(entry), reader.picture(entry)
    finally:
        reader.close()
    if found is None:
        raise MemoryFailed(f"no entry has the number {entry}: `onlooker memory search` lists them")
    for name, value in json.loads(_plain(found)).items():
        typer.echo(f"{name + ':':<12}{_printable(str(value))}")
    if picture:
        if jpeg is None:
            raise MemoryFailed(f"entry {entry} has no key frame")
        picture.write_bytes(jpeg)


@app.command()
def export(
    to: Annotated[Path, typer.Argument(help="a new folder: entries.jsonl, and pictures/")],
    stream: Stream = None,
    since: Since = None,
    until: Until = None,
    folder: Folder = None,
) -> None:
    """Copy entries and key frames into a folder that anything can read."""
    from onlooker.core.memory import Question

    asked = Question("", stream, _wall_s(since), _wall_s(until), (), EXPORT_BATCH)
    reader = _open(folder)
    try:
        found = reader.find(asked)[::-1]
        (to / "pictures").mkdir(parents=True)
        with (to / "entries.jsonl").open("x") as file:
            for evidence in found:
                plain = json.loads(_plain(evidence))
                if evidence.picture and (jpeg := reader.picture(evidence.id)):
                    name = f"pictures/{Path(evidence.picture).stem}.jpg"
                    (to / name).write_bytes(jpeg)
                    plain["picture"] = name
                file.write(json.dumps(plain, ensure_ascii=False) + "\n")
    except OSError as error:
        raise MemoryFailed(f"{to} cannot be written: {error.strerror}") from None
    finally:
        reader.close()
    typer.echo(f"{len(found)} entries are in {to}")


@app.command()
def forget(
    topic: Annotated[str, typer.Option(help="entries with all of these words")] = "",
    stream: Stream = None,
    since: Since = None,
    until: Until = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    folder: Folder = None,
) -> None:
    """Remove entries for good: text, search index, key frames, and summaries of the time.

    What is given is combined: --stream door --since 1h forgets the last hour at the door.
    Try: onlooker memory forget --topic "blue coat"
    """
    from onlooker.core.memory import Target
    from onlooker.plugins.memory.archive import Archive
    from onlooker.plugins.memory.forgetting import forget as forget_for_good

    target = Target(_wall_s(since), _wall_s(until), stream, topic)
    site = _folder(folder)
    archive = Archive(_store(site))
    try:
        if not yes:
            typer.confirm(f"Forget this in {site} for good?", abort=True)
        gone = forget_for_good(archive, target)
    finally:
        archive.close()
    typer.echo(
        f"{gone.num_entries} entries, {gone.num_pictures} key frames and {gone.num_waiting} "
        "segments without a summary are gone"
    )
    if not gone.is_complete:
        raise MemoryFailed(
            "another process reads this memory, and old pages stay in its log until it is done: "
            "run this again then"
        )


def _open(folder: Path | None, *, is_asked: bool = False) -> Search:
    from onlooker.plugins.memory.search import Search
    from onlooker.plugins.memory.site import embedder_of

    return Search(_store(_folder(folder)), embedder_of("auto") if is_asked else None)


def _store(folder: Path) -> Store:
    from onlooker.plugins.memory.store import key_for, open_store

    return open_store(folder, key_for(folder), may_create=False)


def _folder(folder: Path | None) -> Path:
    from onlooker.plugins.memory.sqlite import default_folder

    return folder or default_folder()


def _wall_s(given: str | None) -> float | None:
    """Read a point in time: so long ago, or a date and time."""
    if given is None:
        return None
    if ago := _SPAN.fullmatch(given.removesuffix("ago").strip()):
        return datetime.now(UTC).timestamp() - float(ago[1]) * _UNITS_S[ago[2]]
    try:
        return datetime.fromisoformat(given).astimezone().timestamp()
    except ValueError:
        raise BadSettings(
            f"{given!r} is no time: expected such as 90m, 2h, 3d or 2026-05-01T14:00"
        ) from None


def _plain(evidence: Evidence) -> str:
    plain = asdict(evidence) | {"wall_time": _local(evidence.wall_s)}
    for name in ("start_s", "end_s", "score"):
        del plain[name]
    plain["duration_s"] = round(evidence.end_s - evidence.start_s, 3)
    return json.dumps(plain, ensure_ascii=False)


def _line(evidence: Evidence) -> str:
    frame = "  [key frame]" if evidence.picture else ""
    where = f"  {evidence.stream}" if evidence.stream else ""
    return (
        f"{evidence.id:>7}  {_local(evidence.wall_s)}  {evidence.kind:<7}{where}  "
        f"{_printable(evidence.text) or '-'}{frame}"
    )


def _printable(text: str) -> str:
    """Keep what was read in a picture from speaking to the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def _local(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s, UTC).astimezone().isoformat(" ", "seconds")
