"""A recording decided on again, beside the live sessions: one at a time, in a thread of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path
from threading import Event as Flag
from typing import Any

from onlooker.assemble import model_of
from onlooker.config import Settings
from onlooker.core.errors import BadSettings, OnlookerError
from onlooker.core.event import Decided, Event, Failed
from onlooker.core.ports import Model
from onlooker.core.recording import read_recording
from onlooker.core.wire import to_json
from onlooker.live.replay import Replayed, replay
from onlooker.plugins.loader import installed

MAX_WAITING = 64  # lines, before the replay waits for its reader

Line = dict[str, Any]


class Replays:
    """Replays recordings for visitors."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._one = asyncio.Lock()

    @property
    def is_busy(self) -> bool:
        return self._one.locked()

    def model_called(self, name: str | None) -> Model | None:
        """Build a model by its plug-in's name, as the settings have it. Blocks: it loads weights.

        Raises:
            BadSettings, UnknownPlugin: there is none of this name, or it cannot be built.
        """
        if name is None:
            return None
        if name not in installed("model").names:  # a class of one's own is for the settings alone
            known = ", ".join(sorted(installed("model").names))
            raise BadSettings(f"no model plug-in is called {name!r}; installed: {known}")
        choice = self._settings.model.model_copy(update={"use": name})
        return model_of(self._settings.model_copy(update={"model": choice}))

    async def lines(self, path: Path, model: Model | None) -> AsyncIterator[bytes]:
        """Yield a line of JSON for each second that is decided, and the report as the last.

        Whoever stops reading ends the replay. What goes wrong is the last line.
        """
        told: asyncio.Queue[Line | None] = asyncio.Queue(MAX_WAITING)
        gone = Flag()
        sink = _Telling(told, asyncio.get_running_loop(), gone)
        async with self._one, asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(_work, path, model, sink))
            try:
                while (line := await told.get()) is not None:
                    yield json.dumps(line, ensure_ascii=False).encode() + b"\n"
            finally:
                gone.set()
                while not told.empty():  # makes room for whoever waits to tell
                    told.get_nowait()


class _Telling:
    """Tells what is decided to another thread's loop, as fast as it is taken there."""

    def __init__(
        self, told: asyncio.Queue[Line | None], loop: asyncio.AbstractEventLoop, gone: Flag
    ) -> None:
        self._told = told
        self._loop = loop
        self._gone = gone

    @property
    def is_wanted(self) -> bool:
        return not self._gone.is_set()

    def tell(self, line: Line | None) -> None:
        """Hand a line over; blocks while its reader is behind."""
        if self.is_wanted:
            asyncio.run_coroutine_threadsafe(self._told.put(line), self._loop).result()

    async def accept(self, event: Event) -> None:
        if isinstance(event, Decided | Failed):
            self.tell(to_json(event))

    async def close(self) -> None:
        await asyncio.sleep(0)


def _work(path: Path, model: Model | None, sink: _Telling) -> None:
    """Replay in a loop of this thread's own, so that live sessions feel nothing of it."""
    events: Iterator[Event] = takewhile(lambda _: sink.is_wanted, read_recording(path))
    try:
        sink.tell(_report(asyncio.run(replay(events, model, {"page": sink}))))
    except OnlookerError as error:
        sink.tell({"type": "error", "message": str(error)})
    finally:
        sink.tell(None)


def _report(replayed: Replayed) -> Line:
    return {"type": "replayed", **asdict(replayed), "is_identical": replayed.is_identical}
