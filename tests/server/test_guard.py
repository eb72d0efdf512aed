from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from onlooker.server.auth import Tokens, Unauthorised, bearer_of
from onlooker.server.logs import JsonLines
from tests.server.over_http import (
    ADMIN,
    OPERATOR,
    OTHER,
    VIEWER,
    Served,
    chat,
    serving,
    session,
    settings_of,
)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(settings_of(tmp_path)) as running:
        yield running


async def test_without_a_token_nothing_private_answers(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.url) as stranger:
        for path in ("/v1/sessions", "/v1/models", "/metrics", "/openapi.json", "/v1/nowhere"):
            response = await stranger.get(path)
            assert response.status_code == 401, path
            assert response.headers["www-authenticate"] == "Bearer"
        wrong = await stranger.get("/v1/sessions", headers=served.by("wrong-token-000000000"))
        assert wrong.status_code == 401
        assert (await stranger.get("/health")).status_code == 200
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"ws{served.url[4:]}/v1/realtime"):
                pass
        assert refused.value.response.status_code in (401, 403)


async def test_who_guesses_tokens_must_wait(tmp_path: Path) -> None:
    async with (
        serving(settings_of(tmp_path, rate_refused="3/minute")) as served,
        httpx.AsyncClient(base_url=served.url) as stranger,
    ):
        statuses = []
        for number in range(5):
            headers = served.by(f"guess-number-{number:05}")
            statuses.append((await stranger.get("/v1/sessions", headers=headers)).status_code)
        assert statuses == [401, 401, 401, 429, 429]


