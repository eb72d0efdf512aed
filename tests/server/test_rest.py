from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from onlooker.core.recording import read_recording
from onlooker.live.speech import SpeechParts
from onlooker.server.held import Held
from onlooker.testing.serving import jpeg
from onlooker.testing.speaking import ChoirVoice
from tests.server.over_http import ADMIN, OTHER, Served, serving, settings_of


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    more = {"brain": {"use": "echo", "tasks": {"folder": str(tmp_path / "made")}}}
    async with serving(settings_of(tmp_path, more=more)) as running:
        yield running


async def ok(response: httpx.Response) -> Any:
    assert response.status_code < 300, response.text
    return response.json()


async def opened(served: Served, **body: Any) -> tuple[str, Held]:
    plain = await ok(await served.http.post("/v1/sessions", json=body))
    (held,) = [held for held in served.hub.sessions() if held.id == plain["id"]]
    return f"/v1/sessions/{plain['id']}", held


async def until(held: Held, what: str) -> None:
    """Wait until a second came to something."""
    async with asyncio.timeout(20):
        async for _ in held.subscribe(0):
            if any(second.what == what for second in held.kept.seconds):
                return


async def test_a_session_from_its_opening_to_its_end(served: Served) -> None:
    streams = {"ball": "synthetic:ball?live=1"}
    path, held = await opened(
        served, name="kitchen", instructions=["tell me when it boils"], streams=streams
    )
    await until(held, "speak")
    async for _ in held.subscribe(0):  # what is asked may be answered before a picture comes
        if "ball" in held.kept.health:
            break
    plain = await ok(await served.http.get(path))
    assert plain["name"] == "kitchen"
    assert plain["streams"][0]["state"] == "connected"
    assert plain["instructions"][0]["text"] == "tell me when it boils"
    assert "resume_token" not in plain
    listed = await ok(await served.http.get("/v1/sessions"))
    assert [one["id"] for one in listed["sessions"]] == [held.id]
    changed = await ok(await served.http.patch(path, json={"persona": "talkative", "paused": True}))
    assert (changed["persona"], changed["paused"]) == ("talkative", True)
    closed = await ok(await served.http.delete(path))
    assert not closed["is_open"]
    again = await served.http.post(f"{path}/words", json={"text": "hello"})
    assert again.status_code == 409
    events = await ok(await served.http.get(f"{path}/events"))  # readable after its end
    assert events["events"][0]["type"] == "opened"


async def test_pictures_words_and_why(served: Served) -> None:
    path, held = await opened(served)
    pushed = await served.http.post(f"{path}/frames?stream=door", content=jpeg())
    assert pushed.status_code == 202
    async for _ in held.subscribe(0):  # what is asked before it is decoded is answered without it
        if held.kept.newest_picture("door"):
            break
    await ok(await served.http.post(f"{path}/words", json={"text": "what is that?"}))
    await until(held, "speak")
    second = next(one for one in held.kept.seconds if one.what == "speak")
    why = await ok(await served.http.get(f"{path}/seconds/{second.tick}"))
    assert any("what is that?" in words for words in why["prompt"])
    assert why["decided"]["action"] == "speak"
    assert why["decided"]["speak_probability"] == 0.9
    assert why["decided"]["latency_ms"] >= 0
    timeline = await ok(await served.http.get(f"{path}/timeline"))
    assert second.tick in [one["tick"] for one in timeline["seconds"]]
    assert (await served.http.get(f"{path}/seconds/999999")).status_code == 404
    snapshot = await served.http.get(f"{path}/snapshot?stream=door")
    assert snapshot.content[:2] == b"\xff\xd8"
    picture = next(iter(held.kept.pictures))
    shown = await served.http.get(f"{path}/pictures/{picture}")
    assert shown.headers["content-type"] == "image/jpeg"
    label = {"label": "false_alarm", "note": "the cat"}
    await ok(await served.http.post(f"{path}/seconds/{second.tick}/label", json=label))
    folder = served.hub.limits.folder / "labels" / held.id
    assert '"false_alarm"' in (folder / "labels.jsonl").read_text()


async def test_instructions_are_added_edited_paused_and_taken_back(served: Served) -> None:
    path, _ = await opened(served)
    at = f"{path}/instructions"
    made = await ok(await served.http.post(at, json={"text": "count cars"}))
    paused = await ok(await served.http.patch(f"{at}/{made['id']}", json={"state": "paused"}))
    assert paused["state"] == "paused"
    edited = await ok(await served.http.patch(f"{at}/{made['id']}", json={"text": "count buses"}))
    assert (edited["text"], edited["state"]) == ("count buses", "standing")
    await ok(await served.http.delete(f"{at}/{made['id']}"))
    assert (await ok(await served.http.get(at)))["instructions"] == []
    assert (await served.http.delete(f"{at}/nobody")).status_code == 404


