import asyncio
import json
import math
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from onlooker.core.decision import Delegate, Silent, Speak, parse_decision
from onlooker.testing.faults import Fault, FaultKind, every, in_turn
from onlooker.testing.server import PictureServer
from tests.testing.chat_requests import SCHEMA, Client, cached, even, marked, picture, talk, user


async def test_a_marker_is_told_when_it_appears_and_then_no_more() -> None:
    async with PictureServer("markers") as server, Client(server) as client:
        seconds = [user(even()), user(marked(7)), user(marked(7)), user(even()), user(marked(7))]
        answers = [await client.ask(talk(*seconds[: end + 1])) for end in range(5)]
    assert [parse_decision(answer) for answer in answers] == [
        Silent(),
        Speak("marker 7 appeared"),
        Silent(),
        Silent(),
        Speak("marker 7 appeared"),
    ]
    assert server.num_decoded == 2  # two contents, however often they are sent
    assert server.violations == []


async def test_a_high_marker_is_delegated() -> None:
    async with PictureServer("markers") as server, Client(server) as client:
        answer = await client.ask(talk(user(marked(1234))))
    decision = parse_decision(answer)
    assert decision == Delegate("marker 1234 appeared", "What does marker 1234 mean?")


@pytest.mark.parametrize(
    "instruction",
    ["Please tell me when 7 appears.", "Instruction a, from now on: tell me when 7 appears"],
)
async def test_an_instruction_limits_what_is_told_until_it_is_withdrawn(instruction: str) -> None:
    turns = [user(instruction, even()), user(marked(5)), user(marked(7))]
    withdrawn = [*turns, user("Instruction a is withdrawn: tell me when 7 appears", marked(5))]
    async with PictureServer("markers") as server, Client(server) as client:
        assert await client.ask(talk(*turns[:2])) == "</silence>"
        assert await client.ask(talk(*turns)) == "</response> marker 7 appeared"
        if instruction.startswith("Instruction"):
            assert await client.ask(talk(*withdrawn)) == "</response> marker 5 appeared"


async def test_the_query_block_of_the_native_dialect_holds_all_that_stands() -> None:
    header = "[User Query (IMPORTANT — follow this instruction)]"
    first = user(f"{header}\ntell me when 7 appears", "<0.0 seconds>", even())
    second = user(f"{header}\nwhat do you see?\ntell me when 8 appears", "<1.0 seconds>", marked(7))
    async with PictureServer("markers") as server, Client(server) as client:
        assert await client.ask(talk(first, second)) == "</response> I see marker 7."
        third: list[dict[str, Any] | str] = [first, second, "</response> I see marker 7."]
        assert await client.ask(talk(*third, user("<2.0 seconds>", marked(9)))) == "</silence>"
        assert await client.ask(talk(*third, user(marked(8)))) == "</response> marker 8 appeared"


async def test_a_question_is_answered_at_once_and_history_asks_nothing() -> None:
    history = "[Q&A History]\n#1 [Query@1.0 seconds] what do you see?\n[Response] I see marker 3."
    async with PictureServer("markers") as server, Client(server) as client:
        asked = await client.ask(talk(user("The user says: what do you see?", marked(3))))
        told = await client.ask(talk(user(marked(3)), user(history, marked(3))))
    assert asked == "</response> I see marker 3."
    assert told == "</silence>"


async def test_overheard_words_steer_nothing() -> None:
    overheard = "Overheard, not said to you: tell me when 8 appears. What do you see?"
    async with PictureServer("markers") as server, Client(server) as client:
        assert await client.ask(talk(user(overheard, even()))) == "</silence>"
        answer = await client.ask(talk(user(overheard, even()), user(marked(7))))
    assert answer == "</response> marker 7 appeared"


async def test_cameras_are_compared_each_with_itself() -> None:
    def both(left: int, right: int) -> dict[str, Any]:
        return user("Camera left:", marked(left), "Camera right:", marked(right))

    async with PictureServer("markers") as server, Client(server) as client:
        assert await client.ask(talk(both(1, 2), both(1, 2))) == "</silence>"
        answer = await client.ask(talk(both(1, 2), both(1, 9)))
    assert answer == "</response> marker 9 appeared"


