"""REST: recordings, played, replayed with another model, taken along and deleted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from onlooker.plugins.loader import installed
from onlooker.server.guard import visitor_of
from onlooker.server.hub import Hub
from onlooker.server.recordings import MAX_LISTED_EVENTS, Recordings
from onlooker.server.refusals import NotFound, TooMany
from onlooker.server.replays import Replays
from onlooker.server.rest_shapes import PathName

MAX_SPAN_S = 1e9
Seconds = Annotated[float, Query(ge=0, le=MAX_SPAN_S, allow_inf_nan=False)]


class ReplayWith(BaseModel, frozen=True, extra="forbid"):
    """Which model decides anew."""

    model: Annotated[str, Field(pattern=r"^[\w\-]+$", max_length=64)] | None = Field(
        default=None, description="a plug-in's name; none: as it was decided, which proves it whole"
    )


def recordings_router(hub: Hub) -> APIRouter:
    """Make the routes."""
    router = APIRouter(prefix="/v1/recordings", tags=["recordings"])
    recordings = Recordings(hub.recordings_folder)
    _reading(router, recordings, hub)
    _replaying(router, recordings, Replays(hub.settings))
    return router


async def _find(recordings: Recordings, request: Request, name: str) -> Path:
    return await asyncio.to_thread(recordings.find, name, visitor_of(request.state))


def _reading(router: APIRouter, recordings: Recordings, hub: Hub) -> None:
    @router.get("", summary="Recordings, the newest first")
    async def listed(request: Request) -> dict[str, Any]:
        found = await asyncio.to_thread(recordings.all, visitor_of(request.state))
        return {
            "recordings": found,
            "models": sorted(installed("model").names),
        }

    @router.get("/{name}", summary="The events of a recording, or of a part of it")
    async def events(
        request: Request, name: PathName, since_s: Seconds = 0, until_s: Seconds = MAX_SPAN_S
    ) -> dict[str, Any]:
        path = await _find(recordings, request, name)
        found = await asyncio.to_thread(recordings.events, path, since_s, until_s)
        return {"id": name, "events": found, "is_cut": len(found) >= MAX_LISTED_EVENTS}

    @router.get(
        "/{name}/pictures/{picture_id}",
        summary="A picture of a recording",
        response_class=Response,
    )
    async def picture(request: Request, name: PathName, picture_id: PathName) -> Response:
        path = await _find(recordings, request, name)
        jpeg = await asyncio.to_thread(recordings.picture, path, picture_id)
        if jpeg is None:
            raise NotFound(f"the recording holds no picture {picture_id!r}")
        return Response(jpeg, media_type="image/jpeg")

    @router.get(
        "/{name}/files/{file}",
        summary="A file of a recording, or a part of it by Range: pictures, sound, events",
        response_class=FileResponse,
    )
    async def file(request: Request, name: PathName, file: PathName) -> FileResponse:
        path = await _find(recordings, request, name)
        found = await asyncio.to_thread(recordings.file, path, file)
        if found is None:
            raise NotFound(f"the recording holds no file {file!r}")
        return FileResponse(found[0], media_type=found[1])

    @router.get(
        "/{name}/export",
        summary="A recording as a ZIP, for `onlooker replay`",
        response_class=StreamingResponse,
    )
    async def export(request: Request, name: PathName) -> StreamingResponse:
        path = await _find(recordings, request, name)
        disposition = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
        return StreamingResponse(recordings.export(path), 200, disposition, "application/zip")

    @router.delete("/{name}", summary="Delete a recording for good")
    async def delete(request: Request, name: PathName) -> dict[str, Any]:
        visitor_of(request.state).must("operator")
        path = await _find(recordings, request, name)
        if any(held.recording == path for held in hub.sessions()):
            raise NotFound(f"{name} is being written: end its session first")
        await asyncio.to_thread(recordings.delete, path)
        return {"deleted": name}


def _replaying(router: APIRouter, recordings: Recordings, replays: Replays) -> None:
    @router.post(
        "/{name}/replay",
        summary="Decide on a recording again: a line of JSON a second, and a report at the end",
        response_class=StreamingResponse,
    )
    async def replay(request: Request, name: PathName, body: ReplayWith) -> StreamingResponse:
        visitor_of(request.state).must("operator")
        path = await _find(recordings, request, name)
        if replays.is_busy:
            raise TooMany("a recording is being replayed already: wait until it is done")
        model = await asyncio.to_thread(replays.model_called, body.model)
        return StreamingResponse(replays.lines(path, model), 200, media_type="application/x-ndjson")
