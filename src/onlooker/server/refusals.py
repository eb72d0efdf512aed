"""Errors as answers: one shape, the status that fits, and nothing of the inside."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from onlooker.core.errors import (
    BadRecording,
    MemoryFailed,
    ModelUnavailable,
    OnlookerError,
    UnknownInstruction,
    UnknownTask,
)
from onlooker.server.auth import Forbidden, Unauthorised
from onlooker.server.hub import TooManySessions, UnknownSession


class NotFound(OnlookerError):
    """What an address names is not there."""


class TooMany(OnlookerError):
    """More than the server takes at once; waiting helps."""


class Gone(OnlookerError):
    """The session ended while it was asked."""


STATUS: Mapping[type[OnlookerError], HTTPStatus] = {
    Unauthorised: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    UnknownSession: HTTPStatus.NOT_FOUND,
    UnknownInstruction: HTTPStatus.NOT_FOUND,
    UnknownTask: HTTPStatus.NOT_FOUND,
    NotFound: HTTPStatus.NOT_FOUND,
    BadRecording: HTTPStatus.NOT_FOUND,
    Gone: HTTPStatus.CONFLICT,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    TooManySessions: HTTPStatus.SERVICE_UNAVAILABLE,
    MemoryFailed: HTTPStatus.SERVICE_UNAVAILABLE,
    ModelUnavailable: HTTPStatus.GATEWAY_TIMEOUT,
}
_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}


def body_of(status: int, message: str, param: str | None = None) -> dict[str, Any]:
    """Write an error as OpenAI's clients read it."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    kind = _TYPES.get(HTTPStatus(status), kind)
    return {"error": {"message": message, "type": kind, "param": param, "code": None}}


def status_of(error: OnlookerError) -> HTTPStatus:
    """Say which status an error of ours is; most are the client's to mend."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return HTTPStatus.BAD_REQUEST


def answer(status: int, message: str, param: str | None = None) -> JSONResponse:
    """Refuse in the one shape."""
    headers = {}
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers["Retry-After"] = "1"
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body_of(status, message, param), status, headers)


def install(app: FastAPI) -> None:
    """Let every error of ours, and every wrong request, be answered in the one shape."""

    @app.exception_handler(OnlookerError)
    async def ours(_request: Request, error: OnlookerError) -> JSONResponse:
        return answer(status_of(error), str(error))

    @app.exception_handler(RequestValidationError)
    async def wrong(_request: Request, error: RequestValidationError) -> JSONResponse:
        (first, *_) = error.errors()
        where = ".".join(map(str, first["loc"][1:])) or str(first["loc"][0])
        return answer(HTTPStatus.BAD_REQUEST, f"{where}: {first['msg']}", where)

    @app.exception_handler(HTTPException)
    async def theirs(_request: Request, error: HTTPException) -> JSONResponse:
        response = answer(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    async def bug(_request: Request, _error: Exception) -> JSONResponse:
        # The traceback goes to the log, and nowhere else.
        return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "a bug of ours: see the server's log")
