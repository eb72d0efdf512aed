import json
from base64 import b64encode
from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.errors import MalformedDecision
from onlooker.core.moment import Answer, Instruction, Utterance
from onlooker.core.percept import Pictures
from onlooker.core.prompt import Exchange, Prompt, Turn
from onlooker.live.context import Context
from onlooker.live.settings import LiveSettings
from onlooker.plugins.model.body import BodyWriter
from onlooker.plugins.model.dialect import Dialect
from onlooker.plugins.model.instruct import InstructDialect
from onlooker.plugins.model.native import NativeDialect
from onlooker.testing.http11 import Reply
from onlooker.testing.scripted import VLLM_MODELS, refusal, streamed
from tests.plugins.model.turns import JPEG_BYTES, picture, talking, turn

DIALECTS: list[Dialect] = [NativeDialect({}), InstructDialect({})]
both = pytest.mark.parametrize("dialect", DIALECTS, ids=["native", "instruct"])
MISS = refusal(400, "Cache miss for image at index 0 but data is not provided.")


def images(request: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        part
        for message in request["messages"]
        if message["role"] == "user"
        for part in message["content"]
        if part["type"] == "image_url"
    ]


def busy_turns() -> list[tuple[Turn, Decision | None]]:
    """Everything that may happen in a window, a failed tick included."""
    door = Instruction("i1", "watch the door", 0.0)
    return [
        (turn(0, instructed=(door,)), Silent()),
        (turn(1, heard=(Utterance("what is that?", 1.5),)), Speak("A cat.")),
        (turn(2, heard=(Utterance("never mind", 2.5),)), None),  # fails
        (turn(3), Delegate("One moment.", "Which cat is it?")),
        (turn(4, answers=(Answer("t", "Which cat is it?", "A manx.", 4.5),)), Speak("A manx.")),
        (turn(5, instructed=(Instruction("i1", "watch the door", 0.0, "removed"),)), Silent()),
        (turn(6, heard=(Utterance("buy now!", 6.5, "scene"),)), Silent()),
        (turn(7), Silent()),
    ]


@both
def test_a_body_up_to_its_last_turn_begins_the_next_body(dialect: Dialect) -> None:
    writer, context = BodyWriter(dialect, by_reference=False), Context(LiveSettings())
    fields = dialect.fields(has_logprobs=True, is_forced=False)
    bodies = []
    for seen, decision in busy_turns():
        data = writer.write(context.ask(seen), {"model": "m", **fields}).data
        if decision is None:
            context.postpone(seen)
            continue
        bodies.append(data)
        context.settle(decision)
    assert len(bodies) == 7
    for before, after in pairwise(bodies):
        assert after.startswith(before.removesuffix(b"]}"))
        assert len(after) > len(before)


@both
def test_users_and_assistants_take_turns_whatever_failed(dialect: Dialect) -> None:
    writer, context = BodyWriter(dialect, by_reference=False), Context(LiveSettings())
    for seen, decision in busy_turns():
        request = json.loads(writer.write(context.ask(seen), {"model": "m"}).data)
        roles = [message["role"] for message in request["messages"]]
        expected = ["system", *["user", "assistant"] * len(roles)][: len(roles)]
        assert roles == expected
        assert roles[-1] == "user"
        if decision is None:
            context.postpone(seen)
        else:
            context.settle(decision)
    assert "never mind" in json.dumps(request)  # said in the failed second
    assert len(images(request)) == 7  # its picture is gone


texts = st.text(min_size=1).filter(str.strip)


@given(st.lists(texts, min_size=1, max_size=4), st.sampled_from(DIALECTS))
def test_any_words_make_a_body_of_valid_json(words: list[str], dialect: Dialect) -> None:
    said = tuple(Utterance(text, 0.5) for text in words)
    overheard = tuple(Utterance(text, 0.5, "scene", "cam") for text in words)
    standing = tuple(Instruction(f"i{at}", text, 0.0) for at, text in enumerate(words))
    prompt = Prompt(
        "default",
        (turn(9, heard=said + overheard, instructed=standing),),
        standing=standing,
        memory=tuple(words),
        exchanges=tuple(Exchange(0.1, "user", text) for text in words),
    )
    request = json.loads(BodyWriter(dialect, by_reference=False).write(prompt, {"a": 1}).data)
    parts = [part["text"] for part in request["messages"][1]["content"] if part["type"] == "text"]
    assert "<|" not in "".join(parts)
    assert [message["role"] for message in request["messages"]] == ["system", "user"]


