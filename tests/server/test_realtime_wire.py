import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.server.wire import (
    BadEvent,
    ImagePart,
    ItemCreate,
    SessionUpdate,
    TextPart,
    read_client_event,
)

IMAGE = {"type": "input_image", "image_url": "data:image/jpeg;base64,/9j/"}


def read(**event: Any) -> Any:
    return read_client_event(json.dumps(event))


def refusal(message: str | bytes) -> BadEvent:
    with pytest.raises(BadEvent) as caught:
        read_client_event(message)
    return caught.value


def test_a_stock_clients_session_is_read_and_what_we_do_not_know_of_it_is_ignored() -> None:
    event = read(
        type="session.update",
        session={
            "type": "realtime",
            "instructions": "Tell me when it boils.",
            "output_modalities": ["text"],
            "tools": [],
            "tool_choice": "auto",
            "audio": {
                "input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": None},
                "output": {"voice": "marin"},
            },
        },
    )
    assert isinstance(event, SessionUpdate)
    assert event.session.instructions == "Tell me when it boils."
    assert event.session.input_rate_hz == 24000


def test_a_picture_says_which_camera_took_it_and_when() -> None:
    note = {"stream": "door", "captured_ms": 81234.5}
    content = [{**IMAGE, "onlooker": note}, {"type": "input_text", "text": "What is it?"}]
    item = {"type": "message", "role": "user", "content": content}
    event = read(type="conversation.item.create", item=item)
    assert isinstance(event, ItemCreate)
    picture, words = event.item.content
    assert isinstance(picture, ImagePart)
    assert (picture.onlooker.stream, picture.onlooker.captured_ms) == ("door", 81234.5)
    assert isinstance(words, TextPart)
    assert "9j" not in repr(event)  # a log of it shows no picture


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ("x", "invalid_json", None),
        ("[" * 100_000, "invalid_json", None),
        (b"\xff\xfe", "invalid_json", None),
        ("\ud800", "invalid_json", None),
        ("[]", "invalid_value", None),
        ("{}", "unknown_event", None),
        ('{"type":"response.make"}', "unknown_event", None),
        ('{"type":"onlooker.task.cancel"}', "invalid_value", "task_id"),
        ('{"type":"onlooker.session.close","nwo":1}', "invalid_value", "nwo"),
        (
            '{"type":"session.update","session":{"onlooker":{"talkativeness":1.5}}}',
            "invalid_value",
            "session.onlooker.talkativeness",
        ),
        (
            '{"type":"session.update","session":{"onlooker":{"instructions":'
            '[{"id":"a","text":"x"},{"id":"a","text":"y"}]}}}',
            "invalid_value",
            "session.onlooker",
        ),
        (
            '{"type":"session.update","session":{"instructions":"x","onlooker":{"instructions":'
            '[{"id":"a","text":"x"}]}}}',
            "invalid_value",
            "session",
        ),
        (
            '{"type":"conversation.item.create","item":{"type":"message","role":"user",'
            '"content":[{"type":"input_image","image_url":"","onlooker":{"stream":"../x"}}]}}',
            "invalid_value",
            "item.content[0].input_image.onlooker.stream",
        ),
        (
            '{"type":"conversation.item.create","item":{"type":"message","role":"assistant",'
            '"content":[]}}',
            "invalid_value",
            "item.role",
        ),
    ],
)
def test_a_wrong_event_is_refused_with_what_is_wrong(
    message: str | bytes, code: str, param: str | None
) -> None:
    refused = refusal(message)
    assert (refused.code, refused.param) == (code, param)


def test_a_refusal_names_its_event_and_repeats_nothing_that_was_sent() -> None:
    refused = refusal('{"type":"onlooker.task.cancel","event_id":"mine","task_id":["secret"]}')
    assert refused.event_id == "mine"
    assert "secret" not in str(refused)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
TYPES = st.sampled_from(
    ["session.update", "conversation.item.create", "input_audio_buffer.append", "onlooker.label"]
)


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_no_message_breaks_the_reader(message: str | bytes) -> None:
    with pytest.raises(BadEvent):
        read_client_event(message)


@given(TYPES, st.dictionaries(st.sampled_from(["session", "item", "audio", "tick", "label"]), JSON))
def test_no_event_breaks_the_reader(kind: str, fields: dict[str, Any]) -> None:
    with suppress(BadEvent):
        assert read(type=kind, **fields).type == kind
