"""What a newcomer sees: a fresh install's page, its demo stream, and the small model in the box."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from onlooker.plugins.source.street import PASSERS
from tests.browser.conftest import OpenPage
from tests.browser.serving import serving
from tests.browser.test_page import said, watch

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SLACK_S = 3.0  # of a machine that does other things
ROUND_MS = 70_000  # the street comes round within 40 s


def test_who_passes_on_the_demo_stream_is_told_in_the_right_seconds(
    open_page: OpenPage, tmp_path: Path
) -> None:
    people = [passer for passer in PASSERS if passer.name.startswith("person")]
    (first, second) = [passer.begins_s for passer in people]
    with serving({"server": {"folder": str(tmp_path)}}) as port:
        page = open_page(at=port)
        watch(page, "Demo stream")
        page.get_by_label("New instruction").fill("Tell me when a person appears.")
        page.keyboard.press("Enter")
        lines = page.locator(".line-onlooker")
        expect(lines.nth(1)).to_be_visible(timeout=ROUND_MS)
        assert said(page)[:2] == ["A person is there."] * 2
        clocks = [re.search(r"(\d+):(\d\d)", text) for text in lines.all_inner_texts()[:2]]
        told_s = [60 * int(found[1]) + int(found[2]) for found in clocks if found]
        gap_s = told_s[1] - told_s[0]
        assert min(abs(gap_s - (second - first)), abs(gap_s - (40 - second + first))) <= SLACK_S
