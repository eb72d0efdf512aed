import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from onlooker.core.decision import Silent, Speak
from onlooker.core.errors import BadRecording
from onlooker.core.event import Closed, Decided, Event, Observed, Opened, Perceived
from onlooker.core.percept import Picture, Pictures
from onlooker.core.recording import EVENTS_FILE, PICTURES_FILE, RecordingWriter
from onlooker.server.recordings import Recordings, write_about
from onlooker.testing.serving import jpeg
from tests.server.over_http import ADMIN, OTHER, VIEWER, Served, serving, settings_of

NAME = "20261122-101500-abc"
NUM_SECONDS = 1200
SPOKEN = 700


def picture_of(second: int) -> Picture:
    return Picture("camera", second + 0.5, 16, 16, jpeg(second % 256))


def recorded(num_seconds: int = NUM_SECONDS) -> list[Event]:
    """Make the events of a session that spoke once."""
    events: list[Event] = [
        Opened(time_s=0, session="abc", streams=("camera",), model="test", settings={})
    ]
    for second in range(num_seconds):
        now: dict[str, Any] = {"tick": second, "time_s": second + 1.0}
        decision = Speak("It boils over.") if second == SPOKEN else Silent()
        events += [
            Observed(**now, start_s=float(second), end_s=second + 1.0),
            Perceived(**now, percepts=(Pictures((picture_of(second),)),)),
            Decided(**now, decision=decision, latency_ms=5.0),
        ]
    closed = Closed(
        time_s=float(num_seconds),
        reason="the end",
        num_decided=num_seconds,
        num_skipped=0,
        num_failed=0,
    )
    return [*events, closed]


def write(folder: Path, events: Sequence[Event], owner: str = "operator-1") -> Path:
    path = folder / "recordings" / NAME
    write_about(path, "abc", owner, "")
    writer = RecordingWriter(path, max_bytes=2**30)
    for event in events:
        writer.write(event)
    writer.close()
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("kept"), recorded())


@pytest.mark.parametrize("since_s", [0.0, 1.0, 299.5, 700.0, 1199.0, 1200.0, 5000.0])
def test_a_part_of_a_recording_is_what_filtering_the_whole_gives(
    whole: Path, since_s: float
) -> None:
    recordings = Recordings(whole.parent)
    everything = recordings.events(whole)
    assert len(everything) == 3 * NUM_SECONDS + 2
    part = recordings.events(whole, since_s, since_s + 60)
    assert part == [event for event in everything if since_s <= event["time_s"] < since_s + 60]


def test_a_part_is_found_without_reading_what_is_before_it(tmp_path: Path) -> None:
    path = write(tmp_path, recorded())
    events = path / EVENTS_FILE
    data = events.read_bytes()
    events.write_bytes(data[:5000] + b"#" * 5000 + data[10_000:])
    recordings = Recordings(path.parent)
    with pytest.raises(BadRecording, match="is broken"):
        recordings.events(path)
    assert [event["tick"] for event in recordings.events(path, 701, 702)] == [SPOKEN] * 3


def test_every_picture_is_found_by_its_id_and_by_its_place(whole: Path) -> None:
    recordings = Recordings(whole.parent)
    (shown,) = [one for one in recordings.events(whole, 701, 702) if one["type"] == "perceived"]
    ((picture_id, (offset, size)),) = shown["places"].items()
    expected = picture_of(SPOKEN).jpeg
    assert recordings.picture(whole, picture_id) == expected
    assert (whole / PICTURES_FILE).read_bytes()[offset : offset + size] == expected
    assert recordings.picture(whole, "nothing") is None


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    write(tmp_path, recorded(40))
    async with serving(settings_of(tmp_path)) as running:
        yield running


async def test_a_picture_is_read_by_its_range_alone(served: Served) -> None:
    headers = served.by(ADMIN)
    at = f"/v1/recordings/{NAME}"
    part = await served.http.get(at, params={"since_s": 8, "until_s": 9}, headers=headers)
    (places,) = [event["places"] for event in part.json()["events"] if "places" in event]
    ((offset, size),) = places.values()
    ranged = await served.http.get(
        f"{at}/files/{PICTURES_FILE}",
        headers={**headers, "Range": f"bytes={offset}-{offset + size - 1}"},
    )
    assert ranged.status_code == 206
    assert ranged.content == picture_of(7).jpeg
    for file in ("about.json", "labels.jsonl", "nothing.opus", "a..opus"):
        refused = await served.http.get(f"{at}/files/{file}", headers=headers)
        assert refused.status_code == 404, file
    stranger = await served.http.get(f"{at}/files/{PICTURES_FILE}", headers=served.by(OTHER))
    assert stranger.status_code == 404


async def replayed(served: Served, **body: Any) -> list[dict[str, Any]]:
    path = f"/v1/recordings/{NAME}/replay"
    answer = await served.http.post(path, json=body, headers=served.by(ADMIN))
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_recording_is_decided_on_again_second_by_second(served: Served) -> None:
    *seconds, report = await replayed(served, model="silent")
    assert [second["tick"] for second in seconds] == list(range(40))
    assert {second["action"] for second in seconds} == {"silent"}
    assert report["type"] == "replayed"
    assert (report["num_ticks"], report["num_same_decision"]) == (40, 40)
    assert report["is_complete"]


async def test_a_model_that_cannot_read_a_recording_says_so(served: Served) -> None:
    (only,) = await replayed(served, model="rules")
    assert only["type"] == "error"
    assert "the recording holds pictures" in only["message"]
    known = (await served.http.get("/v1/recordings")).json()["models"]
    assert "rules" in known


async def test_replays_are_for_operators_and_models_that_are_installed(served: Served) -> None:
    path = f"/v1/recordings/{NAME}/replay"
    viewer = await served.http.post(path, json={"model": None}, headers=served.by(VIEWER))
    assert viewer.status_code == 403
    for model in ("no-such-model", "os:system"):
        refused = await served.http.post(path, json={"model": model}, headers=served.by(ADMIN))
        assert refused.status_code == 400, model


async def test_who_leaves_ends_the_replay_and_the_next_may_begin(served: Served) -> None:
    async with served.http.stream(
        "POST",
        f"/v1/recordings/{NAME}/replay",
        json={"model": "silent"},
        headers=served.by(ADMIN),
    ) as stream:
        async for _ in stream.aiter_lines():
            break
    for _ in range(200):
        answer = await served.http.post(
            f"/v1/recordings/{NAME}/replay", json={"model": None}, headers=served.by(ADMIN)
        )
        if answer.status_code == 200:
            break
        assert answer.status_code == 429
    assert json.loads(answer.text.splitlines()[-1])["type"] == "replayed"
