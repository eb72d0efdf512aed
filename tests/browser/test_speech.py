"""A spoken question in a real browser: understood, answered aloud, and interrupted by the next."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Playwright, WebSocket, expect

from onlooker.core.soundtrack import resampled
from onlooker.plugins.loader import load
from onlooker.testing.process import server_process
from tests.browser.cable import Cable
from tests.browser.chromium import can_call, launch
from tests.browser.conftest import MARKERS, SECONDS_EACH, OpenPage
from tests.browser.footage import write_y4m
from tests.browser.serving import serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        find_spec("hibari") is None or find_spec("moonshine_cpp") is None,
        reason="the speech extra is missing",
    ),
]

# Counts the pieces of sound that the page plays.
COUNT_SOUND = """() => {
  window.numSounds = 0;
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (...when) {
    window.numSounds += 1;
    return start.apply(this, when);
  };
}"""
QUESTION = "What do you see right now?"
RATE_HZ = 48_000
LEAD_S, PAUSE_S = 0.5, 3.0  # before and after the question, which comes round again


def write_question(path: Path) -> Path:
    """Render the question as a microphone hears it, to be played in a circle."""
    kind = load("voice", "hibari")

    async def said() -> Any:
        voice = kind(kind.Settings())
        chunks = [chunk async for chunk in voice.say(QUESTION)]
        await voice.close()
        whole_N = np.concatenate([chunk.samples_N for chunk in chunks])
        return resampled(whole_N, chunks[0].rate_hz, RATE_HZ)

    silence = [np.zeros(round(seconds * RATE_HZ), np.float32) for seconds in (LEAD_S, PAUSE_S)]
    with ThreadPoolExecutor(1) as thread:  # Playwright has a loop in this one
        samples_N = np.concatenate(
            [silence[0], thread.submit(asyncio.run, said()).result(), silence[1]]
        )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(np.rint(samples_N * 32767).astype("<i2").tobytes())
    return path


class Line:
    """Everything that the server sends over the page's connection."""

    def __init__(self, page: Page) -> None:
        self.messages: list[dict[str, Any]] = []
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._take)

    def _take(self, data: str | bytes) -> None:
        self.messages.append(json.loads(data))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    def interrupted(self) -> list[str]:
        """List what was heard of the lines that the user spoke into."""
        return [
            str(message.get("heard", ""))
            for message in self.messages
            if message.get("why") == "barge_in" and message.get("heard")
        ]

    def loudest(self) -> float:
        """Tell how loud the voice was that came."""
        data = b"".join(
            base64.b64decode(message["delta"]) for message in self.of("response.output_audio.delta")
        )
        return float(np.abs(np.frombuffer(data, "<i2") / 32768).max(initial=0.0))


@pytest.fixture(scope="module")
def speaking_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("speech")
    stand_ins = ["espeak"] if shutil.which("espeak-ng") else []
    with server_process("motion") as url:
        tree = {
            "model": {"use": "openai", "openai": {"url": url}},
            "voice": {"use": "hibari", "fallback": stand_ins, "hibari": {"speed": 0.7}},
            "transcriber": {"use": "moonshine", "moonshine": {"partial_every_s": 0.5}},
            "speech": {"floor": {"is_full_duplex": True}},
            "server": {"folder": str(folder)},
        }
        with serving(tree) as served:
            yield served


