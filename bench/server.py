"""What the server costs: a tick over HTTP, failing models, fifty sessions, a hundred idle ones.

    python -m bench.server            # all of it, about six minutes
    python -m bench.server chat       # one question

The model answers at once, in a process of its own; what is measured is the server's process.
CPU time is the process's own, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import psutil
from PIL import Image

from bench.report import report

PORT = 8399
FRAME = (640, 480)
QUALITY = 46
WARM_UP = 120  # ticks: the window is full after 100
TOKEN = "bench-token-0000000000"  # noqa: S105 - of a server that lives for minutes
NUM_FRAMES = 16


def frames() -> list[str]:
    """Draw pictures that compress like a camera's: about 30 kB, 41 kB in base64."""
    rng = random.Random(0)  # noqa: S311 - pictures
    made = []
    for _ in range(NUM_FRAMES):
        small = Image.frombytes("RGB", (48, 36), rng.randbytes(48 * 36 * 3))
        file = BytesIO()
        small.resize(FRAME, Image.Resampling.BICUBIC).save(file, "JPEG", quality=QUALITY)
        made.append("data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode())
    return made


@asynccontextmanager
async def server(*more: str) -> AsyncIterator[tuple[httpx.AsyncClient, psutil.Process]]:
    """Run a testing model and the server, each in its own process."""
    model = subprocess.Popen(  # noqa: ASYNC220 - before anything is measured
        [sys.executable, "-m", "onlooker.testing.server", "--until-stdin-closes", *more],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert model.stdout
    url = model.stdout.readline().strip()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "ONLOOKER_TOKEN": TOKEN}
        running = subprocess.Popen(  # noqa: ASYNC220
            [
                str(Path(sys.executable).with_name("onlooker")), "serve", "--port", str(PORT),
                "--model", "openai", "--model-url", f"{url}/v1",
                "--set", f"server.folder={folder}", "--set", "server.rate=1000000/minute",
                "--set", "server.rate_opening=1000000/minute", "--set", "memory.use=",
            ],
            env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        headers = {"Authorization": f"Bearer {TOKEN}"}
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{PORT}", headers=headers, timeout=60
            ) as http:
                await _until_up(http)
                yield http, psutil.Process(running.pid)
        finally:
            running.terminate()
            running.wait(30)
            model.terminate()
            model.wait(30)


async def _until_up(http: httpx.AsyncClient) -> None:
    for _ in range(300):
        try:
            await http.get("/health")
        except httpx.TransportError:
            await asyncio.sleep(0.2)
        else:
            return
    raise RuntimeError("the server did not start")


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def chat(num_ticks: int = 3600) -> dict[str, Any]:
    """One session, a frame a request, back to back."""
    pictures = frames()
    async with server("--behaviour", "instant") as (http, process):
        num_errors = 0

        async def tick(index: int) -> None:
            nonlocal num_errors
            image = {"type": "image_url", "image_url": {"url": pictures[index % NUM_FRAMES]}}
            body: dict[str, Any] = {
                "messages": [{"role": "user", "content": [image]}],
                "frame_time_range": f"{index}.0 seconds ~ {index + 1}.0 seconds",
            }
            if index == 0:
                body["messages"][0]["content"].append({"type": "text", "text": "watch the door"})
            headers = {"x-streaming-session": "bench"}
            response = await http.post("/v1/chat/completions", json=body, headers=headers)
            num_errors += response.status_code != 200

        for index in range(WARM_UP):
            await tick(index)
        began_s, before_mib, laps_ms = cpu_s(process), _mib(process), []
        middle_mib = before_mib
        for index in range(WARM_UP, WARM_UP + num_ticks):
            began = perf_counter()
            await tick(index)
            laps_ms.append((perf_counter() - began) * 1e3)
            if index == WARM_UP + num_ticks // 2:
                middle_mib = _mib(process)
        laps_ms.sort()
        return {
            "num_ticks": num_ticks,
            "cpu_ms_a_tick": round((cpu_s(process) - began_s) / num_ticks * 1e3, 2),
            "p50_ms": round(laps_ms[len(laps_ms) // 2], 1),
            "p95_ms": round(laps_ms[int(len(laps_ms) * 0.95)], 1),
            "rss_mib": [round(before_mib, 1), round(middle_mib, 1), round(_mib(process), 1)],
            "num_errors": num_errors,
            "frame_bytes": len(pictures[0]) * 3 // 4,
        }


async def faults(num_ticks: int = 300) -> dict[str, Any]:
    """One call in ten of the model fails."""
    pictures, statuses, num_silent = frames(), [], 0
    async with server("--behaviour", "instant", "--fail-every", "10") as (http, _):
        for index in range(num_ticks):
            image = {"type": "image_url", "image_url": {"url": pictures[index % NUM_FRAMES]}}
            body = {"messages": [{"role": "user", "content": [image]}]}
            headers = {"x-streaming-session": "bench"}
            response = await http.post("/v1/chat/completions", json=body, headers=headers)
            statuses.append(response.status_code)
            num_silent += bool(response.json().get("interaction", {}).get("failed"))
    errors = sum(status != 200 for status in statuses)
    return {"num_ticks": num_ticks, "num_client_errors": errors, "num_ticks_lost": num_silent}


async def fifty(num_sessions: int = 50, seconds: float = 60.0) -> dict[str, Any]:
    """Many sessions, each with one picture a second pushed into it."""
    pictures = [base64.b64decode(picture.partition(",")[2]) for picture in frames()]
    async with server("--behaviour", "instant") as (http, process):
        paths = [await _open(http) for _ in range(num_sessions)]
        stop_s = perf_counter() + seconds

        async def push(path: str, offset_s: float) -> None:
            await asyncio.sleep(offset_s)
            number = 0
            due_s = perf_counter()
            while perf_counter() < stop_s:
                await http.post(f"{path}/frames", content=pictures[number % NUM_FRAMES])
                number, due_s = number + 1, max(due_s + 1.0, perf_counter())
                await asyncio.sleep(max(0.0, due_s - perf_counter()))

        began_s = cpu_s(process)
        async with asyncio.TaskGroup() as tasks:
            for index, path in enumerate(paths):
                tasks.create_task(push(path, index / num_sessions))
        used_s = cpu_s(process) - began_s
        num_decided = num_late = num_failed = 0
        for path in paths:
            timeline = (await http.get(f"{path}/timeline")).json()["seconds"]
            num_late += sum(one["num_ticks"] for one in timeline if one["text"] == "late")
            num_failed += sum(one["what"] == "failed" for one in timeline)
            num_decided += sum(one["what"] not in ("skipped", "failed") for one in timeline)
        num_all = num_decided + num_late + num_failed
        return {
            "num_sessions": num_sessions,
            "seconds": seconds,
            "missed_percent": round(100 * (num_late + num_failed) / max(1, num_all), 2),
            "num_decided": num_decided,
            "cores": round(used_s / seconds, 2),
            "cpu_ms_a_tick": round(used_s / max(1, num_decided) * 1e3, 2),
            "rss_mib": round(_mib(process), 1),
            "load": os.getloadavg()[0],
        }


async def idle(num_sessions: int = 100, seconds: float = 20.0) -> dict[str, Any]:
    """Sessions into which nothing comes."""
    async with server("--behaviour", "instant") as (http, process):
        empty_mib = _mib(process)
        for _ in range(num_sessions):
            await _open(http)
        await asyncio.sleep(15)  # so that all rest
        began_s = cpu_s(process)
        await asyncio.sleep(seconds)
        return {
            "num_sessions": num_sessions,
            "cpu_percent": round((cpu_s(process) - began_s) / seconds * 100, 2),
            "kib_a_session": round((_mib(process) - empty_mib) * 1024 / num_sessions, 1),
        }


async def _open(http: httpx.AsyncClient) -> str:
    for _ in range(100):
        response = await http.post("/v1/sessions", json={})
        if response.status_code == 201:
            return f"/v1/sessions/{response.json()['id']}"
        await asyncio.sleep(1)  # server.rate_opening
    raise RuntimeError(response.text)


def _mib(process: psutil.Process) -> float:
    return float(process.memory_info().rss / 2**20)


QUESTIONS: dict[str, Callable[[], Coroutine[Any, Any, dict[str, Any]]]] = {
    "chat": chat,
    "faults": faults,
    "fifty": fifty,
    "idle": idle,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("questions", nargs="*", default=list(QUESTIONS), help=", ".join(QUESTIONS))
    for name in parser.parse_args().questions:
        report("server", question=name, **asyncio.run(QUESTIONS[name]()))


if __name__ == "__main__":
    main()