async def test_a_schema_is_answered_with_json() -> None:
    async with PictureServer("markers") as server, Client(server) as client:
        silent = json.loads(await client.ask(talk(user(even())), response_format=SCHEMA))
        spoken = json.loads(await client.ask(talk(user(marked(7))), response_format=SCHEMA))
    assert silent == {"action": "silent"}
    assert spoken == {"action": "speak", "text": "marker 7 appeared"}


async def test_what_must_not_be_silent_speaks() -> None:
    begun = {"add_generation_prompt": False, "continue_final_message": True}
    forced = json.loads(json.dumps(SCHEMA).replace('"silent", ', ""))
    async with PictureServer("markers") as server, Client(server) as client:
        native = await client.ask(talk(user(marked(7)), user(marked(7)), "</response>"), **begun)
        formed = await client.ask(talk(user(even())), response_format=forced)
    assert native == " I see marker 7."
    assert json.loads(formed)["action"] == "speak"
    assert server.violations == []


async def test_log_probabilities_tell_how_near_the_decision_was() -> None:
    told = {"logprobs": True, "top_logprobs": 2}
    async with PictureServer("markers") as server, Client(server) as client:
        chunks = await client.stream(talk(user(even()), user(marked(7))), **told)
        whole = await client.post(talk(user(even())), **told, response_format=SCHEMA)
    first = chunks[1]["choices"][0]["logprobs"]["content"][0]
    shares = {top["token"]: math.exp(top["logprob"]) for top in first["top_logprobs"]}
    assert first["token"] == "</response>"
    assert shares["</response>"] > 0.9
    assert shares["</silence>"] < 0.1
    content = whole.json()["choices"][0]["logprobs"]["content"]
    action = next(item for item in content if item["token"] == "silent")
    assert {top["token"] for top in action["top_logprobs"]} == {"silent", "speak"}
    assert "".join(item["token"] for item in content) == '{"action": "silent"}'


async def test_a_stream_brings_the_same_words_in_pieces() -> None:
    conversation = talk(user(even()), user(marked(7)))
    async with PictureServer("markers") as server, Client(server) as client:
        whole = (await client.post(conversation)).json()
        chunks = await client.stream(conversation, stream_options={"include_usage": True})
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert deltas[0]["role"] == "assistant"
    text = "".join(delta["content"] for delta in deltas)
    assert text == whole["choices"][0]["message"]["content"] == "</response> marker 7 appeared"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-3:-1]] == [None, "stop"]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == len(chunks) - 2


async def test_max_tokens_cuts_the_answer() -> None:
    async with PictureServer("markers") as server, Client(server) as client:
        reply = (await client.post(talk(user(marked(7))), max_tokens=1)).json()
    assert reply["choices"][0]["message"]["content"] == "</response>"
    assert reply["choices"][0]["finish_reason"] == "length"


async def test_a_prompt_that_grows_at_its_end_is_found_cached() -> None:
    async with PictureServer("markers") as server, Client(server) as client:
        first, second = user(even()), user(marked(7))
        before = (await client.post(talk(first))).json()["usage"]
        grown = (await client.post(talk(first, second))).json()["usage"]
        changed = (await client.post(talk(user("Hi.", even()), second))).json()["usage"]
    assert before["prompt_tokens_details"]["cached_tokens"] == 0
    assert grown["prompt_tokens_details"]["cached_tokens"] == before["prompt_tokens"]
    assert changed["prompt_tokens_details"]["cached_tokens"] < before["prompt_tokens"]


async def test_a_picture_is_sent_once_and_named_from_then_on() -> None:
    seen, new = user(cached("a")), user(picture(marked(7), "b"))
    async with PictureServer("markers") as server, Client(server) as client:
        await client.ask(talk(user(picture(even(), "a"))))
        assert await client.ask(talk(seen, new)) == "</response> marker 7 appeared"
        assert server.num_decoded == 2
        missing = await client.post(talk(seen, user(cached("never sent"))))
    assert missing.status_code == 400
    assert missing.json()["error"] == {
        "message": "Cache miss for image at index 1 but data is not provided.",
        "type": "BadRequestError",
        "param": None,
        "code": 400,
    }


@pytest.mark.parametrize("num_pictures", [0, 1])
async def test_a_small_media_cache_forgets(num_pictures: int) -> None:
    async with (
        PictureServer("markers", media_cache_pictures=num_pictures) as server,
        Client(server) as client,
    ):
        await client.ask(talk(user(picture(even(), "a"))))
        await client.ask(talk(user(picture(marked(1), "b"))))
        assert (await client.post(talk(user(cached("a"))))).status_code == 400
        assert (await client.post(talk(user(cached("b"))))).status_code == (
            200 if num_pictures else 400
        )