@pytest.mark.parametrize("cached_media", ["off", "on"])
async def test_each_picture_is_serialised_once_in_a_session(
    cached_media: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[bytes] = []

    def counting(jpeg: bytes) -> bytes:
        encoded.append(jpeg)
        return b64encode(jpeg)

    monkeypatch.setattr("onlooker.plugins.model.body.b64encode", counting)
    live = LiveSettings(window_ticks=10, carry_ticks=3)
    async with talking(
        "</silence>", live=live, dialect="native", cached_media=cached_media
    ) as talk:
        for index in range(30):
            await talk.decide(turn(index))
    assert encoded == [picture(index).jpeg for index in range(30)]
    assert len(talk.server.bodies) == 30


async def test_with_cached_media_a_picture_is_sent_once_and_named_afterwards() -> None:
    live = LiveSettings(window_ticks=60, carry_ticks=3)
    async with talking('{"action":"silent"}', models=VLLM_MODELS, live=live) as talk:
        sent = [(await talk.decide(turn(index))).usage.sent_bytes for index in range(60)]
    for index, request in enumerate(talk.server.requests):
        *before, newest = images(request)
        assert [part["uuid"] for part in before] == [picture(at).id for at in range(index)]
        assert all(part["image_url"] is None for part in before)
        assert newest["image_url"]["url"].startswith("data:image/jpeg;base64,")
        assert newest["uuid"] == picture(index).id
    assert sent == [len(body) for body in talk.server.bodies]
    # Only words grow: what a second adds is far less than its picture, whatever the window.
    sizes = [len(body) for body in talk.server.bodies]
    growth = [after - before for before, after in pairwise(sizes)]
    assert max(growth) < 250 < JPEG_BYTES / 10


async def test_pictures_are_not_named_to_servers_that_are_not_known_to_keep_them() -> None:
    async with talking('{"action":"silent"}') as talk:
        for index in range(3):
            await talk.decide(turn(index))
    assert talk.server.paths.count("/v1/models") == 1
    assert all("uuid" not in part for request in talk.server.requests for part in images(request))


async def test_a_picture_that_comes_twice_in_one_second_is_not_named_before_it_was_sent() -> None:
    same = picture(5)
    twice = Turn(turn(0).tick, (Pictures((same, same)),))
    async with talking('{"action":"silent"}', cached_media="on") as talk:
        await talk.decide(twice)
        await talk.decide(turn(1))
    first, second = talk.server.requests
    assert all(part["image_url"] for part in images(first))
    assert [bool(part["image_url"]) for part in images(second)] == [False, False, True]


@pytest.mark.parametrize("status", [400, 500])
async def test_what_the_server_lost_is_sent_again_within_the_same_tick(status: int) -> None:
    lost = refusal(status, "Expected a cached item for mm_hash='abc'")
    silent = '{"action":"silent"}'
    steps = (silent, silent, lost, silent)
    async with talking(*steps, cached_media="on", retries=0) as talk:
        outcomes = [await talk.decide(turn(index)) for index in range(4)]
    assert [outcome.decision for outcome in outcomes] == [Silent()] * 4
    given = [
        [bool(part["image_url"]) for part in images(request)] for request in talk.server.requests
    ]
    assert given == [
        [True],
        [False, True],
        [False, False, True],  # refused
        [True, True, True],
        [False, False, False, True],
    ]
    assert outcomes[2].usage.sent_bytes == len(talk.server.bodies[2]) + len(talk.server.bodies[3])


@pytest.mark.parametrize(("mode", "num_named"), [("auto", 3), ("on", 7)])
async def test_a_cache_that_is_too_small_is_given_up_only_where_it_was_our_guess(
    mode: Literal["auto", "on"], num_named: int
) -> None:
    def forgetful(request: dict[str, Any]) -> str | Reply:
        named = any(part["image_url"] is None for part in images(request))
        return MISS if named else '{"action":"silent"}'

    async with talking(forgetful, models=VLLM_MODELS, cached_media=mode) as talk:
        for index in range(8):
            assert (await talk.decide(turn(index))).decision == Silent()
    misses = [
        request
        for request in talk.server.requests
        if any(part["image_url"] is None for part in images(request))
    ]
    assert len(misses) == num_named


@both
async def test_a_session_keeps_no_more_than_its_window(dialect: Dialect) -> None:
    writer = BodyWriter(dialect, by_reference=True)
    context = Context(LiveSettings(window_ticks=8, carry_ticks=2))
    for index in range(50):
        writer.write(context.ask(turn(index)), {"model": "m"})
        writer.taken()
        context.settle(Silent())
    assert len(writer._turns) <= 8
    assert len(writer._taken) <= 8


async def test_a_malformed_answer_leaves_the_next_tick_its_pictures() -> None:
    steps = ("</silence>", "</response>", "</silence>")
    async with talking(*steps, dialect="native", cached_media="on") as talk:
        await talk.decide(turn(0))
        with pytest.raises(MalformedDecision):
            await talk.decide(turn(1))
        await talk.decide(turn(2))
    uuids = [part["uuid"] for part in images(talk.server.requests[-1])]
    assert uuids == [picture(0).id, picture(2).id]
    assert images(talk.server.requests[-1])[-1]["image_url"] is not None


async def test_a_turn_is_written_anew_when_its_tick_comes_again_with_other_content() -> None:
    writer = BodyWriter(NativeDialect({}), by_reference=False)
    first = writer.write(Prompt("default", (turn(0),)), {"model": "m"}).data
    other = turn(0, heard=(Utterance("hello", 0.1),))
    assert b"hello" in writer.write(Prompt("default", (other,)), {"model": "m"}).data
    assert writer.write(Prompt("default", (turn(0),)), {"model": "m"}).data == first


async def test_usage_is_told_with_what_the_server_had_cached() -> None:
    usage = {
        "prompt_tokens": 300,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 256},
    }
    async with talking(streamed(["</silence>"], usage=usage), dialect="native") as talk:
        told = (await talk.decide(turn(0))).usage
    assert (told.prompt_tokens, told.cached_tokens, told.completion_tokens) == (300, 256, 2)
    assert told.sent_bytes == len(talk.server.bodies[0])
