"""REST: the server itself, its settings, and how it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from onlooker.config import Settings
from onlooker.core.voices import offer_of
from onlooker.plugins.source.address import shown
from onlooker.server.guard import visitor_of
from onlooker.server.hub import Hub
from onlooker.server.metrics import CONTENT_TYPE, Metrics
from onlooker.server.probe import Probe
from onlooker.server.rest_shapes import vars_of


def server_router(hub: Hub, metrics: Metrics) -> APIRouter:
    """Make the routes."""
    router, probe = APIRouter(tags=["server"]), Probe(hub)

    @router.get("/health", summary="Whether the process answers")
    async def health() -> dict[str, Any]:
        return {"ok": True, "version": version("onlooker"), "model": hub.model_name}

    @router.get("/ready", summary="Whether the model decides; asked at most every ten seconds")
    async def ready() -> JSONResponse:
        if hub.is_draining:
            return JSONResponse({"ready": False, "why": "the server is stopping"}, 503)
        why = await probe.trouble()
        # What a model's server writes in its errors is for those with a token alone.
        shown_why = "the model does not decide: see /v1/status" if why else ""
        return JSONResponse({"ready": not why, "why": shown_why}, 503 if why else 200)

    @router.get("/v1/status", summary="How the server is, with reasons")
    async def status() -> dict[str, Any]:
        why = await probe.trouble()
        return {
            "ready": not why,
            "why": why,
            "num_sessions": len(hub.sessions()),
            "max_sessions": hub.limits.max_sessions,
            "counts": dict(hub.counts),
        }

    @router.get("/metrics", summary="For Prometheus", response_class=Response)
    async def metrics_text() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @router.get("/v1/settings", summary="Every setting with its meaning; none is a secret")
    async def settings(request: Request) -> dict[str, Any]:
        visitor_of(request.state).must("admin")
        return {"settings": settings_list(hub.settings)}

    @router.get("/v1/whoami", summary="Your role")
    async def whoami(request: Request) -> dict[str, Any]:
        return vars_of(visitor_of(request.state))

    @router.get("/v1/alerts", summary="Alerts of all sessions, the newest first")
    async def alerts(request: Request) -> dict[str, Any]:
        found = [
            {"session": held.id, **vars_of(alert)}
            for held in hub.sessions(visitor_of(request.state))
            for alert in held.kept.alerts
        ]
        return {"alerts": found[::-1]}

    _voices(router, hub)
    return router


def _voices(router: APIRouter, hub: Hub) -> None:
    @router.get("/v1/voices", summary="How it can sound; no voices: nothing here speaks")
    async def voices() -> dict[str, Any]:
        if hub.voice is None:
            return {"voices": []}
        offer = await asyncio.to_thread(offer_of, hub.voice)
        return {**vars_of(offer), "voices": [vars_of(voice) for voice in offer.voices]}


def settings_list(settings: Settings) -> list[dict[str, Any]]:
    """List every setting, with what it means and whether it was changed.

    Secrets are no settings: they come from the environment. Of addresses, users and passwords
    that somebody wrote into them are left out.
    """
    defaults = dict(_flat(to_jsonable_python(Settings())))
    helps: dict[str, str] = {}
    for section in type(settings).model_fields:
        schema = TypeAdapter(type(getattr(settings, section))).json_schema()
        for key, about in schema.get("properties", {}).items():
            helps[f"{section}.{key}"] = about.get("description", "")
    return [
        {
            "key": key,
            "value": shown(value) if isinstance(value, str) else value,
            "help": helps.get(key, ""),
            "is_changed": defaults.get(key) != value,
        }
        for key, value in _flat(to_jsonable_python(settings))
    ]


def _flat(tree: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            found += _flat(value, f"{above}{key}.")
        else:
            found.append((f"{above}{key}", value))
    return found