async def test_a_visitor_who_asks_too_much_must_wait_and_no_other(tmp_path: Path) -> None:
    async with serving(settings_of(tmp_path, rate="3/minute")) as served:
        statuses = [(await served.http.get("/v1/sessions")).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        other = await served.http.get("/v1/sessions", headers=served.by(VIEWER))
        assert other.status_code == 200


async def test_a_page_of_another_origin_is_refused(served: Served) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        response = await served.http.get("/v1/sessions", headers={"origin": origin})
        assert response.status_code == 403, origin
        assert "access-control-allow-origin" not in response.headers
    own = await served.http.get("/v1/sessions", headers={"origin": served.url})
    assert own.status_code == 200
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    with pytest.raises(InvalidStatus) as refused:
        async with connect(
            f"ws{served.url[4:]}/v1/realtime",
            additional_headers=headers,
            origin="https://evil.example",  # type: ignore[arg-type]
        ):
            pass
    assert refused.value.response.status_code == 403


async def test_an_origin_of_the_settings_may_talk_to_us(tmp_path: Path) -> None:
    page = "https://page.example"
    async with serving(settings_of(tmp_path, origins=[page])) as served:
        response = await served.http.get("/v1/sessions", headers={"origin": page})
        assert response.headers["access-control-allow-origin"] == page


async def test_a_name_that_is_not_ours_is_refused(served: Served) -> None:
    """A page whose own name was made to lead to us (DNS rebinding) has that name as host."""
    response = await served.http.get("/v1/sessions", headers={"host": "evil.example"})
    assert response.status_code == 421
    for host in ("localhost:1", "[::1]:8090", "192.168.1.5"):
        response = await served.http.get("/v1/sessions", headers={"host": host})
        assert response.status_code == 200, host


async def test_roles_hold(served: Served) -> None:
    opened = (await served.http.post("/v1/sessions", json={})).json()["id"]
    path = f"/v1/sessions/{opened}"
    viewer, other = served.by(VIEWER), served.by(OTHER)
    assert (await served.http.get(path, headers=viewer)).status_code == 200
    for method, at in (
        ("POST", "/v1/sessions"),
        ("DELETE", path),
        ("PATCH", path),
        ("POST", f"{path}/words"),
        ("POST", f"{path}/instructions"),
        ("POST", f"{path}/seconds/1/label"),
        ("POST", "/v1/chat/completions"),
    ):
        body = {"text": "x", "label": "useful", **chat("x")} if "chat" in at else {"text": "x"}
        body = {} if at in ("/v1/sessions", path) else body
        body = {"label": "useful"} if at.endswith("label") else body
        refused = await served.http.request(method, at, json=body, headers=viewer)
        assert refused.status_code == 403, (method, at, refused.text)
    assert (await served.http.get(path, headers=other)).status_code == 404
    assert (await served.http.get("/v1/settings")).status_code == 403
    assert (await served.http.get("/v1/settings", headers=served.by(ADMIN))).status_code == 200


async def test_bodies_and_pictures_have_sizes(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path, max_body_bytes=20_000, max_picture_bytes=5000, max_picture_pixels=1024
    )
    async with serving(settings) as served:
        big = await served.http.post("/v1/chat/completions", content=b"x" * 30_000)
        assert big.status_code == 413

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(30):
                yield b"x" * 1000

        chunked = await served.http.post("/v1/chat/completions", content=pieces())
        assert chunked.status_code in (400, 413)
        opened = (await served.http.post("/v1/sessions", json={})).json()["id"]
        frames = f"/v1/sessions/{opened}/frames"
        assert (await served.http.post(frames, content=b"x" * 6000)).status_code == 400
        # A picture that is small as a file and large as a picture.
        bomb = await served.http.post("/v1/chat/completions", json=chat("x", 10))
        assert bomb.status_code == 400
        assert "too large" in bomb.json()["error"]["message"]


async def test_every_answer_says_how_it_may_be_used(tmp_path: Path) -> None:
    static = tmp_path / "static"
    static.mkdir()
    (static / "index.html").write_text("<!doctype html><title>x</title>")
    async with serving(settings_of(tmp_path), static=static) as served:
        page = await served.http.get("/")
        policy = page.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        for response in (page, await served.http.get("/v1/sessions")):
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["x-frame-options"] == "DENY"
            assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
        assert response.headers["cache-control"] == "no-store"
        outside = await served.http.get("/..%2f..%2fsessions.json")
        assert outside.status_code == 404


async def test_a_missing_page_says_what_to_do(tmp_path: Path) -> None:
    async with serving(settings_of(tmp_path), static=tmp_path / "none") as served:
        page = await served.http.get("/")
        assert page.status_code == 503
        assert "make web" in page.text


async def test_logs_hold_no_secret(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    path = "/v1/chat/completions?token=in-the-query"
    body = chat("my secret words", 10)
    await served.http.post(path, json=body, headers=session("kitchen"))
    address = {"address": "rtsp://user:password@127.0.0.1/1"}
    opened = (await served.http.post("/v1/sessions", json={})).json()["id"]
    refused = await served.http.post(f"/v1/sessions/{opened}/streams", json=address)
    assert refused.status_code == 400
    ours = [record for record in caplog.records if not record.name.startswith("http")]
    lines = [JsonLines().format(record) for record in ours]
    written = "\n".join(lines) + refused.text + repr(served.hub.sessions())
    for secret in (OPERATOR, "in-the-query", "my secret words", "password"):
        assert secret not in written.replace("echoing", ""), secret
    assert any(json.loads(line).get("session") == opened for line in lines)


def test_tokens_are_kept_as_digests_and_short_ones_refused() -> None:
    tokens = Tokens.of({OPERATOR: "operator"})
    assert OPERATOR not in repr(tokens)
    assert all(OPERATOR.encode() not in digest for digest in tokens.digests)
    visitor = tokens.visitor(OPERATOR)
    assert visitor.role == "operator"
    assert OPERATOR not in repr(visitor)
    with pytest.raises(Unauthorised, match="can be guessed"):
        Tokens.of({"short": "admin"})


def test_a_ticket_stands_for_a_token_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens.of({OPERATOR: "operator"})
    ticket = tokens.ticket(tokens.visitor(OPERATOR))
    assert tokens.visitor(ticket).role == "operator"
    monkeypatch.setattr("onlooker.server.auth.monotonic", lambda: 1e12)
    with pytest.raises(Unauthorised):
        tokens.visitor(ticket)


def test_a_token_is_read_from_a_header_or_a_subprotocol() -> None:
    assert bearer_of({"authorization": "Bearer abc"}) == "abc"
    assert bearer_of({"authorization": "Basic abc"}) is None
    protocols = "realtime, openai-insecure-api-key.abc"
    assert bearer_of({"sec-websocket-protocol": protocols}) == "abc"