async def test_a_camera_is_added_under_the_allow_list_and_removed(served: Served) -> None:
    path, _ = await opened(served)
    at = f"{path}/streams"
    body = {"stream": "ball", "address": "synthetic:ball?live=1"}
    await ok(await served.http.post(at, json=body))
    assert (await served.http.post(at, json=body)).status_code == 400  # the name is taken
    inside = {"stream": "inside", "address": "http://127.0.0.1:1/x"}
    refused = await served.http.post(at, json=inside)
    assert refused.status_code == 400
    assert "server.cameras" in refused.json()["error"]["message"]
    await ok(await served.http.delete(f"{at}/ball"))
    assert (await ok(await served.http.get(at)))["streams"] == []


async def test_zones_are_drawn_and_kept(served: Served) -> None:
    path, held = await opened(served)
    zones = [{"name": "sofa", "points": [[0, 0], [1, 0], [1, 1]], "stream": None}]
    await ok(await served.http.put(f"{path}/zones", json={"zones": zones}))
    found = await ok(await served.http.get(f"{path}/zones"))
    assert found["zones"][0]["name"] == "sofa"
    assert held.zones.all[0].points[2] == (1, 1)


async def test_a_task_its_answer_and_its_artefacts(served: Served) -> None:
    path, held = await opened(served)
    await served.http.post(f"{path}/frames", content=jpeg())
    await ok(await served.http.post(f"{path}/words", json={"text": "delegate this"}))
    async with asyncio.timeout(20):
        async for _ in held.subscribe(0):
            if any(task.status == "done" for task in held.kept.tasks.values()):
                break
    (task,) = (await ok(await served.http.get(f"{path}/tasks")))["tasks"]
    assert task["question"] == "delegate this"
    assert task["status"] == "done"
    assert (await served.http.post(f"{path}/tasks/{task['id']}/cancel")).status_code == 404
    assert (await served.http.get(f"{path}/tasks/{task['id']}/artefacts/9")).status_code == 404


async def test_artefacts_are_inert(served: Served, tmp_path: Path) -> None:
    from dataclasses import replace

    from onlooker.core.event import ArtefactLink
    from onlooker.server.record import TaskRecord

    path, held = await opened(served)
    page = tmp_path / "page.html"
    page.write_text("<script>alert(1)</script>")
    link = ArtefactLink(kind="html", path=str(page), title="x", num_bytes=25)
    task = TaskRecord("task-1", "q", "n", 1.0)
    held.kept.tasks["task-1"] = replace(task, artefacts=(link,), status="done")
    response = await served.http.get(f"{path}/tasks/task-1/artefacts/0")
    assert response.headers["content-disposition"].startswith("attachment")
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in response.headers["content-security-policy"]
    shown = (await ok(await served.http.get(f"{path}/tasks/task-1")))["artefacts"]
    assert "path" not in shown[0]


async def test_memory_is_searched_and_forgets(served: Served) -> None:
    path, held = await opened(served)
    await served.http.post(f"{path}/frames", content=jpeg())
    await ok(await served.http.post(f"{path}/words", json={"text": "the red van is here"}))
    await until(held, "speak")
    await ok(await served.http.get(f"{path}/memory?q=van"))
    forgotten = await served.http.post(f"{path}/memory/forget", json={"topic": "van"})
    assert (await ok(forgotten))["num_entries"] >= 0
    nothing = await served.http.post(f"{path}/memory/forget", json={})
    assert nothing.status_code == 400
    assert (await served.http.get(f"{path}/memory/999999/picture")).status_code == 404


