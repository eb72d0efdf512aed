import signal
import subprocess
import sys

import httpx

COMMAND = [sys.executable, "-m", "onlooker.testing.server", "--behaviour", "markers"]


def started(*options: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [*COMMAND, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_the_process_prints_its_url_says_what_it_is_and_ends_on_sigterm() -> None:
    process, url = started()
    with process:
        assert httpx.get(f"{url}/health").status_code == 200
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert out == ""
    assert errors == "a testing double, not a model: it answers by rules\n"


def test_the_process_ends_with_its_parent() -> None:
    process, url = started("--until-stdin-closes", "--fail-every", "1")
    with process:
        assert httpx.post(f"{url}/v1/chat/completions", json={}).status_code == 500
        process.communicate(timeout=10)  # closes its stdin
    assert process.returncode == 0
