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
from playwright.sync_api import Page, Playwright, WebSocket, expect

from onlooker.core.soundtrack import resampled
from onlooker.plugins.loader import load
from onlooker.testing.process import server_process
from tests.browser.chromium import launch
from tests.browser.conftest import MARKERS, SECONDS_EACH
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
            "transcriber": {"use": "moonshine"},
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
        talk = page.get_by_role("region", name="Conversation")
        asked = re.compile("what do you see", re.IGNORECASE)  # the first may begin in its middle
        question = talk.locator(".line-user").filter(has_text=asked)
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
