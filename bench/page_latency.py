"""How long after something shows in the video its words stand on the page.

A real Chromium shows a camera whose marker changes at times that have nothing to do with the
session's seconds; the page itself notes when its video shows another marker, and when it shows
other words. The model answers at once. Bar: p95 of one tick and 150 ms.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench.report import report
from onlooker.testing.process import server_process
from tests.browser.chromium import WATCH_MARKER, launch
from tests.browser.footage import RATE_HZ, write_y4m
from tests.browser.serving import serving

PERIOD_S = 1.0
SPAN_S = (1.3, 3.9)  # a marker stands for so long


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--call", action="store_true", help="by WebRTC")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, server_process("markers") as url:
        film = _film(Path(scratch) / "camera.y4m")
        tree = {
            "live": {"period_s": PERIOD_S},
            "model": {"use": "openai", "openai": {"url": url}},
            "server": {"folder": scratch},
        }
        with serving(tree) as port, sync_playwright() as playwright:
            browser = launch(playwright, film)
            began_s = time.process_time()
            laps_ms = _watch(browser, port, given.seconds, is_call=given.call)
            browser.close()
    laps_ms.sort()
    p50_ms, p95_ms = (laps_ms[int(len(laps_ms) * part)] for part in (0.50, 0.95))
    report(
        "page_latency",
        transport="WebRTC" if given.call else "WebSocket",
        period_s=PERIOD_S,
        server_cpu_s=round(time.process_time() - began_s, 1),  # this process: server and driver
        num_events=len(laps_ms),
        p50_ms=round(p50_ms),
        p95_ms=round(p95_ms),
        max_ms=round(laps_ms[-1]),
        load_1min=round(os.getloadavg()[0], 1),
    )


def _film(path: Path) -> Path:
    """Markers in an order and for spans that repeat only with the file."""
    dice = random.Random(0)  # noqa: S311
    values = dice.sample(range(1, 900), 8)
    spans = [round(dice.uniform(*SPAN_S) * RATE_HZ) for _ in values]
    spans[-1] += (3 - sum(spans)) % RATE_HZ  # each round, changes fall elsewhere in the second
    pictures = [value for value, span in zip(values, spans, strict=True) for _ in range(span)]
    return write_y4m(path, pictures, seconds_each=1 / RATE_HZ)


def _watch(browser: Browser, port: int, seconds: float, *, is_call: bool) -> list[float]:
    context = browser.new_context(permissions=["camera"], reduced_motion="reduce", locale="en-GB")
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    page.evaluate(WATCH_MARKER)
    if is_call:
        page.evaluate("localStorage.setItem('onlooker.transport', 'call')")
    page.get_by_role("button", name="Webcam").click()
    page.wait_for_timeout(1000 * seconds)
    if is_call and "WebRTC" not in page.get_by_role("banner").inner_text():
        raise SystemExit("no call came about: this would measure the socket")
    log = page.evaluate("markerLog")
    laps_ms = []
    whole = [said for said in log["said"] if said["text"].endswith("appeared")]
    for said in whole:
        value = int(said["text"].split()[1])
        shown = [seen["atMs"] for seen in log["seen"] if seen["value"] == value]
        before = [at for at in shown if at <= said["atMs"]]
        if before and said["atMs"] > 6000:  # the first seconds settle the clocks
            laps_ms.append(said["atMs"] - before[-1])
    return laps_ms


if __name__ == "__main__":
    main()
