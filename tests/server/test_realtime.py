import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from onlooker.core.decision import Speak
from onlooker.core.event import Decided
from onlooker.testing.serving import jpeg
from tests.server.talking import OPERATOR, OTHER, VIEWER, Served, Wire, realtime_server


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with realtime_server(tmp_path, max_sessions=8) as running:
        yield running


def picture(level: int = 128, **note: object) -> Wire:
    url = "data:image/jpeg;base64," + base64.b64encode(jpeg(level)).decode()
    part = {"type": "input_image", "image_url": url}
    return {
        "type": "message",
        "role": "user",
        "content": [{**part, "onlooker": note} if note else part],
    }


async def test_the_official_client_asks_and_is_answered(served: Served) -> None:
    client = AsyncOpenAI(
        api_key=OPERATOR,
        websocket_base_url=served.url.removesuffix("/realtime"),
        base_url="http://x",
    )
    async with client.realtime.connect(model="gpt-realtime") as connection:
        created = await connection.recv()
        assert created.type == "session.created"
        await connection.session.update(
            session={"type": "realtime", "output_modalities": ["text"], "instructions": "Be brief."}
        )
        await connection.conversation.item.create(item=picture())  # type: ignore[arg-type]
        await connection.conversation.item.create(
            item={
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "Say hello!"}],
            }
        )
        await connection.response.create()
        text, kinds = "", []
        async for event in connection:
            kinds.append(event.type)
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type == "response.done" and "Say hello!" in text:
                assert event.response.status == "completed"
                break
        assert not [kind for kind in kinds if kind.startswith("onlooker.")]
        assert "session.updated" in kinds
        assert kinds.count("conversation.item.done") >= 1


async def test_a_session_says_what_it_allows(served: Served) -> None:
    async with served.client() as client:
        created = await client.until("session.created")
        ours = created["session"]["onlooker"]
        assert ours["limits"]["max_message_bytes"] == 16 * 2**20
        assert ours["resume"]["token"]
        assert created["session"]["id"] in {held.id for held in served.hub.sessions()}


async def test_a_picture_becomes_a_decision_on_it(served: Served) -> None:
    async with served.client() as client:
        await client.send("conversation.item.create", item=picture(stream="door", captured_ms=5.0))
        seen = await client.until(
            "onlooker.perceived", lambda w: bool(w["percepts"][0]["pictures"])
        )
        (shown,) = seen["percepts"][0]["pictures"]
        assert (shown["stream"], shown["width_px"]) == ("door", 64)
        decided = await client.until("onlooker.decided")
        assert (decided["action"], decided["speak_probability"]) == ("silent", 0.1)


async def test_what_is_asked_for_and_not_answered_is_an_empty_response(served: Served) -> None:
    async with served.client("events=standard") as client:
        await client.send("response.create")
        done = await client.until("response.done")
        assert done["response"]["output"] == []
        assert done["response"]["status"] == "completed"


async def test_instructions_and_persona_change_at_once(served: Served) -> None:
    async with served.client() as client:
        wanted = [{"id": "a", "text": "one"}, {"id": "b", "text": "two", "state": "paused"}]
        ours = {"instructions": wanted, "persona": "talkative"}
        await client.send("session.update", session={"onlooker": ours})
        updated = await client.until("session.updated")
        got = updated["session"]["onlooker"]
        assert [(i["id"], i["state"]) for i in got["instructions"]] == [
            ("a", "standing"),
            ("b", "paused"),
        ]
        assert got["persona"] == "talkative"
        await client.until("response.done")
        ours = {"instructions": [{"id": "b", "text": "two"}]}
        await client.send("session.update", session={"onlooker": ours})
        updated = await client.until("session.updated")
        assert [i["id"] for i in updated["session"]["onlooker"]["instructions"]] == ["b"]


async def test_a_resumed_connection_gets_every_response_once_and_in_order(served: Served) -> None:
    said: list[Wire] = []
    async with served.client() as client:
        created = await client.until("session.created")
        await client.say("one")
        await client.until("response.output_item.added")  # lost in the middle of a response
        said += client.seen
        after = client.last_seq
    session = created["session"]["id"]
    (held,) = served.hub.sessions()
    held.say("two")
    async for entry in held.subscribe(held.log.last_seq):
        event = getattr(entry, "event", None)
        if isinstance(event, Decided) and event.decision == Speak("two (0 pictures)"):
            break  # it was said while nobody was connected
    async with served.client(f"events=all&session={session}&after={after}") as client:
        created = await client.until("session.created")
        assert created["session"]["onlooker"]["resumed"] is True
        assert created["session"]["onlooker"]["num_missed"] == 0
        await client.say("four")
        await client.until("response.output_text.done", lambda w: w["text"].startswith("four"))
        said += client.seen
    numbers = [wire["seq"] for wire in said if "seq" in wire]
    assert numbers == sorted(set(numbers))
    done = [wire["text"] for wire in said if wire["type"] == "response.output_text.done"]
    assert [text.split()[0] for text in done] == ["one", "two", "four"]
    begun = [wire["response"]["id"] for wire in said if wire["type"] == "response.created"]
    assert len(begun) == len(set(begun)) == 3