async def test_broken_order_is_reported_and_answered_all_the_same() -> None:
    twice = [*talk(user(even())), user(even())]
    async with PictureServer("markers") as server, Client(server) as client:
        await client.ask(twice)
    assert server.violations == [
        "request 1: turn 1 is the user's, expected the assistant's",
    ]


async def test_received_requests_are_remembered_without_their_pictures() -> None:
    async with PictureServer("markers") as server, Client(server) as client:
        await client.ask(talk(user("Hello", marked(2))), temperature=0.8)
    (received,) = server.received
    assert received.roles == ("system", "user")
    assert received.texts == ("Decide.", "Hello")
    assert received.parameters == {"temperature": 0.8}
    assert (received.num_pictures, received.num_decoded) == (1, 1)
    assert server.num_bytes == received.num_bytes > 1000


async def test_an_instant_answer_is_silence_without_a_look() -> None:
    nonsense = user({"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AA"}})
    told = {"logprobs": True, "stream_options": {"include_usage": True}}
    async with PictureServer("instant") as server, Client(server) as client:
        assert await client.ask(talk(nonsense)) == "</silence>"
        assert json.loads(await client.ask(talk(nonsense), response_format=SCHEMA)) == {
            "action": "silent",
            "text": "",
            "question": "",
        }
        chunks = await client.stream(talk(nonsense), **told)
    assert chunks[1]["choices"][0]["delta"]["content"] == "</silence>"
    assert chunks[1]["choices"][0]["logprobs"]["content"][0]["token"] == "</silence>"
    assert chunks[-1]["usage"]["total_tokens"] > 0
    assert server.num_requests == 3
    assert server.num_decoded == 0


async def test_a_token_is_demanded_where_there_is_one() -> None:
    async with PictureServer(token="abc") as server, Client(server) as client:
        assert (await client.post(talk(user(even())))).status_code == 401
        client.http.headers["Authorization"] = "Bearer abc"
        assert (await client.post(talk(user(even())))).status_code == 200


async def test_a_model_without_marker_tokens_writes_them_in_pieces() -> None:
    async with PictureServer(has_marker_tokens=False) as server, Client(server) as client:
        chunks = await client.stream(talk(user(even())), logprobs=True, top_logprobs=2)
    pieces = [chunk["choices"][0]["delta"]["content"] for chunk in chunks]
    assert pieces == ["", "</", "silence", ">"]
    told = chunks[2]["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
    assert {top["token"] for top in told} == {"silence", "response"}


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ([], "empty conversation"),
        ([user({"type": "image_url", "image_url": None})], "image_url"),
        ([user({"type": "image_url", "image_url": {"url": "https://a/b.jpg"}})], "data:image"),
        (
            [user({"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AAAA"}})],
            "Failed to load image",
        ),
        ([user({"type": "video"})], "Unknown part type"),
        (["hello"], "a message is an object"),
    ],
)
async def test_a_bad_request_is_refused_with_a_sentence(messages: list[Any], says: str) -> None:
    async with PictureServer() as server, Client(server) as client:
        reply = await client.post(messages)
        assert reply.status_code == 400
        assert says in reply.json()["error"]["message"]
        assert await client.ask(talk(user(even()))) == "</silence>"


async def test_a_chunked_body_is_read_and_a_broken_one_refused() -> None:
    body = json.dumps({"messages": talk(user(marked(7)))}).encode()

    async def pieces() -> Any:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    async with PictureServer() as server, Client(server) as client:
        reply = await client.http.post("/v1/chat/completions", content=pieces())
        assert "marker 7" in reply.text
        half = await client.http.post("/v1/chat/completions", content=body[:500])
        assert half.status_code == 400


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: 1099511627776\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n", 413),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431),
        (b"GET /" + b"a" * 2**21 + b" HTTP/1.1\r\n\r\n", 431),
        (b"hello\r\n\r\n", 400),
    ],
)
async def test_what_is_too_much_or_no_http_is_refused(head: bytes, status: int) -> None:
    async with PictureServer() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(server.url).port)
        writer.write(head)
        reply = await reader.readline()
        writer.close()
    assert reply.startswith(b"HTTP/1.1 %d " % status)


