"""Routes for looking through images and results."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alframe.label_sources.web.server.config import MAX_LISTED
from alframe.label_sources.web.server.context import ServerContext, read_clamped_number
from alframe.label_sources.web.server.errors import ApiError


@dataclass(frozen=True)
class ListRoutes:
    """The routes of lists, single images and progress."""

    context: ServerContext

    def routes(self) -> list[Route]:
        return [
            Route("/api/images/{number:int}", self.image),
            Route("/api/review", self.review),
            Route("/api/review/filters", self.filters),
            Route("/api/pool", self.pool),
            Route("/api/pool/classes", self.pool_classes),
            Route("/api/similar", self.similar),
            Route("/api/progress", self.progress),
        ]

    async def image(self, request: Request) -> Response:
        context, name, number = self.context, self._person_name(request), request.path_params["number"]
        described = (
            context.describer.describe_images([number], name, context.last_published.round) if number < 2**62 else []
        )
        if not described:
            raise ApiError("no_such_image", f"There is no image {number} in this project. Load the page again.")
        lists, open_round = context.lists, context.last_published.round
        frames, history, predicted = await asyncio.to_thread(
            lambda: (
                lists.burst_frames(number, name, open_round),
                lists.answer_history(number, name),
                lists.visible_prediction(number, name),
            )
        )
        return JSONResponse(described[0] | {"frames": frames, "history": history, "predicted": predicted})

    async def review(self, request: Request) -> Response:
        return await self._reply_with_list(request, self.context.lists.list_answered)

    async def filters(self, request: Request) -> Response:
        return JSONResponse(
            await asyncio.to_thread(self.context.lists.review_filter_counts, self._person_name(request))
        )

    async def pool(self, request: Request) -> Response:
        """Reply with a page of the unlabelled images by predicted class and confidence."""
        return await self._reply_with_list(request, self.context.lists.list_unlabelled)

    async def pool_classes(self, request: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(self.context.lists.predicted_class_counts))

    async def similar(self, request: Request) -> Response:
        """Reply with the images most similar to an image, or to those of a class."""
        return await self._reply_with_list(request, self.context.lists.find_similar)

    async def progress(self, request: Request) -> Response:
        context, name = self.context, self._person_name(request)
        published, counts = context.last_published, context.classes.image_counts_by_class(name)
        batch, mine = context.batch_progress(), context.speed.count_and_pace_of(name, published.round)
        rates = [person["images_per_hour"] for person in context.describe_people() if person["online"]]
        rate = sum(filter(None, rates)) or mine["images_per_hour"]
        left = max(0, batch["needed"] - batch["answered"])
        live = {
            "labels": published.labels,
            "classes": [each | {"labels": counts[each["name"]]} for each in published.progress.get("classes", [])],
            "rounds": await asyncio.to_thread(context.lists.round_statistics),
            "images_per_hour": rate,
            "hours_left": left / rate if rate else None,
            "people": context.describe_people(),
            "report": context.report_address(),
        }
        return JSONResponse(published.progress | live)

    async def _reply_with_list(self, request: Request, find: Any) -> Response:
        query = dict(request.query_params)
        limit = read_clamped_number(query.get("limit"), "limit", 1, MAX_LISTED, 60)
        open_round = self.context.last_published.round
        return JSONResponse(await asyncio.to_thread(find, query, self._person_name(request), open_round, limit))

    def _person_name(self, request: Request) -> str:
        return self.context.session_of(request).name
