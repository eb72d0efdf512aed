"""A player through a suite. What is done is on disk at once, so that a killed run goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onlooker.core.errors import OnlookerError
from onlooker.core.event import Event, Failed
from onlooker.core.ports import Model
from onlooker.evaluate import prediction as predictions
from onlooker.evaluate import truth as truths
from onlooker.evaluate.look import Eyes, Seen, see
from onlooker.evaluate.prediction import Prediction
from onlooker.evaluate.problems import Problem
from onlooker.evaluate.replay import Latency, play
from onlooker.evaluate.suite import Item, ItemMissing, Suite
from onlooker.evaluate.truth import Truth
from onlooker.live.settings import LiveSettings

RUN_FILE, ITEMS_FILE = "run.json", "items.jsonl"

Advance = Callable[["Done"], None]
"""Is told of every item that is done."""


class RunRefused(OnlookerError):
    """A folder holds another run, or a run cannot go on."""


@dataclass(frozen=True, slots=True)
class Player:
    """Who plays, and how. `about` is all that may change what it says: it names the run."""

    name: str
    model: Model
    about: dict[str, Any]
    eyes: Eyes = Eyes()
    latency_s: Latency | None = None
    live: LiveSettings = LiveSettings()


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one item: a truth and a prediction, or a problem in their place."""

    item: str
    truth: Truth | None = None
    prediction: Prediction | None = None
    look_ms: tuple[float, ...] = ()
    problems: tuple[Problem, ...] = ()


async def run(
    suite: Suite,
    player: Player,
    folder: Path,
    limit: int | None = None,
    advance: Advance = lambda _: None,
) -> tuple[Done, ...]:
    """Play a suite, or go on where playing it was stopped.

    Args:
        suite: what to play.
        player: who plays it; its parts stay open.
        folder: of this run. Items that were missing are tried again.
        limit: items of each family at most; None: all.
        advance: is told of every item as it is done, those of an earlier run first.

    Raises:
        RunRefused: the folder holds another run, or nothing that was tried could be decided.
    """
    names = limited(suite, limit)
    done = _take_up(folder, _about(suite, player), set(names))
    for one in done.values():
        advance(one)
    with (folder / ITEMS_FILE).open("a", encoding="utf-8") as file:
        for name in names:
            if name in done:
                continue
            done[name] = await _play(suite, name, player)
            file.write(json.dumps(_to_json(done[name]), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
            advance(done[name])
            _refuse_if_nothing_works(done.values())
    return tuple(done[name] for name in names)


def read_run(folder: Path) -> tuple[dict[str, Any], tuple[Done, ...]]:
    """Read what a run was and what it came to so far; a torn last line is left out.

    Raises:
        RunRefused: the folder holds no run.
    """
    try:
        about = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
        lines = (folder / ITEMS_FILE).read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError) as error:
        raise RunRefused(
            f"{folder} holds no run: {error}; name a folder that evaluate wrote"
        ) from error
    return about, tuple({one.item: one for one in _readable(lines.splitlines())}.values())


async def _play(suite: Suite, name: str, player: Player) -> Done:
    try:
        item = suite.open(name)
        seen = await see(item, player.eyes)
    except ItemMissing as error:
        return Done(name, problems=(Problem("missing_video", name, str(error)),))
    played = await play(
        seen.turns,
        player.model,
        latency_s=player.latency_s,
        brain=item.brain,
        settings=replace(player.live, persona=item.persona),
        past=item.past,
    )
    return Done(
        name,
        item.truth,
        played.prediction(name),
        seen.look_ms,
        (*_other_frames(item, seen), *_failures(name, played.events)),
    )


def _other_frames(item: Item, seen: Seen) -> tuple[Problem, ...]:
    if not item.frames_sha256 or seen.frames_sha256 in ("", item.frames_sha256):
        return ()
    name, wanted, found = item.truth.item, item.frames_sha256[:12], seen.frames_sha256[:12]
    detail = f"sha256 {found}..., the recipe has {wanted}...: other versions of libraries draw it"
    return (Problem("frames_differ", name, f"{detail}; it is scored all the same"),)


def _failures(name: str, events: Iterable[Event]) -> tuple[Problem, ...]:
    failed = [event for event in events if isinstance(event, Failed)]
    if not failed:
        return ()
    detail = f"{len(failed)} ticks came to no decision; the last: {failed[-1].error}"
    return (Problem("ticks_failed", name, detail),)


def _refuse_if_nothing_works(done: Iterable[Done]) -> None:
    played = [one for one in done if one.prediction]
    if played and not any(one.prediction and one.prediction.latencies_ms for one in played):
        detail = played[-1].problems[-1].detail if played[-1].problems else "no decision"
        raise RunRefused(f"not one decision came about: {detail}")


def limited(suite: Suite, limit: int | None) -> list[str]:
    """Take the first items of each family, in the order of the suite."""
    taken: dict[str, int] = {}
    names = []
    for name in suite.items:
        family = suite.family_of(name)
        taken[family] = taken.get(family, 0) + 1
        if limit is None or taken[family] <= limit:
            names.append(name)
    return names


def _about(suite: Suite, player: Player) -> dict[str, Any]:
    return {
        "suite": suite.name,
        "digest": suite.digest,
        "player": player.name,
        "about": player.about,
        "time": player.latency_s if not callable(player.latency_s) else "by tick",
    }


def _take_up(folder: Path, about: dict[str, Any], names: set[str]) -> dict[str, Done]:
    """Begin a run, or read what an earlier part of the same run came to."""
    folder.mkdir(parents=True, exist_ok=True)
    told, items = folder / RUN_FILE, folder / ITEMS_FILE
    if not told.exists():
        told.write_text(json.dumps(about, indent=1, ensure_ascii=False), encoding="utf-8")
        items.write_text("", encoding="utf-8")
        return {}
    before, read = read_run(folder)
    differs = [key for key in about if before.get(key) != json.loads(json.dumps(about[key]))]
    if differs:
        raise RunRefused(
            f"{folder} holds another run: {', '.join(differs)} differ; name another folder, "
            f"or remove this one"
        )
    whole = [one for one in read if one.prediction]
    part = items.with_suffix(".part")
    lines = [json.dumps(_to_json(one), ensure_ascii=False) + "\n" for one in whole]
    part.write_text("".join(lines), encoding="utf-8")
    part.replace(items)
    return {one.item: one for one in whole if one.item in names}


def _to_json(done: Done) -> dict[str, Any]:
    plain: dict[str, Any] = {"item": done.item}
    if done.truth and done.prediction:
        plain["truth"] = truths.to_json(done.truth)
        plain["prediction"] = predictions.to_json(done.prediction)
        plain["look_ms"] = list(done.look_ms)
    plain["problems"] = [[one.kind, one.item, one.detail] for one in done.problems]
    return plain


def _readable(lines: Iterable[str]) -> Iterator[Done]:
    for line in lines:
        try:
            plain = json.loads(line)
            is_played = "truth" in plain
            yield Done(
                plain["item"],
                truths.from_json(plain["truth"]) if is_played else None,
                predictions.from_json(plain["prediction"]) if is_played else None,
                tuple(plain.get("look_ms", ())),
                tuple(Problem(*one) for one in plain["problems"]),
            )
        except (ValueError, KeyError, TypeError):
            continue  # torn by a kill in the middle of the write; it is played again