def test_a_spoken_question_is_understood_answered_and_heard_until_the_next_interrupts(
    driver: Playwright, speaking_port: int, tmp_path: Path
) -> None:
    film = write_y4m(tmp_path / "camera.y4m", MARKERS, SECONDS_EACH)
    browser = launch(driver, film, microphone=write_question(tmp_path / "question.wav"))
    try:
        context = browser.new_context(permissions=["camera", "microphone"], locale="en-GB")
        page = context.new_page()
        line = Line(page)
        page.goto(f"http://127.0.0.1:{speaking_port}/")
        page.get_by_role("button", name=re.compile("^Webcam")).click()
        expect(page.get_by_role("banner").get_by_role("status")).to_contain_text("Watching")
        page.get_by_role("button", name="Turn the voice on").click()
        hold = page.get_by_role("button", name="Hold to talk")
        expect(hold).to_be_enabled()
        hold.focus()
        page.keyboard.down("Space")
        expect(hold).to_have_attribute("aria-pressed", "true")
        _the_meter_moves(page)
        talk = page.get_by_role("region", name="Conversation")
        asked = re.compile("what do you see", re.IGNORECASE)  # the first may begin in its middle
        partial = talk.locator(".line-partial").filter(has_text=re.compile(r"\w+ …"))
        question = talk.locator(".line-user:not(.line-partial)").filter(has_text=asked)
        # On a machine that is busy the whole question may be there before a guess of it.
        expect(partial.or_(question).first).to_be_visible(timeout=60_000)
        expect(question.first).to_be_visible(timeout=60_000)
        answer = talk.locator(".line-onlooker").filter(has_text="I see")
        expect(answer.first).to_be_visible(timeout=30_000)
        for _ in range(700):
            if line.interrupted():
                break
            page.wait_for_timeout(100)
        assert line.interrupted(), "nobody's next question silenced the voice"
        assert line.of("output_audio_buffer.cleared")
        assert line.of("response.output_audio.delta")
        assert line.loudest() > 0.05
    finally:
        browser.close()


def _the_meter_moves(page: Page) -> None:
    """The level is there to be looked at or asked for, and is not announced."""
    meter = page.get_by_role("meter", name="Level of the microphone")
    expect(meter).to_have_attribute("aria-valuenow", re.compile(r"[3-9]\d"), timeout=20_000)
    expect(meter).to_have_attribute("aria-valuenow", re.compile(r"^[0-2]?\d$"), timeout=20_000)
    status = page.locator(".listening").get_by_role("status")
    expect(status).to_have_text("Listening …")
    assert meter.evaluate("element => element.closest('[aria-live], [role=status]')") is None


def test_a_short_press_leaves_the_microphone_open_until_the_next_and_so_does_a_screen_reader(
    driver: Playwright, speaking_port: int, tmp_path: Path
) -> None:
    film = write_y4m(tmp_path / "camera.y4m", MARKERS, SECONDS_EACH)
    browser = launch(driver, film, microphone=write_question(tmp_path / "question.wav"))
    try:
        page = _watching(browser, speaking_port)
        hold = page.get_by_role("button", name="Hold to talk")
        status = page.locator(".listening").get_by_role("status")
        for turn in (
            lambda: hold.press("Enter"),
            lambda: hold.press("Space"),
            hold.click,
            lambda: hold.evaluate("button => button.click()"),  # as a screen reader does
        ):
            turn()
            expect(status).to_have_text("Listening. Press again to stop")
            page.get_by_label("Message").focus()
            expect(hold).to_have_attribute("aria-pressed", "true")
            turn()
            expect(hold).to_have_attribute("aria-pressed", "false")
            expect(status).to_have_text("")
        hold.dispatch_event("pointerdown", {"pointerId": 1})
        expect(status).to_have_text("Listening …")
        page.wait_for_timeout(500)  # no short press any more
        hold.dispatch_event("pointerup", {"pointerId": 1})
        expect(hold).to_have_attribute("aria-pressed", "false")
    finally:
        browser.close()


@pytest.mark.skipif(not can_call(), reason="calls need an address beside loopback")
def test_a_question_is_asked_and_answered_aloud_over_a_call(
    driver: Playwright, speaking_port: int, tmp_path: Path
) -> None:
    film = write_y4m(tmp_path / "camera.y4m", MARKERS, SECONDS_EACH)
    browser = launch(driver, film, microphone=write_question(tmp_path / "question.wav"))
    try:
        page = _watching(browser, speaking_port, is_call=True)
        expect(page.get_by_role("banner").get_by_role("status")).to_contain_text("WebRTC")
        page.evaluate(COUNT_SOUND)
        page.get_by_role("button", name="Turn the voice on").click()
        page.get_by_role("button", name="Hold to talk").press("Enter")
        talk = page.get_by_role("region", name="Conversation")
        asked = re.compile("what do you see", re.IGNORECASE)
        question = talk.locator(".line-user:not(.line-partial)").filter(has_text=asked)
        expect(question.first).to_be_visible(timeout=60_000)
        answer = talk.locator(".line-onlooker").filter(has_text="I see")
        expect(answer.first).to_be_visible(timeout=30_000)
        expect(page.get_by_role("img", name="Being said aloud")).to_be_visible(timeout=30_000)
        for _ in range(100):
            if page.evaluate("numSounds"):
                break
            page.wait_for_timeout(100)
        assert page.evaluate("numSounds") > 0
    finally:
        browser.close()


