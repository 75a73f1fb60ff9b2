"""The application: all routes, behind the `RequestGuard`."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from alframe.label_sources.web.server.context import ServerContext, api_error_for
from alframe.label_sources.web.server.errors import ApiError
from alframe.label_sources.web.server.list_routes import ListRoutes
from alframe.label_sources.web.server.routes import PeopleRoutes, WorkRoutes
from alframe.label_sources.web.server.security import RequestGuard

log = logging.getLogger(__name__)
STATIC = Path(__file__).parents[1] / "static"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".png": "image/png",
}
_FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}  # their addresses change with the files
_REPORT_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"}


def make_app(context: ServerContext) -> ASGIApp:
    pages = PageRoutes(context)
    routes = [
        *pages.routes(),
        *PeopleRoutes(context).routes(),
        *WorkRoutes(context).routes(),
        *ListRoutes(context).routes(),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={ApiError: _reply_error, HTTPException: _reply_http_error, Exception: _reply_failure},
    )
    return RequestGuard(app, context.config, context.port, context.sessions.find_digest)


async def _reply_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.to_response()


async def _reply_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = "not_allowed" if error.status_code == 405 else "not_found"
    return ApiError(code, "There is nothing at this address.").to_response()


async def _reply_failure(request: Request, error: Exception) -> Response:
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    return api_error_for(error).to_response()


@dataclass(frozen=True)
class PageRoutes:
    """The routes of the HTML page, its files, the pictures, the state and its events."""

    context: ServerContext

    def routes(self) -> list[Route]:
        return [
            Route("/", self.index_page),
            Route("/static/{name}", self.static_file),
            Route("/images/{number:int}/thumbnail", self.thumbnail),
            Route("/images/{number:int}/large", self.large_image),
            Route("/report", self.report),
            Route("/api/state", self.state),
            Route("/api/events", self.events),
        ]

    async def index_page(self, request: Request) -> Response:
        return _static_file("index.html")

    async def static_file(self, request: Request) -> Response:
        return _static_file(request.path_params["name"])

    async def thumbnail(self, request: Request) -> Response:
        jpeg = await self.context.pictures.thumbnail_jpeg(_image_number(request))
        return Response(jpeg, media_type="image/jpeg", headers=_FOR_EVER)

    async def large_image(self, request: Request) -> Response:
        jpeg = await self.context.pictures.large_jpeg(_image_number(request))
        return Response(jpeg, media_type="image/jpeg", headers=_FOR_EVER)

    async def report(self, request: Request) -> Response:
        if self.context.report_address() is None:
            raise ApiError("not_found", "There is no report yet. It is written when the first batch is requested.")
        return FileResponse(self.context.config.report_path, media_type="text/html", headers=_REPORT_POLICY)

    async def state(self, request: Request) -> Response:
        return JSONResponse(self.context.session_state(self.context.session_of(request).digest))

    async def events(self, request: Request) -> Response:
        context, session = self.context, self.context.session_of(request).digest

        async def stream() -> AsyncIterator[str]:
            context.leases.renew_images(session, context.leases.held_by(session))
            try:
                async with aclosing(context.events.stream(session, context.session_state(session))) as events:
                    async for text in events:
                        yield text
            finally:
                if session not in context.events.online_sessions():
                    context.leases.shorten(session)

        return StreamingResponse(stream(), media_type="text/event-stream")


def _image_number(request: Request) -> int:
    """Return the number in the address. A number that is too large for SQLite belongs to no image."""
    return min(int(request.path_params["number"]), 2**62)


def _static_file(name: str) -> Response:
    file = STATIC / name
    if not re.fullmatch(r"[a-z0-9_-][a-z0-9_.-]*", name) or file.suffix not in _TYPES or not file.is_file():
        raise ApiError("not_found", f"The page has no file {name!r}.")
    return FileResponse(file, headers={"Content-Type": _TYPES[file.suffix]})
