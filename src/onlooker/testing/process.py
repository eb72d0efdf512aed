"""The testing server in a process of its own, beside ours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from onlooker.core.errors import OnlookerError
from onlooker.testing.behaviour import Behaviour


@contextmanager
def server_process(behaviour: Behaviour) -> Iterator[str]:
    """Run it, and yield the URL of its API. It ends when we do, however we end.

    Raises:
        OnlookerError: it did not start.
    """
    command = [sys.executable, "-m", "onlooker.testing.server", "--behaviour", behaviour]
    with subprocess.Popen(  # noqa: S603 - our own module
        [*command, "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        url = (process.stdout.readline() if process.stdout else "").strip()
        if not url:
            raise OnlookerError(f"{' '.join(command)} did not start: run it to see why")
        try:
            yield f"{url}/v1"
        finally:
            if process.stdin:
                process.stdin.close()
