"""The page of a run, and the comparison of two."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from onlooker.core.media import VideoFrame
from onlooker.evaluate.difference import compare
from onlooker.evaluate.look import Eyes
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.report import report
from onlooker.evaluate.result import Scored
from onlooker.evaluate.score import Score, score, score_all
from onlooker.evaluate.suite import Item
from onlooker.evaluate.truth import Truth
from onlooker.evaluate.worst import worst_cases, worst_moments
from tests.evaluate.players import TinySuite, busy

ABOUT = {"suite": "tiny", "player": "somebody", "time": None}
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


class Page(HTMLParser):
    """What would be fetched or run, and how many of each tag there are."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.loads: list[str] = []
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        for name, value in attrs:
            if name in ("src", "href", "srcset", "action") and value:
                self.loads.append(value)
            if name.startswith("on"):
                self.handlers.append(name)


def scored(*predictions: Prediction) -> Scored:
    truths = tuple(busy(f"busy-{number}").truth for number in range(3))
    scores, problems = score_all(truths, predictions)
    return Scored(truths, predictions, scores, problems)


def said(number: int, *times_s: float, text: str = "It boils.") -> Prediction:
    return Prediction(f"busy-{number}", tuple(Emission(time_s, text) for time_s in times_s))


def test_the_page_needs_nothing_and_runs_nothing_whatever_was_said() -> None:
    run = scored(said(0, 5, 10, text=HOSTILE), said(1, 10, 20, 30), said(2))
    page = Page(report(run, run.result(ABOUT)))
    assert "script" not in page.tags
    assert page.loads == []
    assert page.handlers == []
    assert page.tags["svg"] == 3 + 1  # a timeline an item, and the lags: there are no latencies


def test_every_event_and_utterance_is_drawn() -> None:
    run = scored(said(0, 5, 10.5), said(1), said(2))
    page = report(run, run.result(ABOUT))
    assert page.count('class="due speak"') == 1
    assert page.count('class="missed speak"') == 1 + 2 + 2
    assert page.count('class="missed delegate"') == 3
    assert page.count('class="false_alarm"') == 1


def test_what_could_not_be_scored_is_on_the_page() -> None:
    run = scored(said(0, 500.0), said(1), said(1), said(2))
    page = report(run, run.result(ABOUT))
    assert "time_beyond_video" in page
    assert "duplicate_item" in page


def test_worst_items_come_first_with_their_first_wrong_moment() -> None:
    run = scored(said(0, 5, 10.5, 20.5, 30.5), said(1, 10.5, 20.5, 30.5), said(2, 3, 4, 6))
    assert worst_moments(run) == [("busy-2", 3.0), ("busy-0", 5.0)]


class Filmed(TinySuite):
    """Items with pictures."""

    def open(self, item: str) -> Item:
        made = busy(item)

        def frames():  # type: ignore[no-untyped-def]
            for second in range(40):
                yield VideoFrame("pot", second + 0.5, np.full((36, 64, 3), second * 6, np.uint8))

        return Item(made.truth, made.turns, frames=frames)


async def test_a_worst_case_is_shown_as_a_small_film() -> None:
    run = scored(said(0, 5), said(1, 10.5, 20.5, 30.5), said(2, 10.5, 20.5, 30.5))
    (case,) = await worst_cases(Filmed(), run, Eyes())
    assert (case.item, case.at_s) == ("busy-0", 5.0)
    page = report(run, run.result(ABOUT), (case,))
    (film,) = Page(page).loads
    assert film.startswith("data:image/webp;base64,")
    assert len(film) < 20_000


def scores_of(*times_s: tuple[float, ...]) -> list[Score]:
    truths = [Truth(f"t{number}", 40.0, busy().truth.events[:1], busy().truth.instructions)
              for number in range(len(times_s))]  # fmt: skip
    pairs = zip(truths, times_s, strict=True)
    return [
        score(truth, Prediction(truth.item, tuple(Emission(at) for at in said_s)))
        for truth, said_s in pairs
    ]


def test_a_run_does_not_differ_from_itself() -> None:
    one = scores_of(*[(10.5,), ()] * 10)
    compared = compare(one, one)
    assert compared.num_items == 20
    assert all(change.verdict == "no difference shown" for change in compared.changes)
    assert all((change.low, change.high, change.p) == (0, 0, 1) for change in compared.changes)


def test_a_clear_difference_is_shown_and_small_luck_is_not() -> None:
    good, bad = scores_of(*[(10.5,)] * 20), scores_of(*[()] * 15, *[(10.5,)] * 5)
    lucky = scores_of(*[(10.5,)] * 19, ())
    by_name = {change.name: change for change in compare(good, bad).changes}
    assert by_name["timing_f1"].verdict == "worse"
    assert by_name["missed_share"].verdict == "worse"
    assert by_name["timing_f1"].p < 0.001
    assert {change.verdict for change in compare(good, lucky).changes} == {"no difference shown"}


def test_items_that_only_one_run_has_are_named_and_left_out() -> None:
    one = scores_of(*[(10.5,)] * 4)
    compared = compare(one, one[1:])
    assert (compared.num_items, compared.only_one, compared.only_other) == (3, ("t0",), ())
    with pytest.raises(ValueError, match="1 items in common"):
        compare(one, one[:1])


def test_the_style_ships_with_the_package() -> None:
    from importlib.resources import files

    assert Path(str(files("onlooker.evaluate").joinpath("report.css"))).is_file()
