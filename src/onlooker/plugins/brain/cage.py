"""Code of a model's, run in a cage: no network, no files, no processes, bounded time and memory.

The cage is Monty, an interpreter of a part of Python that has no door to the machine, in a process
of its own. Where it is not installed, no code is run at all.
Source: pydantic-monty, https://github.com/pydantic/monty.
"""

from __future__ import annotations

from dataclasses import dataclass

from onlooker.core.errors import BadSettings

MAX_SHOWN = 4000  # characters of what a run gives
MAX_PRINTED_BYTES = 64 * 1024
WORKERS = 2


@dataclass(frozen=True, slots=True)
class CageLimits:
    """What one run may use."""

    seconds: float = 10.0
    memory_bytes: int = 256 * 2**20


class Cage:
    """Runs code; every run begins with nothing."""

    def __init__(self, limits: CageLimits) -> None:
        """Check that there is a cage.

        Raises:
            BadSettings: there is none.
        """
        try:
            import pydantic_monty
        except ImportError:
            raise BadSettings(
                "code is run in a cage alone, and there is none: pip install 'onlooker[brain]', "
                "or set brain.agent.code=false"
            ) from None
        self._monty = pydantic_monty
        self._pool = pydantic_monty.AsyncMonty(min_processes=0, max_processes=WORKERS)
        self._limits = limits
        self._is_open = False

    async def run(self, code: str) -> str:
        """Run Python; give what it printed and the value of its last line, or its error."""
        if not self._is_open:
            await self._pool.__aenter__()
            self._is_open = True
        printed = self._monty.CollectString(max_bytes=MAX_PRINTED_BYTES)
        try:
            async with self._pool.checkout(
                limits={
                    "max_feed_duration_secs": self._limits.seconds,
                    "max_total_sleep_secs": self._limits.seconds,
                    "max_memory": self._limits.memory_bytes,
                }
            ) as session:
                value = await session.feed_run(code, print_callback=printed)
            result = "" if value is None else repr(value)
        except self._monty.MontyError as error:
            result = f"failed: {error}"
        shown = "\n".join(part for part in (printed.output.rstrip(), result) if part)
        cut = "\n... (cut)" if len(shown) > MAX_SHOWN else ""
        return f"{shown[:MAX_SHOWN]}{cut}" or "it ran, and printed nothing"

    async def close(self) -> None:
        if self._is_open:
            self._is_open = False
            await self._pool.__aexit__(None, None, None)
