"""What benchmarks share: one line of JSON a result, with the machine and the commit."""

from __future__ import annotations

import json
import os
import platform
import subprocess
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


def short(value: float | None) -> float | None:
    """Round to what a reader compares."""
    return None if value is None else round(value, 3)


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


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
