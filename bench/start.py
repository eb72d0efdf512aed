"""How long from the start of the process to its first decision on a file?

Runs `onlooker watch` as a user does, on a rendered clip, against a server that answers at once, and
takes the time until the first decision is on its standard output. The first tick itself ends
one second into the clip; `--speed max` does not wait for it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.report import report
from onlooker.testing.process import server_process
from onlooker.testing.render import render


def seconds_to_decision(clip: Path, url: str) -> float:
    command = [sys.executable, "-m", "onlooker", "watch", str(clip), "--json", "--speed", "max"]
    began_s = time.perf_counter()
    with subprocess.Popen(
        [*command, "--ticks", "1", "--model-url", url], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if json.loads(line)["type"] == "decided":
                return time.perf_counter() - began_s
    raise RuntimeError("no decision")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 255, (480, 640, 3), np.uint8) for _ in range(30)]
    with tempfile.TemporaryDirectory() as folder, server_process("instant") as url:
        clip = Path(folder) / "clip.mp4"
        render(clip, pictures, rate_hz=10)
        seconds_to_decision(clip, url)  # warms the disk's cache
        laps_s = sorted(seconds_to_decision(clip, url) for _ in range(runs))
    median_s, worst_s = round(laps_s[runs // 2], 3), round(laps_s[-1], 3)
    report("start", median_s=median_s, worst_s=worst_s, runs=runs)


if __name__ == "__main__":
    main()
