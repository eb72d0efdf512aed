from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.clock import Clock
from onlooker.server.chat_request import ChatRequest, parse_range, session_of, understand
from onlooker.server.chat_session import RequestClock, RequestTicker
from tests.server.over_http import chat

times = st.none() | st.floats(0, 1e9)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("10s", (10.0, None)),
        ("10 seconds", (10.0, None)),
        ("1.0 seconds ~ 2.0 seconds", (1.0, 2.0)),
        ("1-2", (1.0, 2.0)),
        ("<4.0 seconds>", (4.0, None)),
        ("0.5 s to 1.5 s", (0.5, 1.5)),
        ("soon", None),
        ("", None),
        ("-1", None),
        ("1e400", None),
    ],
)
def test_times_are_read_as_the_released_clients_write_them(
    text: str, span: tuple[float, float | None] | None
) -> None:
    assert parse_range(text) == span


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_times(text: str) -> None:
    parse_range(text)


def test_a_time_that_cannot_be_read_shifts_no_other() -> None:
    body = chat("x", 1, 2, 3, frame_time_ranges=["0s", "soon", "2s"])
    asked = understand(ChatRequest.model_validate(body), {})
    assert asked.spans == ((0.0, None), None, (2.0, None))


def test_the_session_is_named_by_header_before_body() -> None:
    assert session_of({"x-session-id": "b", "x-streaming-session": "a"}, "c") == "a"
    assert session_of({"x-session-id": "b"}, "c") == "b"
    assert session_of({}, "c") == "c"
    assert session_of({}, None) == ""


@given(st.lists(st.tuples(times, times), min_size=1, max_size=30))
def test_session_time_only_goes_forward(spans: list[tuple[float | None, float | None]]) -> None:
    ticker = RequestTicker(RequestClock(), 1.0)
    last_index, last_end_s = -1, 0.0
    for start_s, end_s in spans:
        tick = ticker.span(start_s, end_s)
        assert tick.index > last_index
        assert tick.start_s >= last_end_s - 1e-3
        assert tick.end_s > tick.start_s
        last_index, last_end_s = tick.index, tick.end_s


async def test_a_ticker_yields_what_was_asked_and_moves_the_clock() -> None:
    clock = RequestClock()
    ticker = RequestTicker(clock, 1.0)
    tick = ticker.span(7.0, 8.0)
    ticker.ask(tick)
    as_clock: Clock = clock
    assert await anext(ticker(as_clock, 1.0)) == tick
    assert clock.now_s() == 8.0
