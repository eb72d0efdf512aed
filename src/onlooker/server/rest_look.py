"""REST: looking back at a session, and what a person makes of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response

from onlooker.core.errors import BadSettings
from onlooker.core.memory import KINDS, EntryKind, Evidence, Question, Target
from onlooker.core.ports import MemorySession
from onlooker.server.guard import visitor_of
from onlooker.server.held import Held
from onlooker.server.hub import Hub
from onlooker.server.record import TaskRecord
from onlooker.server.refusals import NotFound
from onlooker.server.rest_sessions import held_of
from onlooker.server.rest_shapes import (
    Deliver,
    Forget,
    GiveLabel,
    Name,
    Number,
    PathName,
    SessionId,
    SetZones,
    Tick,
    vars_of,
)
from onlooker.server.why import why

JPEG = {"Cache-Control": "private, max-age=3600"}
# Nothing in it runs, wherever it is opened: no script, no form, no request, no origin.
INERT = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


def look_router(hub: Hub) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/v1/sessions/{session_id}", tags=["looking back"])

    _seconds(router, hub)
    _pictures(router, hub)
    _zones(router, hub)
    _tasks(router, hub)
    _memory(router, hub)
    return router


def _seconds(router: APIRouter, hub: Hub) -> None:
    @router.get("/timeline", summary="Every second in short")
    async def timeline(
        request: Request, session_id: SessionId, since: Annotated[int, Query(ge=0, le=2**53)] = 0
    ) -> dict[str, Any]:
        held = held_of(hub, request, session_id, to_change=False)
        return {
            "seconds": [vars_of(second) for second in held.kept.seconds if second.tick >= since]
        }

    @router.get("/seconds/{tick}", summary="Why it spoke, or did not")
    async def second(request: Request, session_id: SessionId, tick: Tick) -> dict[str, Any]:
        held = held_of(hub, request, session_id, to_change=False)
        found = why((logged.event for logged in held.log.since()), tick)
        if found is None:
            raise NotFound(f"nothing is known of second {tick} any more, or yet")
        return found

    @router.post("/seconds/{tick}/label", summary="Useful, a false alarm, or missed")
    async def label(
        request: Request, session_id: SessionId, tick: Tick, body: GiveLabel
    ) -> dict[str, Any]:
        visitor_of(request.state).must("operator")
        held = held_of(hub, request, session_id, to_change=False)  # also after its end
        await hub.label(held, tick, body.label, body.note)
        return {"tick": tick, "label": body.label}

    @router.get("/alerts", summary="What was said unasked, and blind cameras")
    async def alerts(request: Request, session_id: SessionId) -> dict[str, Any]:
        held = held_of(hub, request, session_id, to_change=False)
        return {"alerts": [vars_of(alert) for alert in held.kept.alerts]}


def _pictures(router: APIRouter, hub: Hub) -> None:
    @router.get(
        "/pictures/{picture_id}", summary="A picture of the newest", response_class=Response
    )
    async def picture(request: Request, session_id: SessionId, picture_id: PathName) -> Response:
        held = held_of(hub, request, session_id, to_change=False)
        found = held.kept.pictures.get(picture_id)
        if found is None:
            raise NotFound("that picture is not kept any more: a recording holds them all")
        return Response(found.jpeg, media_type="image/jpeg", headers=JPEG)

    @router.get("/snapshot", summary="The newest picture of a stream", response_class=Response)
    async def snapshot(
        request: Request, session_id: SessionId, stream: Name | None = None
    ) -> Response:
        found = held_of(hub, request, session_id, to_change=False).kept.newest_picture(stream)
        if found is None:
            raise NotFound("no picture has come yet")
        return Response(found.jpeg, media_type="image/jpeg")


def _zones(router: APIRouter, hub: Hub) -> None:
    @router.get("/zones", summary="The zones drawn into the picture")
    async def zones(request: Request, session_id: SessionId) -> dict[str, Any]:
        held = held_of(hub, request, session_id, to_change=False)
        return {"zones": [zone.model_dump() for zone in held.zones.all]}

    @router.put("/zones", summary="Draw zones; they act from the next second on")
    async def set_zones(request: Request, session_id: SessionId, body: SetZones) -> dict[str, Any]:
        held = held_of(hub, request, session_id)
        held.zones.all = body.zones
        return {"zones": [zone.model_dump() for zone in body.zones]}


def _tasks(router: APIRouter, hub: Hub) -> None:
    @router.get("/tasks", summary="What the brain was asked, and what came of it")
    async def tasks(request: Request, session_id: SessionId) -> dict[str, Any]:
        held = held_of(hub, request, session_id, to_change=False)
        return {"tasks": [_task_json(task) for task in held.kept.tasks.values()]}

    @router.get("/tasks/{task_id}", summary="One task")
    async def task(request: Request, session_id: SessionId, task_id: PathName) -> dict[str, Any]:
        held = held_of(hub, request, session_id, to_change=False)
        return _task_json(_task(held, task_id))

    @router.post("/tasks/{task_id}/cancel", summary="Withdraw a question")
    async def cancel(request: Request, session_id: SessionId, task_id: PathName) -> dict[str, Any]:
        held_of(hub, request, session_id).cancel_task(task_id)
        return {"cancelled": task_id}

    @router.post("/tasks/{task_id}/delivery", summary="How its answer is to be told")
    async def deliver(
        request: Request, session_id: SessionId, task_id: PathName, body: Deliver
    ) -> dict[str, Any]:
        held_of(hub, request, session_id).deliver_task(task_id, body.delivery)
        return {"task_id": task_id, "delivery": body.delivery}

    @router.get(
        "/tasks/{task_id}/artefacts/{index}",
        summary="What a brain made: a download that runs nothing",
        response_class=FileResponse,
    )
    async def artefact(
        request: Request, session_id: SessionId, task_id: PathName, index: Number
    ) -> FileResponse:
        held = held_of(hub, request, session_id, to_change=False)
        links = _task(held, task_id).artefacts
        if index >= len(links):
            raise NotFound(f"{task_id} has {len(links)} artefacts: there is no number {index}")
        path = Path(links[index].path)  # ours: no client names a path
        if not await asyncio.to_thread(path.is_file):
            raise NotFound("the artefact has made room for newer ones")
        return FileResponse(
            path,
            media_type="application/octet-stream",
            filename=path.name,
            headers={"Content-Security-Policy": INERT},
        )


def _memory(router: APIRouter, hub: Hub) -> None:
    @router.get("/memory", summary="Search what is remembered; without words, the newest")
    async def search(
        request: Request,
        session_id: SessionId,
        q: Annotated[str, Query(max_length=400)] = "",
        stream: Name | None = None,
        kind: EntryKind | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 20,
    ) -> dict[str, Any]:
        memory = _memory_of(held_of(hub, request, session_id, to_change=False))
        kinds = (kind,) if kind in KINDS else ()
        found = await memory.recall(Question(q, stream, None, None, kinds, limit))
        return {"found": [_evidence_json(evidence) for evidence in found]}

    @router.get("/memory/{entry}/picture", summary="Its key frame", response_class=Response)
    async def picture(request: Request, session_id: SessionId, entry: Number) -> Response:
        memory = _memory_of(held_of(hub, request, session_id, to_change=False))
        jpeg = await memory.picture(entry)
        if jpeg is None:
            raise NotFound(f"entry {entry} has no key frame, or is forgotten")
        return Response(jpeg, media_type="image/jpeg", headers=JPEG)

    @router.post("/memory/forget", summary="Forget a span of time, a stream or a topic")
    async def forget(request: Request, session_id: SessionId, body: Forget) -> dict[str, Any]:
        memory = _memory_of(held_of(hub, request, session_id))
        target = Target(body.since_s, body.until_s, body.stream, body.topic)
        return vars_of(await memory.forget(target))


def _memory_of(held: Held) -> MemorySession:
    memory = held.session.memory if held.is_open else None
    if memory is None:
        raise BadSettings("this session remembers nothing: choose a memory with memory.use")
    return memory


def _evidence_json(evidence: Evidence) -> dict[str, Any]:
    plain = vars_of(evidence)
    return {**plain, "has_picture": bool(plain.pop("picture"))}


def _task(held: Held, task_id: str) -> TaskRecord:
    if task_id not in held.kept.tasks:
        raise NotFound(f"no task {task_id!r} is known in this session")
    return held.kept.tasks[task_id]


def _task_json(task: TaskRecord) -> dict[str, Any]:
    made = [
        {"index": index, "kind": link.kind, "title": link.title, "num_bytes": link.num_bytes}
        for index, link in enumerate(task.artefacts)
    ]
    return {**vars_of(task), "artefacts": made}
