"""What the socket costs: sessions at one picture a second, beside one client that reads nothing.

    python -m bench.realtime            # ten sessions, 30 s

The model answers at once, in a process of its own. CPU time is the server's own; times on the
wall tell as much about what else this machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from time import perf_counter
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

import bench.server
from bench.report import report
from bench.server import NUM_FRAMES, TOKEN, cpu_s, frames, server

bench.server.PORT = 8397  # so that both may run at once
URL = f"ws://127.0.0.1:{bench.server.PORT}/v1/realtime?events=all"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
WARM_UP_S = 5.0


async def watch(socket: ClientConnection, counts: Counter[str]) -> None:
    """Count what comes."""
    async for message in socket:
        event = json.loads(message)
        counts[event["type"]] += event.get("num_ticks", 1)
        counts["bytes"] += len(message)


async def push(socket: ClientConnection, pictures: list[str], offset_s: float) -> None:
    """Send a picture a second."""
    await asyncio.sleep(offset_s)
    due_s, number = perf_counter(), 0
    while True:
        part = {"type": "input_image", "image_url": pictures[number % NUM_FRAMES]}
        item = {"type": "message", "role": "user", "content": [part]}
        await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
        number, due_s = number + 1, due_s + 1.0
        await asyncio.sleep(max(0.0, due_s - perf_counter()))


async def measure(num_sessions: int, seconds: float) -> dict[str, Any]:
    pictures, counts = frames(), Counter[str]()
    async with server("--behaviour", "instant") as (_, process), asyncio.TaskGroup() as group:
        tasks = []
        for index in range(num_sessions):
            socket = await connect(URL, additional_headers=HEADERS, max_size=None)
            tasks.append(group.create_task(watch(socket, counts)))
            tasks.append(group.create_task(push(socket, pictures, index / num_sessions)))
        # One that sends and takes nothing: its buffers fill, and nobody else may notice.
        deaf = await connect(URL, additional_headers=HEADERS, max_queue=1)
        tasks.append(group.create_task(push(deaf, pictures, 0.5)))
        await asyncio.sleep(WARM_UP_S)
        counts.clear()
        began_s, rss = cpu_s(process), process.memory_info().rss
        await asyncio.sleep(seconds)
        used_s, grown = cpu_s(process) - began_s, process.memory_info().rss - rss
        row = dict(counts)
        for task in tasks:
            task.cancel()
    num_decided, num_skipped = row["onlooker.decided"], row.get("onlooker.skipped", 0)
    return {
        "num_sessions": num_sessions,
        "seconds": seconds,
        "num_decided": num_decided,
        "missed_percent": round(100 * num_skipped / max(1, num_decided + num_skipped), 2),
        "cpu_ms_a_tick": round(used_s / max(1, num_decided) * 1e3, 2),
        "sent_bytes_a_tick": round(row["bytes"] / max(1, num_decided)),
        "grown_mib": round(grown / 2**20, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    report("realtime", **asyncio.run(measure(given.sessions, given.seconds)))


if __name__ == "__main__":
    main()
