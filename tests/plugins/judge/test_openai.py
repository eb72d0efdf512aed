"""The judge asks any OpenAI-compatible server, and every way to fail is one error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from onlooker.core.errors import JudgeUnavailable
from onlooker.plugins.judge.openai import OpenAIJudge, OpenAIJudgeSettings
from onlooker.plugins.loader import load

GOOD = {"choices": [{"message": {"content": '{"score": 1}'}}]}


class Server:
    """Answers every chat request alike, and keeps what it was asked."""

    def __init__(self, status: int = 200, body: Any = GOOD) -> None:
        self.requests: list[tuple[str | None, dict[str, Any]]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(200, {"data": [{"id": "grader-1"}]})

            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                server.requests.append((self.headers.get("Authorization"), json.loads(asked)))
                self._send(status, body)

            def _send(self, status: int, plain: Any) -> None:
                data = plain if isinstance(plain, bytes) else json.dumps(plain).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def judge_at() -> Iterator[Any]:
    judges: list[OpenAIJudge] = []

    def made(url: str, **more: Any) -> OpenAIJudge:
        judges.append(OpenAIJudge(OpenAIJudgeSettings(url=url, **more)))
        return judges[-1]

    yield made
    for judge in judges:
        judge.close()


def test_it_is_found_by_its_name() -> None:
    assert load("judge", "openai") is OpenAIJudge


def test_it_asks_the_first_model_without_sampling(
    judge_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONLOOKER_JUDGE_KEY", "secret")
    with Server() as server:
        judge = judge_at(server.url)
        assert judge.answer("how good?") == '{"score": 1}'
    ((key, asked),) = server.requests
    assert key == "Bearer secret"
    assert (asked["model"], asked["temperature"]) == ("grader-1", 0)
    assert asked["messages"] == [{"role": "user", "content": "how good?"}]
    assert "secret" not in repr(judge.settings)


@pytest.mark.parametrize(
    ("status", "body"), [(500, {}), (200, {"choices": []}), (200, b"no json"), (200, [1])]
)
def test_whatever_goes_wrong_is_one_error(judge_at: Any, status: int, body: Any) -> None:
    with Server(status, body) as server, pytest.raises(JudgeUnavailable, match="gave no answer"):
        judge_at(server.url, name="x").answer("how good?")


def test_a_server_that_is_not_there_is_the_same_error(judge_at: Any) -> None:
    with pytest.raises(JudgeUnavailable, match="ConnectError"):
        judge_at("http://127.0.0.1:9/v1", name="x", timeout_s=2).answer("?")
