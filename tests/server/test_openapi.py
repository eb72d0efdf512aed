"""Whatever the OpenAPI description allows, and much that it does not: never a fault of ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error

from onlooker.server.app import create_app
from onlooker.server.auth import Tokens
from tests.server.over_http import ADMIN, ROLES, settings_of

HEADERS = {"Authorization": f"Bearer {ADMIN}"}
NUM_EXAMPLES = 6


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("server")
    limits: dict[str, Any] = {"rate": "100000/minute", "rate_opening": "100000/minute"}
    app = create_app(
        settings_of(folder, request_timeout_s=2.0, max_sessions=20, **limits), Tokens.of(ROLES)
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.mark.timeout(300)
def test_no_request_breaks_the_server(url: str) -> None:
    loaded = schemathesis.openapi.from_url(f"{url}/openapi.json", headers=HEADERS)
    num_operations = 0
    for found in loaded.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]
        if operation.path.endswith("/stream"):
            continue  # it does not end, and is tested by itself
        num_operations += 1

        @given(case=operation.as_strategy())
        @settings(
            max_examples=NUM_EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: schemathesis.Case[Any]) -> None:
            response = case.call(base_url=url, headers=HEADERS, timeout=60)
            case.validate_response(response, checks=[not_a_server_error])

        ask()
    assert num_operations > 40
    assert requests.get(f"{url}/health", timeout=60).status_code == 200
