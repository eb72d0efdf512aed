"""Recordings in the page: played piece by piece, replayed with another model, taken along."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_page import says, watch

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]


def recorded(page: Page) -> None:
    """Watch for a while, stop, and go to what was recorded of it."""
    watch(page)
    says(page, "appeared")
    says(page, re.compile("marker (7|12|25) appeared"))
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("navigation").get_by_role("link", name="Recordings").click()


def test_a_recording_is_played_by_the_bytes_of_its_pictures_alone(open_page: OpenPage) -> None:
    page = open_page()
    recorded(page)
    asked: list[Request] = []

    def ask(request: Request) -> None:  # Playwright marks its handlers: no method will do
        asked.append(request)

    page.on("request", ask)
    row = page.locator(".recording").first
    row.get_by_role("button", name="Play", exact=True).click()
    expect(row.locator(".player img").first).to_be_visible()
    expect(row.locator(".player-text")).to_contain_text("appeared")
    row.get_by_role("button", name="Pause").click()
    position = row.get_by_role("slider", name="Position in the recording")
    position.press("Home")
    expect(row.locator(".player-text")).to_have_text("")
    position.press("End")  # the last thing said, which may be a question that was handed over
    expect(row.locator(".player-text")).to_contain_text(re.compile("appeared|You asked"))
    page.wait_for_load_state("networkidle")
    pictures = [one for one in asked if one.url.endswith("pictures.mjpeg")]
    assert pictures
    for request in pictures:
        assert request.headers["range"].startswith("bytes=")
        answer = request.response()
        assert answer is not None
        assert answer.status == 206
    spans = [one.url for one in asked if "since_s=" in one.url]
    assert len(set(spans)) == 1
    assert not [one.url for one in asked if "/pictures/" in one.url]


def test_a_recording_is_replayed_with_another_model_and_shows_where_it_differs(
    open_page: OpenPage,
) -> None:
    page = open_page()
    recorded(page)
    row = page.locator(".recording").first
    row.get_by_role("button", name="Replay").first.click()
    row.get_by_label("Who decides").select_option("silent")
    replay = row.locator(".replay")
    replay.get_by_role("button", name="Replay").click()
    expect(replay).to_contain_text("came out the same")
    table = replay.get_by_role("region", name="Seconds that came out differently")
    expect(table).to_contain_text("marker 7 appeared")
    expect(table).to_contain_text("Silent")
    table.locator("tr", has_text="appeared").last.get_by_role("button").click()
    expect(row.locator(".player-text")).to_contain_text("appeared")
    row.get_by_label("Who decides").select_option("")
    replay.get_by_role("button", name="Replay").click()
    expect(replay).to_contain_text(re.compile(r"(\d+) of \1 seconds came out the same"))


def test_a_recording_is_taken_along_and_deleted(open_page: OpenPage) -> None:
    page = open_page()
    recorded(page)
    row = page.locator(".recording").first
    with page.expect_download() as download:
        row.get_by_role("button", name="Export").click()
    name = row.get_attribute("aria-label")
    assert download.value.suggested_filename == f"{name}.zip"
    row.get_by_role("button", name="Delete").click()
    row.get_by_role("button", name="Delete for good?").click()
    expect(page.get_by_role("region", name=name or "")).to_have_count(0)
