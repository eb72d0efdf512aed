"""One browser and one server for all tests of the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    Route,
    expect,
    sync_playwright,
)

from onlooker.testing.process import server_process
from tests.browser.chromium import launch, why_not
from tests.browser.footage import write_y4m
from tests.browser.serving import serving

MARKERS = (3, 1001, 7, 12, 25)
SECONDS_EACH = 1.5
EXPECTED = re.compile(r"WebSocket|net::ERR_|status of 401")
PERIOD_S = 0.5
PATIENCE_MS = 20_000  # of a machine that does other things as well
OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    if why := why_not():
        pytest.skip(why)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(driver: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    film = write_y4m(tmp_path_factory.mktemp("film") / "camera.y4m", MARKERS, SECONDS_EACH)
    launched = launch(driver, film)
    yield launched
    launched.close()


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Settings of a server whose model tells each marker that appears."""
    if why := why_not():
        pytest.skip(why)
    with server_process("markers") as url:
        yield {
            "live": {"period_s": PERIOD_S},
            "model": {"use": "openai", "openai": {"url": url}},
            "brain": {"use": "echo", "echo": {"delay_s": 1.5}},
            "server": {"folder": str(tmp_path_factory.mktemp("server")), "record": True},
        }


@pytest.fixture(scope="session")
def port(tree: dict[str, Any]) -> Iterator[int]:
    with serving(tree) as served:
        yield served


@pytest.fixture
def open_page(browser: Browser, port: int) -> Iterator[OpenPage]:
    """Open pages, each for a visitor who was never here; none may complain in its console."""
    complaints: list[str] = []
    contexts = []

    def opened(at: int = port, **options: Any) -> Page:
        options = {"reduced_motion": "reduce", "locale": "en-GB", **options}
        context = browser.new_context(permissions=["camera", "microphone"], **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", complain)
        page.route(lambda url: f"//127.0.0.1:{at}" not in url, refuse)
        page.goto(f"http://127.0.0.1:{at}/")
        page.locator("main > *").first.wait_for()
        return page

    def complain(message: ConsoleMessage) -> None:
        # What the tests break and refuse on purpose is told in the console, too.
        if message.type == "error" and not EXPECTED.search(message.text):
            complaints.append(message.text)

    def refuse(route: Route) -> None:
        complaints.append(f"the page asked for {route.request.url}")
        route.abort()

    yield opened
    for context in contexts:
        context.close()
    assert not complaints
