"""What benchmarks share: results with the machine beside them, a server that answers at once."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def report(bench: str, **row: Any) -> None:
    """Print a result and append it to `bench/results/BENCH.jsonl`."""
    line = json.dumps({"bench": bench, **row, **machine()})
    print(line, flush=True)
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"{bench}.jsonl").open("a") as file:
        file.write(f"{line}\n")


def machine() -> dict[str, Any]:
    head = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, check=False, text=True
    )
    return {
        "commit": head.stdout.strip(),
        "cpu": _cpu_name(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
    }


@contextmanager
def instant_server() -> Iterator[str]:
    """Run a model server that says silence at once, in a process of its own; yield its URL."""
    command = [sys.executable, "-m", "onlooker.testing.server", "--behaviour", "instant"]
    with subprocess.Popen(
        [*command, "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdin
        assert server.stdout
        yield f"{server.stdout.readline().strip()}/v1"
        server.stdin.close()


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