async def test_a_session_is_found_by_its_owner_or_its_resume_token_alone(served: Served) -> None:
    async with served.client() as client:
        created = await client.until("session.created")
        session = created["session"]["id"]
        token = created["session"]["onlooker"]["resume"]["token"]
        query = f"session={session}"
        for headers in ({}, {"Onlooker-Resume": "wrong"}):
            async with served.client(query, OTHER, **headers) as stranger:
                await stranger.until("error")
                with pytest.raises(ConnectionClosed) as closed:
                    await stranger.until("session.created")
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 4404
        async with served.client(query, OTHER, "realtime", f"onlooker-resume.{token}") as friend:
            joined = await friend.until("session.created")
            assert joined["session"]["id"] == session


async def test_who_only_looks_on_changes_nothing(served: Served) -> None:
    async with served.client() as client:
        created = await client.until("session.created")
        async with served.client(f"session={created['session']['id']}", VIEWER) as viewer:
            seen = await viewer.until("session.created")
            assert seen["session"]["onlooker"]["resume"] is None
            await viewer.say("hello")
            error = await viewer.until("error")
            assert error["error"]["code"] == "not_allowed"
        async with served.client("events=all", VIEWER) as viewer:
            error = await viewer.until("error")
            assert "operator" in error["error"]["message"]


async def test_nobody_comes_in_without_a_token_and_a_page_brings_it_as_a_subprotocol(
    served: Served,
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(served.url):
            pass
    assert refused.value.response.status_code == 401
    names = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{OPERATOR}")]
    async with connect(served.url, subprotocols=names) as socket:
        assert socket.subprotocol == "realtime"
        assert json.loads(await socket.recv())["type"] == "session.created"


async def test_a_delegated_question_can_be_followed_and_labelled(served: Served) -> None:
    async with served.client() as client:
        await client.say("delegate this")
        done = await client.until("response.done")
        metadata = done["response"]["metadata"]
        asked = await client.until("onlooker.task_asked")
        assert asked["task_id"] == metadata["task_id"]
        answered = await client.until("onlooker.task_answered")
        assert answered["status"] == "failed"  # there is no brain here
        await client.send("onlooker.task.cancel", task_id=asked["task_id"], event_id="mine")
        error = await client.until("error")
        assert (error["error"]["code"], error["error"]["event_id"]) == ("unknown_task", "mine")
        await client.send("onlooker.label", tick=int(metadata["tick"]), label="useful")
        labelled = await client.until("onlooker.labelled")
        assert labelled["label"] == "useful"


async def test_a_failing_model_is_told_and_costs_no_connection(served: Served) -> None:
    async with served.client() as client:
        await client.say("fail")
        await client.send("response.create")
        failed = await client.until("onlooker.failed")
        assert failed["part"] == "model"
        done = await client.until("response.done")
        assert done["response"]["status"] == "failed"


async def test_errors_cost_their_event_alone(served: Served) -> None:
    async with served.client() as client:
        wrong = {"type": "input_image", "image_url": "https://example.org/a.jpg"}
        item = {"type": "message", "role": "user", "content": [wrong]}
        await client.send("conversation.item.create", item=item)
        assert (await client.until("error"))["error"]["code"] == "bad_image"
        await client.send("onlooker.stream.add", stream="x", address="file:///etc/passwd")
        assert (await client.until("error"))["error"]["code"] == "refused_address"
        await client.send("onlooker.stream.add", stream="y")
        await client.send("onlooker.stream.remove", stream="y")
        await client.send("onlooker.stream.remove", stream="y")
        assert (await client.until("error"))["error"]["code"] == "too_many"
        await client.send("response.cancel")
        assert (await client.until("error"))["error"]["code"] == "response_cancel_not_active"
        await client.socket.send(b"\xff\x00")
        assert (await client.until("error"))["error"]["code"] == "invalid_json"
        await client.say("still there?")
        await client.until("response.done")


async def test_whoever_sends_only_nonsense_is_hung_up_on(served: Served) -> None:
    async with served.client() as client:
        for _ in range(100):
            await client.socket.send("nonsense")
        with pytest.raises(ConnectionClosed) as closed:
            await client.until("never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4400


async def test_a_session_that_is_closed_says_goodbye(served: Served) -> None:
    async with served.client() as client:
        await client.until("session.created")
        await client.send("onlooker.session.close")
        await client.until("onlooker.closed")
        goodbye = await client.until("onlooker.going_away")
        assert goodbye["is_resumable"] is False
        with pytest.raises(ConnectionClosed) as closed:
            await client.until("never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
    assert served.hub.sessions() == []


async def test_nobody_opens_sessions_without_end(tmp_path: Path) -> None:
    limited = realtime_server(tmp_path, rate_opening="1/minute")
    async with limited as served, served.client() as client:
        created = await client.until("session.created")
        async with served.client() as refused:
            error = await refused.until("error")
            assert "rate_opening" in error["error"]["message"]
        async with served.client(f"session={created['session']['id']}") as again:
            await again.until("session.created")  # nothing new is opened


async def test_a_page_comes_in_with_a_ticket_of_its_token(served: Served) -> None:
    address = f"http://127.0.0.1:{served.port}/v1"
    async with AsyncOpenAI(api_key=OPERATOR, base_url=address) as client:
        made = await client.realtime.client_secrets.create()
    names = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{made.value}")]
    async with connect(served.url, subprotocols=names) as socket:
        assert json.loads(await socket.recv())["type"] == "session.created"
