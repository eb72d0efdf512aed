import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onlooker.core.event import EVENTS
from onlooker.core.wire import type_of
from onlooker.server.wire import read_client_event

PAGE = (Path(__file__).parents[2] / "docs" / "realtime.md").read_text()
CLIENT, SERVER = PAGE.split("## Server events: standard")


def examples(part: str) -> Iterator[dict[str, Any]]:
    """Yield every JSON object that stands in a block of JSON."""
    for block in re.findall(r"```json\n(.*?)```", part, re.DOTALL):
        place = 0
        while place < len(block.rstrip()):
            found, place = json.JSONDecoder().raw_decode(block, place)
            yield found
            place += len(block[place:]) - len(block[place:].lstrip())


def test_every_example_of_a_client_event_is_taken() -> None:
    events = list(examples(CLIENT.split("## Client events")[1]))
    assert len(events) >= 15
    for event in events:
        assert read_client_event(json.dumps(event)).type == event["type"]


def test_the_examples_of_our_events_are_events() -> None:
    known = {f"onlooker.{type_of(kind)}" for kind in EVENTS}
    about_the_connection = {"frames", "dropped", "labelled", "going_away"}
    for event in examples(SERVER):
        kind = event["type"]
        if kind.startswith("onlooker.") and kind.split(".")[1] not in about_the_connection:
            assert kind in known
