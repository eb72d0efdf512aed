"""The page over WebRTC: camera and events as a call, interruptions, and the way back."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.browser.chromium import can_call
from tests.browser.conftest import OpenPage
from tests.browser.datagrams import Datagrams
from tests.browser.test_page import says, watch

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(150),
    pytest.mark.skipif(not can_call(), reason="calls need an address beside loopback"),
]
CALLS = re.compile(r"/v1/realtime/calls")


def by_call(page: Page) -> list[WebSocket]:
    """Have the page call, and note which sockets it opens all the same."""
    page.evaluate("localStorage.setItem('onlooker.transport', 'call')")
    sockets: list[WebSocket] = []

    def note(opened: WebSocket) -> None:
        sockets.append(opened)

    page.on("websocket", note)
    return sockets


def is_a_call(page: Page) -> None:
    expect(page.get_by_role("banner").get_by_role("status")).to_contain_text("WebRTC")


def session_of(page: Page) -> str:
    kept = page.evaluate("sessionStorage.getItem('onlooker.session')")
    return str(re.findall('"id":"(.*?)"', kept)[0])


def test_a_camera_is_watched_as_video_of_a_call(open_page: OpenPage, port: int) -> None:
    page = open_page()
    page.get_by_role("navigation").get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="WebRTC").click()
    page.get_by_role("navigation").get_by_role("link", name="Live").click()
    sockets = by_call(page)
    watch(page)
    is_a_call(page)
    for value in (7, 12, 25):
        says(page, f"marker {value} appeared")
    page.get_by_label("Message").fill("What do you see?")
    page.keyboard.press("Enter")
    talk = page.get_by_role("region", name="Conversation")
    expect(talk).to_contain_text("I see ")
    assert sockets == []
    at = f"http://127.0.0.1:{port}/v1/sessions/{session_of(page)}"
    (stream,) = [one for one in httpx.get(at).json()["streams"] if one["stream"] == "camera"]
    assert stream["num_received"] > 0
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("button", name="Go on").click()
    says(page, "marker 1001 appeared")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What shall I watch?")
    for _ in range(50):
        if not httpx.get(at).json().get("is_open"):
            break
        page.wait_for_timeout(100)
    assert not httpx.get(at).json().get("is_open")


def test_a_camera_that_is_added_comes_into_the_call_of_the_same_session(
    open_page: OpenPage,
) -> None:
    page = open_page()
    sockets = by_call(page)
    watch(page)
    is_a_call(page)
    session = session_of(page)
    page.get_by_role("button", name="Add a camera").click()
    page.get_by_role("button", name=re.compile("^Webcam")).click()
    expect(page.get_by_role("figure", name="Video: camera-2")).to_be_visible()
    page.get_by_role("button", name="As it sees it").click()
    expect(page.get_by_role("figure", name="Video: camera-2").locator("img")).to_be_visible()
    is_a_call(page)
    assert session_of(page) == session
    assert sockets == []


def test_where_no_call_comes_about_a_socket_takes_over(open_page: OpenPage) -> None:
    page = open_page()
    sockets = by_call(page)
    page.route(CALLS, lambda route: route.abort())
    watch(page)
    says(page, "marker 7 appeared")
    expect(page.get_by_role("banner").get_by_role("status")).not_to_contain_text("WebRTC")
    assert len(sockets) == 1


def test_a_short_interruption_costs_nothing_and_a_call_that_ended_is_made_again(
    open_page: OpenPage, port: int
) -> None:
    page = open_page()
    with Datagrams().carrying() as datagrams:
        sockets = by_call(page)
        page.route(CALLS, datagrams.meet)
        watch(page)
        is_a_call(page)
        says(page, "marker 12 appeared")
        session = session_of(page)
        datagrams.is_cut = True
        page.wait_for_timeout(6000)  # Chromium calls it disconnected after five
        before = page.locator(".line-onlooker").count()
        datagrams.is_cut = False
        expect(page.locator(".line-onlooker").nth(before)).to_be_visible()
        says(page, "marker 25 appeared")
        is_a_call(page)
        assert session_of(page) == session
        num_calls = datagrams.num_calls
        httpx.delete(f"http://127.0.0.1:{port}{datagrams.locations[-1]}").raise_for_status()
        for _ in range(200):
            if datagrams.num_calls > num_calls:
                break
            page.wait_for_timeout(100)
        assert datagrams.num_calls == num_calls + 1
        is_a_call(page)
        says(page, "marker 7 appeared")
        assert session_of(page) == session
        lines = page.locator(".line-onlooker").all_inner_texts()  # each with its time
        assert len(lines) == len(set(lines))
        assert sockets == []
