"""What a person does with the page, in a real browser, against a whole server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.browser.cable import Cable
from tests.browser.chromium import WATCH_MARKER
from tests.browser.conftest import MARKERS, PERIOD_S, OpenPage
from tests.browser.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(150)]

SLACK_S = 4.0  # of a machine that does other things; bench/page_latency.py measures without


def watch(page: Page, choice: str = "Webcam") -> None:
    """Start to watch, and wait for the first decision."""
    page.get_by_role("button", name=re.compile(f"^{choice}")).click()
    expect(page.get_by_role("banner").get_by_role("status")).to_contain_text("Watching")


def says(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.get_by_test_id("announced")).to_contain_text(text)


def said(page: Page) -> list[str]:
    """Give all that stands in the conversation."""
    return page.locator(".line-onlooker .markdown").all_inner_texts()


def test_the_webcam_is_watched_and_the_right_words_come_in_the_right_second(
    open_page: OpenPage,
) -> None:
    page = open_page()
    page.evaluate(WATCH_MARKER)
    watch(page)
    for value in MARKERS[:3]:
        says(page, f"marker {value} appeared")
    log = page.evaluate("markerLog")
    shown = [(entry["value"], entry["atMs"]) for entry in log["seen"]]
    told = [entry for entry in log["said"] if entry["text"].endswith("appeared")]
    assert len(told) >= 3
    for entry in told[1:]:  # the first marker was there before the camera was
        value = int(entry["text"].split()[1])
        seen_ms = max(at for marker, at in shown if marker == value and at <= entry["atMs"])
        assert entry["atMs"] - seen_ms < 1000 * (PERIOD_S + SLACK_S)


def test_a_question_is_answered_and_what_is_too_hard_is_delegated(open_page: OpenPage) -> None:
    page = open_page()
    watch(page)
    says(page, "appeared")
    page.get_by_label("Message").fill("What do you see?")
    page.keyboard.press("Enter")
    talk = page.get_by_role("region", name="Conversation")
    expect(talk.locator(".line-user")).to_have_text(re.compile("What do you see\\?"))
    expect(talk).to_contain_text("I see ")  # the marker, or no picture if one came too late
    task = talk.locator(".task").first
    expect(task).to_contain_text("What does marker 1001 mean?")
    expect(task).to_contain_text("Done")
    expect(task).to_contain_text("You asked: What does marker 1001 mean?")
    says(page, "You asked")


def test_instructions_stand_pause_and_go(open_page: OpenPage) -> None:
    page = open_page()
    watch(page)
    page.get_by_role("button", name="Count").click()
    page.get_by_label("New instruction").fill("Tell me when 12 appears")
    page.keyboard.press("Enter")
    cards = page.locator(".card")
    expect(cards).to_have_count(2)
    says(page, "marker 12 appeared")
    before = len(said(page))
    page.get_by_role("button", name="Pause: Tell me when 12 appears").click()
    expect(cards.nth(1)).to_contain_text("paused")
    page.get_by_role("button", name=re.compile("^Remove: Count")).click()
    expect(cards).to_have_count(1)
    page.get_by_role("button", name="Comments freely").click()
    expect(page.get_by_role("button", name="Comments freely")).to_have_attribute(
        "aria-pressed", "true"
    )
    says(page, "marker 25 appeared")
    assert len(said(page)) > before


def test_what_is_wished_before_there_is_a_session_is_not_lost(open_page: OpenPage) -> None:
    page = open_page()
    page.route_web_socket(re.compile("/v1/realtime"), _tell_late)
    page.get_by_role("button", name=re.compile("^Webcam")).click()
    page.get_by_role("button", name="Count").click()
    expect(page.get_by_role("banner").get_by_role("status")).to_contain_text("Watching")
    page.get_by_label("New instruction").fill("Tell me when 12 appears")
    page.keyboard.press("Enter")
    says(page, "marker 12 appeared")
    expect(page.locator(".card")).to_have_count(2)


def _tell_late(page_side: WebSocketRoute) -> None:
    """Keep back every answer to a wish, as a slow network would, until the next message."""
    server_side = page_side.connect_to_server()
    kept: list[str | bytes] = []

    def pass_on(message: str | bytes) -> None:
        for one in kept:
            page_side.send(one)
        kept.clear()
        if '"session.updated"' in str(message)[:40]:
            kept.append(message)
        else:
            page_side.send(message)

    server_side.on_message(pass_on)


def test_a_lost_connection_comes_back_with_all_that_was_said_once(
    open_page: OpenPage, port: int
) -> None:
    with Cable(port).laid() as cable:
        page = open_page(at=cable.port)
        watch(page)
        talk = page.get_by_role("region", name="Conversation")
        expect(talk.locator(".task")).to_have_count(1)  # it takes 1.5 s
        cable.cut()
        status = page.get_by_role("banner").get_by_role("status")
        expect(status).to_contain_text("Connection lost")
        session = page.evaluate("sessionStorage.getItem('onlooker.session')")
        page.wait_for_timeout(5000)
        cable.mend()
        expect(status).to_contain_text("Watching")
        expect(talk.locator(".task").first).to_contain_text("Done")
        says(page, "appeared")
        told = page.locator(".line-onlooker", has_text="You asked").count()
        assert told == 1
        lines = page.locator(".line-onlooker").all_inner_texts()  # each with its time
        assert len(lines) == len(set(lines))
        after = page.evaluate("sessionStorage.getItem('onlooker.session')")
        assert re.findall('"id":"(.*?)"', after) == re.findall('"id":"(.*?)"', session)


def test_a_reload_goes_on_with_the_same_session(open_page: OpenPage) -> None:
    page = open_page()
    watch(page, "Demo stream")
    page.get_by_label("New instruction").fill("Tell me when 7 appears")
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(1)
    page.wait_for_timeout(600)  # until the server has it
    page.reload()
    expect(page.locator(".card")).to_contain_text("Tell me when 7 appears")
    expect(page.get_by_role("figure", name="Video: demo")).to_be_visible()


def test_two_cameras_stand_side_by_side(open_page: OpenPage) -> None:
    page = open_page()
    watch(page)
    page.get_by_role("button", name="Add a camera").click()
    page.get_by_role("button", name=re.compile("^Demo stream")).click()
    expect(page.get_by_role("figure", name="Video: camera")).to_be_visible()
    demo = page.get_by_role("figure", name="Video: demo")
    expect(demo.locator("img")).to_be_visible()
    left = page.get_by_role("figure").first.bounding_box()
    right = page.get_by_role("figure").nth(1).bounding_box()
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    page.get_by_role("button", name="Remove demo").click()
    expect(demo).to_have_count(0)
    expect(page.locator(".notice-bad")).to_have_count(0)


def test_every_second_says_why_and_can_be_judged_by_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=re.compile("^Webcam"))).to_be_focused()
    page.keyboard.press("Enter")
    says(page, "appeared")
    page.locator(".says-meta").get_by_role("button").press("Enter")
    why = page.get_by_role("region", name=re.compile("^Second"))
    expect(why.locator("h2")).to_contain_text(re.compile("Spoke|Delegated"))
    expect(why).to_contain_text("Would speak")
    expect(why).to_contain_text("Decided in")
    why.get_by_role("button", name="Show the prompt").press("Enter")
    expect(why.locator("pre")).to_contain_text("seconds>")
    why.get_by_role("button", name="Useful").press("Enter")
    expect(why).to_contain_text("Noted.")
    timeline = page.get_by_role("slider", name=re.compile("^Timeline"))
    expect(timeline).not_to_have_attribute("aria-valuemax", "0")
    before = timeline.get_attribute("aria-valuenow")
    timeline.press("ArrowRight" if before == "0" else "ArrowLeft")
    expect(timeline).not_to_have_attribute("aria-valuenow", before or "")
    timeline.press("Escape")
    expect(why).to_have_count(0)


def test_a_refused_camera_is_explained(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = () =>"
        " Promise.reject(new DOMException('no', 'NotAllowedError')) }"
    )
    page.get_by_role("button", name=re.compile("^Webcam")).click()
    expect(page.get_by_role("alert")).to_contain_text("Allow the camera in the address bar")
    page.get_by_role("button", name=re.compile("^Camera address")).click()
    page.get_by_label("Address of the camera").fill("rtsp://127.0.0.1/x")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="127.0.0.1")).to_be_visible()


def test_a_server_with_a_token_asks_for_it(
    open_page: OpenPage, tree: dict[str, Any], tmp_path: Path
) -> None:
    own = {**tree, "server": {"folder": str(tmp_path)}}
    with serving(own, {"a-token-of-twenty-letters": "operator"}) as port:
        page = open_page(at=port)
        page.get_by_role("button", name=re.compile("^Demo stream")).click()
        page.get_by_label("Token").fill("a-token-of-twenty-letters")
        page.keyboard.press("Enter")
        watch(page, "Demo stream")
        assert "a-token" not in page.url


def test_on_a_phone_everything_fits(open_page: OpenPage, browser: Browser) -> None:
    page = open_page(viewport={"width": 360, "height": 740}, has_touch=True, locale="zh-CN")
    widest = "document.documentElement.scrollWidth"
    expect(page.get_by_role("heading", level=1)).to_have_text("要我看什么？")
    assert page.evaluate(widest) == 360
    page.get_by_role("button", name=re.compile("^摄像头")).tap()
    says(page, "appeared")
    assert page.evaluate(widest) == 360
    for name in ("memory", "recordings", "metrics", "settings"):
        page.goto(page.url.split("#")[0] + f"#/{name}")
        page.get_by_role("heading", level=1).wait_for()
        assert page.evaluate(widest) == 360, name