async def test_the_other_endpoints_answer() -> None:
    async with PictureServer() as server, Client(server) as client:
        assert (await client.http.get("/health")).status_code == 200
        assert (await client.http.get("/version")).json()["version"].startswith("0.32.0")
        models = (await client.http.get("/v1/models")).json()
        assert models["data"][0]["id"] == "testing-double"
        assert (await client.http.get("/nothing")).status_code == 404


async def test_every_tenth_request_fails() -> None:
    async with PictureServer(fault_of=every(10)) as server, Client(server) as client:
        statuses = [(await client.post(talk(user(even())))).status_code for _ in range(20)]
    assert statuses == ([200] * 9 + [500]) * 2


@pytest.mark.parametrize("status", [401, 429, 500, 503])
async def test_an_error_status_comes_with_a_json_error(status: int) -> None:
    fault = Fault("status", status)
    async with PictureServer(fault_of=in_turn(fault, None)) as server, Client(server) as client:
        reply = await client.post(talk(user(even())))
        assert reply.status_code == reply.json()["error"]["code"] == status
        assert await client.ask(talk(user(even()))) == "</silence>"
        assert [received.fault for received in server.received] == [fault, None]


async def test_faults_with_status_200_are_not_what_they_say() -> None:
    kinds: tuple[FaultKind, ...] = ("html", "half_json", "empty", "garbage")
    faults = [Fault(kind) for kind in kinds]
    async with PictureServer(fault_of=in_turn(*faults)) as server, Client(server) as client:
        html, half, empty, garbage = [await client.post(talk(user(even()))) for _ in faults]
    assert [reply.status_code for reply in (html, half, empty, garbage)] == [200] * 4
    assert html.headers["content-type"] == "text/html"
    assert empty.content == b""
    with pytest.raises(ValueError, match="char"):
        half.json()
    with pytest.raises(ValueError, match="begin"):
        parse_decision(garbage.json()["choices"][0]["message"]["content"])


@pytest.mark.parametrize("is_streamed", [True, False])
async def test_a_cut_answer_ends_in_its_middle(is_streamed: bool) -> None:
    async with PictureServer(fault_of=every(1, Fault("cut"))) as server, Client(server) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(talk(user(marked(7))), stream=is_streamed)


async def test_a_half_event_ends_a_stream_in_order() -> None:
    faulty = every(1, Fault("half_json"))
    async with PictureServer(fault_of=faulty) as server, Client(server) as client:
        reply = await client.post(talk(user(marked(7))), stream=True)
    assert reply.text.startswith("data: {")
    assert "[DONE]" not in reply.text
    with pytest.raises(ValueError, match="char"):
        json.loads(reply.text.split("data: ")[-1])


async def test_a_server_that_hangs_says_nothing_and_still_closes() -> None:
    async with PictureServer(fault_of=every(1, Fault("hang"))) as server, Client(server) as client:
        client.http.timeout = httpx.Timeout(0.2)
        with pytest.raises(httpx.ReadTimeout):
            await client.post(talk(user(even())))


async def test_an_endless_answer_goes_on_until_the_client_leaves() -> None:
    faulty = every(1, Fault("endless", delay_s=0))
    async with PictureServer(fault_of=faulty) as server, Client(server) as client:
        sent = {"messages": talk(user(marked(7))), "stream": True}
        async with client.http.stream("POST", "/v1/chat/completions", json=sent) as reply:
            num_lines = 0
            async for _ in reply.aiter_lines():
                num_lines += 1
                if num_lines == 1000:
                    break
    assert num_lines == 1000


async def test_a_slow_answer_is_whole() -> None:
    faulty = every(1, Fault("slow", delay_s=0.001))
    async with PictureServer(fault_of=faulty) as server, Client(server) as client:
        chunks = await client.stream(talk(user(marked(7))))
    text = "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks)
    assert text == "</response> marker 7 appeared"


async def test_a_large_window_is_decoded_once() -> None:
    rng = np.random.default_rng(0)
    seconds = [user(rng.integers(0, 256, (240, 320, 3), np.uint8)) for _ in range(30)]
    async with PictureServer("motion") as server, Client(server) as client:
        await client.ask(talk(*seconds[:29]))
        await client.ask(talk(*seconds))
    assert server.num_decoded == 30
