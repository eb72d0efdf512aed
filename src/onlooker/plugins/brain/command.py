"""A command-line agent as a brain: a process of its own for each task, in a folder of its own.

It gets the task as one JSON line on standard input and writes news as JSON lines, or gets the
question in words and writes the answer in words. It sees neither our environment nor our folder.
Its own sandbox and approvals stay as they are: arguments that switch them off are refused.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from onlooker.core.errors import BrainFailed
from onlooker.core.event import TaskUsage
from onlooker.core.ports import BrainTraits
from onlooker.core.task import NeedsInput, Partial, Result, Task, TaskNews
from onlooker.plugins.brain.process import Run
from onlooker.plugins.brain.protocol import read_news, task_json
from onlooker.plugins.brain.words import SYSTEM, outcome_of, words_of

# What a process needs to run at all; none of it is a secret.
ALLOWED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT")

_UNSAFE = re.compile(
    r"dangerous|bypass|skip-permission|yolo|danger-full-access|no-sandbox|full-auto|"
    r"auto-approve|trust-all|allow-all|approval(-|_|-policy=|=)never",
    re.IGNORECASE,
)


class CommandSettings(BaseModel, frozen=True, extra="forbid"):
    """Which command, and how it is spoken to."""

    command: tuple[str, ...] = Field(
        min_length=1, description="the command and its arguments, such as ['my-agent', '--json']"
    )
    speaks: Literal["json", "text"] = Field(
        default="json",
        description="json: a task in, news out, a line each; text: words in, the answer out",
    )
    environment: tuple[str, ...] = Field(
        default=(),
        description=f"names of variables that it gets beside {', '.join(ALLOWED)}",
    )
    name: str = Field(default="", description="what the brain is called in logs")

    @field_validator("command")
    @classmethod
    def _is_safe(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        for argument in command:
            if _UNSAFE.search(argument):
                raise ValueError(
                    f"{argument!r} switches the agent's own safety off: what it is asked comes "
                    f"from a camera, so let it ask, or keep it in its sandbox"
                )
        return command


class CommandBrain:
    """Runs a command for each task."""

    Settings = CommandSettings

    def __init__(self, settings: CommandSettings) -> None:
        self._settings = settings
        self._where = f"the command {settings.command[0]!r}"
        self.traits = BrainTraits(name=settings.name or Path(settings.command[0]).name)

    async def solve(self, task: Task) -> AsyncGenerator[TaskNews]:
        """Yield the news as they come.

        Raises:
            BrainFailed: it cannot be run, ends without an answer, or writes too much.
        """
        home = await asyncio.to_thread(TemporaryDirectory, prefix="onlooker-brain-")
        folder = Path(home.name)
        run = Run(2 * task.max_answer_bytes)
        try:
            given = await asyncio.to_thread(self._write, folder, task)
            await run.start(self._settings.command, given, folder, self._environment(folder))
            read = self._read_json if self._settings.speaks == "json" else self._read_text
            async with aclosing(read(run, folder, task)) as news:
                async for piece in news:
                    yield piece
                    if isinstance(piece, Result | NeedsInput):
                        return
        finally:
            try:
                await run.stop()
            finally:
                await asyncio.to_thread(home.cleanup)
        raise self._no_answer(run)

    async def close(self) -> None:
        pass

    def _write(self, folder: Path, task: Task) -> Path:
        """Write what it may look at, and what it reads first."""
        names = []
        for number, picture in enumerate(task.pictures, start=1):
            names.append(f"picture-{number}.jpg")
            (folder / names[-1]).write_bytes(picture.jpeg)
        if self._settings.speaks == "json":
            text = json.dumps(task_json(task, tuple(names)), ensure_ascii=False) + "\n"
        else:
            seen = "\n".join(
                f"- {name}: camera {picture.stream} at {picture.time_s:.1f} s"
                for name, picture in zip(names, task.pictures, strict=True)
            )
            seen = f"Pictures in the working directory:\n{seen}\n\n" if names else ""
            text = f"{SYSTEM}\n\n{seen}{words_of(task)}\n"
        given = folder / ".task"
        given.write_bytes(text.encode(errors="replace"))
        return given

    def _environment(self, folder: Path) -> dict[str, str]:
        names = (*ALLOWED, *self._settings.environment)
        given = {name: os.environ[name] for name in names if name in os.environ}
        return {"HOME": str(folder), "TMPDIR": str(folder)} | given

    async def _read_json(self, run: Run, folder: Path, task: Task) -> AsyncGenerator[TaskNews]:
        rest = b""
        async with aclosing(run.output()) as output:
            async for piece in output:
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    if line.strip():
                        yield await self._news_of(line, folder, task.max_answer_bytes)
        if rest.strip():
            yield await self._news_of(rest, folder, task.max_answer_bytes)

    async def _read_text(self, run: Run, _: Path, task: Task) -> AsyncGenerator[TaskNews]:
        written = bytearray()
        async with aclosing(run.output()) as output:
            async for piece in output:
                written += piece
                yield Partial(piece.decode(errors="replace"))
        if run.status or not written.strip():
            raise self._no_answer(run)
        yield outcome_of(written.decode(errors="replace"), TaskUsage())

    async def _news_of(self, line: bytes, folder: Path, max_bytes: int) -> TaskNews:
        text = line.decode(errors="replace")
        files: dict[str, bytes] = {}
        if b'"path"' in line:
            files = await asyncio.to_thread(_files_in, folder, max_bytes)
        return read_news(text, self._where, files)

    def _no_answer(self, run: Run) -> BrainFailed:
        said = run.trouble
        for name in self._settings.environment:
            if secret := os.environ.get(name):
                said = said.replace(secret, "***")
        trouble = f"; it said {said[-200:]!r}" if said else ""
        return BrainFailed(
            f"{self._where} ended with status {run.status} and without an answer{trouble}",
            "the background brain gave no answer",
        )


def _files_in(folder: Path, max_bytes: int) -> dict[str, bytes]:
    """Read what the command has made, as far as it lies in its folder and is not too large."""
    files: dict[str, bytes] = {}
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file() or path.name.startswith("."):
            continue
        max_bytes -= path.stat().st_size
        if max_bytes < 0:
            break
        files[path.name] = path.read_bytes()
    return files
