"""A session for people: a line for what matters, and how it goes at the bottom of the terminal."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from io import TextIOWrapper

from pydantic import BaseModel, Field
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from onlooker.core.event import Closed, Event
from onlooker.plugins.sink.lines import Kind, Line, clean, clock_of, latency_of, lines_of
from onlooker.plugins.sink.tally import Tally

_LOOKS: dict[Kind, tuple[str, str]] = {  # glyph, style
    "title": ("", "bold"),
    "speak": ("●", "bold"),
    "delegate": ("◆", "magenta"),
    "silent": ("·", "dim"),
    "user": ("›", "cyan"),
    "scene": ("‹", "dim"),
    "brain": ("◇", "magenta"),
    "note": ("·", "dim"),
    "good": ("·", "dim green"),
    "bad": ("!", "dim red"),
}
_PLAIN: dict[Kind, str] = {  # where there is no terminal: words, which are easy to search for
    "title": "",
    "speak": "speak",
    "delegate": "delegate",
    "silent": "silent",
    "user": "user",
    "scene": "overheard",
    "brain": "brain",
    "note": "note",
    "good": "note",
    "bad": "trouble",
}
_HEALTH = {
    None: ("○", "dim"),
    "connected": ("●", "green"),
    "recovered": ("●", "green"),
    "lost": ("✕", "bold red"),
    "frozen": ("❄", "bold red"),
    "dark": ("◐", "bold red"),
    "ended": ("■", "dim"),
}


class ConsoleSettings(BaseModel, frozen=True, extra="forbid"):
    """How much is shown."""

    silence: bool = Field(default=False, description="a line for each silent second as well")


class ConsoleSink:
    """Shows decisions as they fall; plain lines where there is no terminal."""

    Settings = ConsoleSettings

    def __init__(self, settings: ConsoleSettings, console: Console | None = None) -> None:
        self._settings = settings
        self._console = console or _console()
        self.is_gone = False  # whoever read our output has left
        self._tally = Tally()
        self._last: Line | None = None  # its repeats are counted, not shown
        self._num_repeats = 0
        # A terminal may be slow, or stopped with Ctrl-S: the loop doesn't wait for it.
        self._thread = ThreadPoolExecutor(1, "console")
        self._live: Live | None = None
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)

    async def accept(self, event: Event) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._show, event)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._end)
        self._thread.shutdown(wait=False)

    def _show(self, event: Event) -> None:
        if self.is_gone:
            return
        try:
            self._show_event(event)
        except SystemExit:
            # rich's answer to a broken pipe; the session and its other sinks go on.
            self.is_gone = True

    def _show_event(self, event: Event) -> None:
        self._tally.add(event)
        for line in lines_of(event, with_silence=self._settings.silence):
            self._show_line(line)
        if isinstance(event, Closed):
            self._end()
            self._print(Line(event.time_s, "title", self._summary()))
        elif self._live is not None:
            self._live.start()
            self._live.update(self._status(), refresh=True)

    def _show_line(self, line: Line) -> None:
        if self._last and line.repeats and line.repeats == self._last.repeats:
            self._num_repeats += line.count
            return
        self._tell_repeats()
        self._print(line)
        self._last, self._num_repeats = line, line.count - 1

    def _tell_repeats(self) -> None:
        if self._last is not None and self._num_repeats:
            times = "once" if self._num_repeats == 1 else f"{self._num_repeats} times"
            self._print(Line(self._tally.time_s, self._last.kind, f"the same {times} more"))
        self._num_repeats = 0

    def _end(self) -> None:
        if self.is_gone:
            return
        self._tell_repeats()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print(self, line: Line) -> None:
        if self._console.is_terminal:
            self._console.print(_rich(line))
            return
        word = f"{_PLAIN[line.kind]}: " if _PLAIN[line.kind] else ""
        note = f" ({line.note})" if line.note else ""
        plain = f"{clock_of(line.time_s)} {word}{line.text}{note}"
        self._console.print(plain, markup=False, soft_wrap=True)

    def _status(self) -> Group:
        """Build the bottom of the screen: what is being said, and how it goes."""
        tally, parts = self._tally, Text()
        parts.append(f"{clock_of(tally.time_s)}  ", "bold")
        latency_ms = tally.latency_ms(0.5)
        told = [f"{tally.counts['ticks']} ticks", f"silent for {tally.silent_s:.0f} s"]
        told += [
            f"{tally.counts[what]} {what}"
            for what in ("spoken", "not needed", "late", "failed")
            if tally.counts[what]
        ]
        told += [latency_of(latency_ms)] if latency_ms is not None else []
        parts.append(" · ".join(told), "dim")
        for stream, state in tally.health.items():
            glyph, style = _HEALTH[state]
            parts.append(f"  {glyph} ", style)
            parts.append(clean(stream), "dim" if state in ("connected", "recovered") else style)
        parts.truncate(self._console.width, overflow="ellipsis")
        if not tally.speaking:
            return Group(parts)
        # It flows in at the end, so the end is what is shown.
        said = clean(tally.speaking)[-(self._console.width - 10) :]
        return Group(
            Text.assemble((f"{clock_of(tally.time_s)}  ◌ ", "dim"), (said, "italic")), parts
        )

    def _summary(self) -> str:
        counts = self._tally.counts
        told = [f"{counts['ticks']} ticks"]
        told += [
            f"{counts[what]} {what}"
            for what in ("spoken", "silent", "not needed", "late", "failed")
            if counts[what]
        ]
        for name, share in (("p50", 0.5), ("p95", 0.95)):
            if (latency_ms := self._tally.latency_ms(share)) is not None:
                told.append(f"{name} {latency_of(latency_ms)}")
        return ", ".join(told)


def _console() -> Console:
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every terminal knows every sign
    return Console(highlight=False)


def _rich(line: Line) -> Table:
    """Lay a line out: time, glyph, text that wraps under itself, and a note on the right."""
    glyph, style = _LOOKS[line.kind]
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(width=1)
    table.add_column(ratio=1)
    table.add_column(style="dim", justify="right", no_wrap=True)
    table.add_row(
        Text(clock_of(line.time_s)),
        Text(glyph, style="bold green" if line.kind == "speak" else style),
        Text(line.text, style=style),
        Text(line.note),
    )
    return table