def _watching(browser: Browser, port: int, *, is_call: bool = False) -> Page:
    context = browser.new_context(permissions=["camera", "microphone"], locale="en-GB")
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    if is_call:
        page.evaluate("localStorage.setItem('onlooker.transport', 'call')")
    page.get_by_role("button", name=re.compile("^Webcam")).click()
    expect(page.get_by_role("banner").get_by_role("status")).to_contain_text("Watching")
    return page


def _voice_of_a_server(folder: Path, voice: dict[str, Any]) -> dict[str, Any]:
    return {"voice": voice, "server": {"folder": str(folder)}, "live": {"period_s": 0.5}}


def _lines_s(line: Line, num_lines: int, page: Page) -> list[float]:
    """Wait for whole lines that begin from now on; give how long each was."""
    before = len(line.of("onlooker.voice_ended"))
    for _ in range(600):
        done = [one for one in line.of("onlooker.voice_ended")[before:] if one["why"] == "done"]
        if len(done) > num_lines:
            break
        page.wait_for_timeout(100)
    return [one["played_s"] for one in done[1:]]  # the first may have begun before


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is missing")
def test_the_voice_and_its_speed_are_chosen_in_the_page_and_heard_at_once(
    open_page: OpenPage, tmp_path: Path
) -> None:
    with server_process("markers") as url:
        tree = {
            **_voice_of_a_server(tmp_path, {"use": "espeak"}),
            "model": {"use": "openai", "openai": {"url": url}},
        }
        with serving(tree) as port, Cable(port).laid() as cable:
            page = open_page(at=cable.port)
            line = Line(page)
            page.get_by_role("button", name=re.compile("^Webcam")).click()
            page.get_by_role("button", name="Turn the voice on").click()
            page.get_by_role("button", name="Voice", exact=True).click()
            choice = page.get_by_role("group", name="Voice")
            expect(choice.get_by_label("Sounds like")).to_have_value("en-us")
            assert choice.get_by_role("option").count() > 20
            choice.get_by_label("Sounds like").select_option("de")
            speed = choice.get_by_role("slider", name="Speed")
            speed.press("End")
            expect(choice).to_contain_text("2.50×")
            quick_s = _lines_s(line, 3, page)
            speed.press("Home")
            expect(choice).to_contain_text("0.50×")
            slow_s = _lines_s(line, 2, page)
            assert min(slow_s) > 2 * max(quick_s)
            output = line.of("session.updated")[-1]["session"]["audio"]["output"]
            assert (output["voice"], output["speed"]) == ("de", 0.5)
            assert line.loudest() > 0.05
            cable.cut()
            status = page.get_by_role("banner").get_by_role("status")
            expect(status).to_contain_text("Connection lost")
            before = len(line.of("response.output_audio.delta"))
            cable.mend()
            expect(status).to_contain_text("Watching")
            assert _lines_s(line, 1, page)
            assert len(line.of("response.output_audio.delta")) > before


def test_a_single_voice_and_none_at_all_are_said_plainly(
    open_page: OpenPage, port: int, speaking_port: int
) -> None:
    page = open_page(at=speaking_port)
    page.get_by_role("button", name=re.compile("^Webcam")).click()
    page.get_by_role("button", name="Voice", exact=True).click()
    choice = page.get_by_role("group", name="Voice")
    expect(choice).to_contain_text("Heart is the only voice here.")
    expect(choice.get_by_role("slider", name="Speed")).to_have_value("0.7")
    page = open_page(at=port)
    page.get_by_role("button", name=re.compile("^Webcam")).click()
    page.get_by_role("button", name="Voice", exact=True).click()
    expect(page.get_by_role("group", name="Voice")).to_contain_text("This server has no voice.")
    expect(page.get_by_role("button", name="Turn the voice on")).to_be_disabled()
    expect(page.get_by_role("button", name="Hold to talk")).to_be_disabled()
