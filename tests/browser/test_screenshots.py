"""Writes docs/screenshots: `ONLOOKER_SCREENSHOTS=1 pytest tests/browser/test_screenshots.py -n 0`.

What they show is drawn, what is seen and said in them is not: the default eyes look at it, and
the small model decides.
"""

from __future__ import annotations

import os
import re
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Playwright, expect

from tests.browser.chromium import launch
from tests.browser.footage import write_street, write_tone
from tests.browser.serving import serving

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
NAMES = (
    "start", "start-dark", "start-phone", "live", "live-dark", "live-phone", "live-chinese", "why",
    "two-cameras", "zone", "memory", "recordings", "recordings-phone", "metrics", "settings",
    "voice",
)  # fmt: skip
MAX_BYTES = 2_000_000

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def keep(page: Page, name: str) -> None:
    """Write a picture of the page, small."""
    shown = Image.open(BytesIO(page.screenshot(animations="disabled")))
    shown.convert("RGB").save(FOLDER / f"{name}.webp", quality=82, method=6)


def test_there_is_a_picture_of_every_page_and_all_are_small() -> None:
    sizes = {path.stem: path.stat().st_size for path in FOLDER.glob("*.webp")}
    assert set(NAMES) <= set(sizes)
    assert sum(sizes.values()) < MAX_BYTES


@pytest.mark.skipif("ONLOOKER_SCREENSHOTS" not in os.environ, reason="writes into docs/")
def test_pictures_of_every_page_are_taken(driver: Playwright, tmp_path: Path) -> None:
    FOLDER.mkdir(exist_ok=True)
    film = write_street(tmp_path / "street.y4m", begins_s=6.5)  # asked for, the sign is out
    tree = {
        "model": {"use": "nano"},
        "perception": {"use": "default"},
        "codec": {"use": "jpeg"},
        "brain": {"use": "echo", "echo": {"delay_s": 30}},
        "server": {"folder": str(tmp_path), "record": True},
        "voice": {"use": "espeak"},
        "transcriber": {"use": "moonshine"},
    }
    browser = launch(driver, film, microphone=write_tone(tmp_path / "tone.wav"))
    with serving(tree) as port:
        context = browser.new_context(
            permissions=["camera", "microphone"],
            viewport={"width": 1440, "height": 900},
            locale="en-GB",
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        _in_dark(page, "start")
        _on_a_phone(page, "start")
        _watch(page)
        _in_dark(page, "live")
        _on_a_phone(page, "live")
        _speak(page)
        _look_closer(page)
        for name in ("memory", "recordings", "metrics", "settings"):
            page.get_by_role("navigation").get_by_role("link", name=name).click()
            expect(page.get_by_text("Loading")).to_have_count(0)
            if name == "recordings":
                page.get_by_role("button", name="Replay").first.click()
                page.get_by_label("Who decides").select_option("silent")
                page.locator(".replay").get_by_role("button", name="Replay").click()
                expect(page.locator(".differences")).to_be_visible()
                page.locator(".differences button").first.click()
                expect(page.locator(".player img").first).to_be_visible()
                _on_a_phone(page, name)
            page.wait_for_timeout(1500)
            keep(page, name)
        context.close()
    browser.close()


def _watch(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Webcam")).click()
    page.get_by_role("button", name="Count").click()
    page.get_by_label("New instruction").fill("Tell me when a person appears.")
    page.keyboard.press("Enter")
    page.wait_for_timeout(14_000)
    page.get_by_label("Message").fill("What is written on the sign?")
    page.keyboard.press("Enter")
    page.wait_for_timeout(4000)
    page.get_by_label("Message").fill("Why are cafés called cafés?")
    page.keyboard.press("Enter")
    page.wait_for_timeout(9000)
    page.get_by_role("button", name="As it sees it").click()
    expect(page.locator(".overlay-box").first).to_be_visible()


def _speak(page: Page) -> None:
    """Open the microphone, which hears a tone, and the choice of voices."""
    page.get_by_role("button", name="Turn the voice on").click()
    page.get_by_role("button", name="Voice", exact=True).click()
    expect(page.get_by_label("Sounds like")).to_be_visible()
    page.get_by_role("button", name="Hold to talk").press("Enter")
    level = page.get_by_role("meter", name="Level of the microphone")
    expect(level).to_have_attribute("aria-valuenow", re.compile("^[4-9].$"))
    keep(page, "voice")
    page.get_by_role("button", name="Hold to talk").press("Enter")
    page.get_by_role("button", name="Mute the voice").click()
    page.get_by_role("button", name="Voice", exact=True).click()


def _look_closer(page: Page) -> None:
    page.get_by_role("button", name="中文").click()
    page.wait_for_timeout(500)
    keep(page, "live-chinese")
    page.get_by_role("button", name="English").click()
    page.locator(".line-onlooker button").first.click()
    why = page.get_by_role("region", name=re.compile("^Second"))
    why.get_by_role("button", name="Show the prompt").click()
    why.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    keep(page, "why")
    why.get_by_role("button", name="Back to now").click()
    page.get_by_role("button", name="Draw a zone").click()
    board = page.locator(".pen").bounding_box()
    assert board is not None
    for x, y in ((0.05, 0.62), (0.6, 0.58), (0.7, 0.95), (0.04, 0.95)):
        page.mouse.click(board["x"] + x * board["width"], board["y"] + y * board["height"])
    page.keyboard.press("Enter")
    page.get_by_label("Name of the zone").fill("road")
    page.wait_for_timeout(500)
    keep(page, "zone")
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name="Add a camera").click()
    page.get_by_role("button", name=re.compile("^Demo stream")).click()
    expect(page.get_by_role("figure", name="Video: demo").locator("img")).to_be_visible()
    page.wait_for_timeout(4000)
    keep(page, "two-cameras")


def _in_dark(page: Page, name: str) -> None:
    keep(page, name)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(1200)
    keep(page, f"{name}-dark")
    page.emulate_media(color_scheme="light")


def _on_a_phone(page: Page, name: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(1200)
    keep(page, f"{name}-phone")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.wait_for_timeout(500)
