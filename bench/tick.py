"""What a tick costs the line: CPU and bytes, at a window of 100 frames of 640x480.

The server is another process that answers at once. CPU is this process's, kernel included, from
the observation to the decision; the peers' way (the whole list through `json.dumps`, each tick)
is measured in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt

from bench.report import report
from onlooker.core.decision import Silent
from onlooker.core.media import VideoFrame
from onlooker.core.moment import Observation, Tick
from onlooker.core.percept import Picture, Pictures
from onlooker.core.prompt import Turn
from onlooker.live.context import Context
from onlooker.live.settings import LiveSettings
from onlooker.plugins.codec.jpeg import JpegCodec, JpegSettings
from onlooker.plugins.model.openai import OpenAIModel, OpenAISettings
from onlooker.testing.process import server_process

WINDOW = 100
NUM_FRAMES = 40  # different ones, made before the clock starts

# One tick leaves when one comes: every measured tick carries the whole window.
ALWAYS_FULL = LiveSettings(window_ticks=WINDOW, carry_ticks=WINDOW - 1)

Step = Callable[[Observation, Pictures], Awaitable[int]]  # returns the bytes sent


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--ticks", type=int, default=300, help="measured at the full window")
    given = arguments.parse_args()
    with server_process("instant") as url:
        results = asyncio.run(measure(url, given.ticks))
    for result in results:
        report("tick", window=WINDOW, **result)


async def measure(url: str, num_ticks: int) -> list[dict[str, Any]]:
    frames = [frame(seed) for seed in range(NUM_FRAMES)]
    # 640 x 480 as they are, as the peers were measured: about 31 KB, 41 KB in base64.
    as_is = JpegCodec(JpegSettings(max_pixels=640 * 480))
    encodings = {"before": None, "640x480": as_is, "default": JpegCodec(JpegSettings())}
    encoded = [(await as_is.encode(observation(0, pixels))).pictures[0] for pixels in frames]
    print(
        f"a picture has {statistics.mean(len(p.jpeg) for p in encoded):.0f} bytes", file=sys.stderr
    )
    results = []
    for name, cached_media, dialect in [
        ("full resend", "off", "native"),
        ("full resend", "off", "instruct"),
        ("cached media", "on", "native"),
        ("cached media", "on", "instruct"),
    ]:
        given = {"url": url, "name": "m", "dialect": dialect, "cached_media": cached_media}
        settings = OpenAISettings.model_validate(given)
        for encoding, codec in encodings.items():
            async with ours(settings, ALWAYS_FULL) as step:
                found = await laps(step, frames, encoded, num_ticks, codec)
            results.append({"way": name, "dialect": dialect, "jpeg": encoding, **found})
        if dialect == "instruct":
            async with ours(settings, LiveSettings()) as step:
                found = await laps(step, frames, encoded, 3600, None)
            results.append({"way": f"{name}, an hour at the default settings", **found})
    async with rivals(url) as step:
        found = await laps(step, frames, encoded, num_ticks, None)
    results.append({"way": "peers: httpx + json.dumps", "jpeg": "before", **found})
    # From the hours: a window fills up and turns over.
    full, cached = (row["bytes_per_hour"] for row in results if "hour" in row["way"])
    return [{**row, "full_over_cached": round(full / cached, 1)} for row in results]


async def laps(
    step: Step,
    frames: list[npt.NDArray[np.uint8]],
    encoded: list[Picture],
    num_ticks: int,
    codec: JpegCodec | None,
) -> dict[str, Any]:
    """Fill a window, then measure; every tick has a picture of its own."""
    cpu_ms, wall_ms, sent = [], [], []
    for index in range(WINDOW + num_ticks):
        pixels = frames[index % NUM_FRAMES].copy()
        pixels[:16, :16], pixels[:16, 16:32] = index % 256, index // 256  # no two are the same
        seen = observation(index, pixels)
        began_cpu_ns, began_ns = time.process_time_ns(), time.perf_counter_ns()
        if codec is None:
            given = encoded[index % NUM_FRAMES]
            # The id is the content's, and this is not the content of 40 ticks ago.
            pictures = Pictures(
                (Picture("cam", float(index), 640, 480, given.jpeg, f"{index:032x}"),)
            )
        else:
            pictures = await codec.encode(seen)
        sent_bytes = await step(seen, pictures)
        if index >= WINDOW:
            cpu_ms.append((time.process_time_ns() - began_cpu_ns) / 1e6)
            wall_ms.append((time.perf_counter_ns() - began_ns) / 1e6)
            sent.append(sent_bytes)
    cpu_ms, wall_ms = sorted(cpu_ms), sorted(wall_ms)
    return {
        "ticks": num_ticks,
        "cpu_ms_p50": round(cpu_ms[num_ticks // 2], 2),
        "cpu_ms_p95": round(cpu_ms[int(num_ticks * 0.95)], 2),
        "wall_ms_p50": round(wall_ms[num_ticks // 2], 2),
        "sessions_per_core": int(1000 / statistics.mean(cpu_ms)),
        "bytes_per_hour": int(statistics.mean(sent) * 3600),
    }


@asynccontextmanager
async def ours(settings: OpenAISettings, live: LiveSettings) -> AsyncIterator[Step]:
    """Decide as the line does: context and model."""
    model = OpenAIModel(settings)
    session = await model.open()
    context = Context(live)

    async def step(seen: Observation, pictures: Pictures) -> int:
        outcome = await session.decide(context.ask(Turn(seen.tick, (pictures,))), say)
        assert outcome.decision == Silent()
        context.settle(outcome.decision)
        return outcome.usage.sent_bytes or 0

    async def say(text: str) -> None:
        raise AssertionError(text)

    yield step
    await session.close()
    await model.close()


@asynccontextmanager
async def rivals(url: str) -> AsyncIterator[Step]:
    """Build and write the whole conversation at each tick, pictures encoded once."""
    turns: list[list[dict[str, Any]]] = []
    async with httpx.AsyncClient() as client:

        async def step(seen: Observation, pictures: Pictures) -> int:
            data = b64encode(pictures.pictures[0].jpeg).decode()
            content = [
                {"type": "text", "text": f"<{seen.tick.start_s:.1f} seconds>"},
                {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}},
            ]
            turns.append([{"role": "user", "content": content}])
            del turns[:-WINDOW]
            messages = [message for turn in turns for message in turn]
            request = {"model": "m", "max_tokens": 256, "messages": messages}
            body = json.dumps(request).encode()
            reply = await client.post(f"{url}/chat/completions", content=body)
            assert reply.status_code == 200
            turns[-1].append({"role": "assistant", "content": "</silence>"})
            return len(body)

        yield step


def frame(seed: int) -> npt.NDArray[np.uint8]:
    """Make a picture that is about as hard to compress as a camera's."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:480, 0:640]
    waves = (
        127
        + 60 * np.sin(columns / 37 + seed) * np.cos(rows / 23)
        + 40 * np.sin((rows + columns) / 9)
    )
    noise_HWC = rng.normal(0, 4.3, (480, 640, 3))
    return np.asarray(np.clip(waves[..., None] + noise_HWC, 0, 255), np.uint8)


def observation(index: int, pixels_HWC: npt.NDArray[np.uint8]) -> Observation:
    tick = Tick(index, float(index), index + 1.0)
    return Observation(tick, frames=(VideoFrame("cam", index + 0.5, pixels_HWC),))


if __name__ == "__main__":
    main()
