"""The report opens by itself, and a person rates two runs in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from onlooker.evaluate.pairs import pairs, read_ratings
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.rating_page import RatingPage
from onlooker.evaluate.report import report
from onlooker.evaluate.result import Scored
from onlooker.evaluate.score import score_all
from onlooker.evaluate.worst import WorstCase
from tests.evaluate.players import busy

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page whose every complaint and request fails the test."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    opened = context.new_page()
    opened.on("console", note)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def said(number: int, *times_s: float) -> Prediction:
    hostile = "<img src=x onerror=alert(1)> It boils."
    return Prediction(
        f"busy-{number}", tuple(Emission(at, hostile) for at in times_s), (12.0, 30.0)
    )


def test_a_report_opens_from_a_file_and_asks_for_nothing_else(page: Page, tmp_path: Path) -> None:
    truths = tuple(busy(f"busy-{number}").truth for number in range(2))
    predictions = (said(0, 5, 10.5), said(1, 10.5, 20.5))
    scores, problems = score_all(truths, predictions)
    scored = Scored(truths, predictions, scores, problems)
    about = {"suite": "tiny", "player": "somebody", "time": None, "percepts": "pixels"}
    path = tmp_path / "report.html"
    worst = (WorstCase("busy-0", 5.0, PIXEL, ("5 s: pot: nothing",)),)
    path.write_text(report(scored, scored.result(about), worst), encoding="utf-8")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url[:30]))

    page.goto(path.as_uri())

    expect(page.get_by_role("heading", name="somebody on tiny")).to_be_visible()
    expect(page.get_by_role("img", name="busy-0: 3 events, 2 utterances").first).to_be_visible()
    page.get_by_text("monitoring (2)").click()
    expect(page.get_by_role("heading", name="busy-1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


def test_a_person_rates_a_pair_by_hand(page: Page, tmp_path: Path) -> None:
    truths = [busy("busy-0").truth]
    both = pairs(truths, [said(0, 10.5)], [said(0, 5.0)], "me")
    served = RatingPage(both, "me", tmp_path / "ratings.jsonl", lambda _: ())
    serving = Thread(target=served.serve)
    serving.start()
    try:
        page.goto(served.url)
        expect(page.get_by_text("0 of 1 rated")).to_be_visible()
        save = page.get_by_role("button", name="Save, and the next")
        expect(save).to_be_disabled()
        side = "left" if both[0].first == "one" else "right"
        quality = page.get_by_role("group", name="What it says is better")
        quality.get_by_role("button", name=side).click()
        page.get_by_role("group", name="When it speaks").get_by_role("button", name=side).click()
        save.click()
        expect(page.get_by_text("All rated")).to_be_visible()
    finally:
        served.close()
        serving.join(5)
    (rating,) = read_ratings(tmp_path / "ratings.jsonl")
    assert (rating.quality, rating.timing) == ("one", "one")