async def test_a_recording_is_listed_read_taken_along_and_deleted(
    served: Served, tmp_path: Path
) -> None:
    path, held = await opened(served, record=True)
    await served.http.post(f"{path}/frames", content=jpeg())
    await served.http.post(f"{path}/words", json={"text": "hello"})
    await until(held, "speak")
    assert held.recording is not None
    name = held.recording.name
    at = f"/v1/recordings/{name}"
    assert (await served.http.delete(at)).status_code == 404  # it is being written
    await served.http.delete(path)
    (listed,) = (await ok(await served.http.get("/v1/recordings")))["recordings"]
    assert listed["id"] == name
    assert listed["num_bytes"] > 0
    assert listed["num_seconds"] > 0
    events = (await ok(await served.http.get(at)))["events"]
    assert events[0]["type"] == "opened"
    shown = [event for event in events if event["type"] == "perceived"]
    pictures = [one for event in shown for one in event["percepts"][0]["pictures"]]
    if pictures:
        picture = await served.http.get(f"{at}/pictures/{pictures[0]['id']}")
        assert picture.content[:2] == b"\xff\xd8"
    export = await served.http.get(f"{at}/export")
    zipfile.ZipFile(io.BytesIO(export.content)).extractall(tmp_path / "out")
    assert len(list(read_recording(tmp_path / "out" / name))) == len(events)
    other = served.by(OTHER)
    assert (await served.http.get(at, headers=other)).status_code == 404
    assert (await ok(await served.http.get("/v1/recordings", headers=other)))["recordings"] == []
    await ok(await served.http.delete(at))
    assert (await served.http.get(at)).status_code == 404
    for wrong in ("%2e%2e", "%2e", "..%2flabels", "labels", "%00"):
        refused = await served.http.get(f"/v1/recordings/{wrong}", headers=served.by(ADMIN))
        assert refused.status_code in (400, 404), wrong


async def test_events_are_followed_and_taken_up_again(served: Served) -> None:
    path, held = await opened(served)
    await served.http.post(f"{path}/words", json={"text": "hello"})
    await until(held, "speak")
    ids: list[int] = []
    async with served.http.stream("GET", f"{path}/events/stream?after=0") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("id: "):
                ids.append(int(line[4:]))
            if len(ids) == 3:
                break
    assert ids == [1, 2, 3]
    headers = {"last-event-id": "3"}
    async with served.http.stream("GET", f"{path}/events/stream", headers=headers) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("id: "):
                assert line == "id: 4"
                break
    page = await ok(await served.http.get(f"{path}/events?after=1&limit=2"))
    assert [event["seq"] for event in page["events"]] == [2, 3]
    assert page["num_missed"] == 0


async def test_a_voice_is_chosen_from_those_that_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speech = SpeechParts(voice=ChoirVoice())
    monkeypatch.setattr("onlooker.server.lent.speech_of", lambda _: speech)
    async with serving(settings_of(tmp_path)) as served:
        offer = await ok(await served.http.get("/v1/voices"))
        assert [voice["id"] for voice in offer["voices"]] == ["alto", "bass"]
        assert (offer["voice"], offer["slowest"], offer["fastest"]) == ("alto", 0.5, 2.0)
        path, held = await opened(served)
        changed = await ok(await served.http.patch(path, json={"voice": "bass"}))
        assert changed["voice"] == held.voice == "bass"
        refused = await served.http.patch(path, json={"voice": "tenor"})
        assert refused.status_code == 400
        assert "alto, bass" in refused.json()["error"]["message"]


async def test_a_server_without_a_voice_offers_none(served: Served) -> None:
    assert await ok(await served.http.get("/v1/voices")) == {"voices": []}
    path, _ = await opened(served)
    refused = await served.http.patch(path, json={"speed": 1.2})
    assert refused.status_code == 400
    assert "--voice" in refused.json()["error"]["message"]


async def test_the_server_says_how_it_is(served: Served) -> None:
    path, held = await opened(served)
    await served.http.post(f"{path}/words", json={"text": "fail"})
    await until(held, "failed")
    assert (await ok(await served.http.get("/ready")))["ready"]
    status = await ok(await served.http.get("/v1/status"))
    assert status["num_sessions"] == 1
    metrics = (await served.http.get("/metrics")).text
    assert 'onlooker_sessions{kind="live"} 1.0' in metrics
    assert 'onlooker_failures_total{part="model"}' in metrics
    assert 'route="/v1/sessions/{session_id}/words"' in metrics
    assert held.id not in metrics
    listed = await served.http.get("/v1/settings", headers=served.by(ADMIN))
    keys = {setting["key"]: setting for setting in listed.json()["settings"]}
    assert keys["live.period_s"]["is_changed"]
    assert keys["live.period_s"]["help"]
    wrong = await served.http.post("/v1/sessions", json={"persona": "rude"})
    assert wrong.status_code == 400
    assert wrong.json()["error"]["param"] == "persona"


async def test_a_server_whose_model_is_down_is_not_ready(tmp_path: Path) -> None:
    model = "tests.server.models:Down"
    async with serving(settings_of(tmp_path, model)) as served:
        response = await served.http.get("/ready")
        assert response.status_code == 503
        assert "10.0.0.1" not in response.text  # for everybody
        assert "10.0.0.1" in (await served.http.get("/v1/status")).text  # for those with a token
