"""The routes of people, work, answers and classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alframe.label_sources.web.journal import Journal
from alframe.label_sources.web.server.addresses import page_addresses
from alframe.label_sources.web.server.answering import (
    list_actions,
    read_action_id,
    undo_action,
    write_answers_and_confirm_classes,
)
from alframe.label_sources.web.server.config import MAX_LISTED
from alframe.label_sources.web.server.context import (
    ServerContext,
    read_clamped_number,
    read_image_numbers,
    read_json_object,
    read_name,
)
from alframe.label_sources.web.server.errors import ApiError
from alframe.label_sources.web.server.security import BrowserSession, read_cookie

_MONTH = 30 * 24 * 3600  # seconds for which a browser stays let in


@dataclass(frozen=True)
class PeopleRoutes:
    """The routes of people: their access, links and names."""

    context: ServerContext

    def routes(self) -> list[Route]:
        return [
            Route("/api/session", self.handle_session, methods=["GET", "POST", "PUT", "DELETE"]),
            Route("/api/invitations", self.create_invitation, methods=["POST"]),
        ]

    async def handle_session(self, request: Request) -> Response:
        """Let a browser in by a token, return its session, rename it, or remove it."""
        context = self.context
        if request.method == "POST":
            token = (await read_json_object(request)).get("token")
            if not isinstance(token, str) or not context.tokens.redeem(token):
                raise ApiError(
                    "bad_token",
                    "This link was used before, or belongs to another project. Get a new link: from 'Invite' on a "
                    "page that has access, or stop alframe with Ctrl-C and run the same command again.",
                )
            secret = await context.sessions.admit_browser()
            known = context.sessions.find_digest(secret)
            reply = JSONResponse(self._describe_session(context.sessions.get(str(known)), first=True))
            reply.set_cookie(context.config.cookie_name, secret, max_age=_MONTH, httponly=True, samesite="strict")
            return reply
        known = context.sessions.find_digest(read_cookie(request.headers, context.config.cookie_name))
        if known is None:
            raise ApiError("no_session", "This browser has no access yet. Open the link that alframe has printed.")
        if request.method == "PUT":
            name = read_name(await read_json_object(request))
            reply = JSONResponse(self._describe_session(await context.sessions.rename(known, name)))
            context.send_state()
            return reply
        if request.method == "DELETE":
            context.leases.give_back(known)
            context.work.forget_skipped(known)
            context.events.end_streams(session=known)
            await context.sessions.forget(known)
            gone = Response(status_code=204)
            gone.delete_cookie(context.config.cookie_name, httponly=True, samesite="strict")
            return gone
        return JSONResponse(self._describe_session(context.sessions.get(known)))

    async def create_invitation(self, request: Request) -> Response:
        """Reply with one-time links for another browser on this machine and, with `lan`, on another machine."""
        context = self.context
        return JSONResponse({"urls": page_addresses(context.port, context.tokens, context.config.source.lan)}, 201)

    def _describe_session(self, session: BrowserSession, first: bool = False) -> dict[str, Any]:
        config = self.context.config
        about = {
            "project": config.project,
            "project_id": self.context.project_id,
            "folder_id": config.folder_id,
            "lan": config.source.lan,
            "first_visit": first,
        }
        return {"name": session.name, "named": session.is_named_by_person, **about}


@dataclass(frozen=True)
class WorkRoutes:
    """The routes of the batch: the images of a person, and the answers."""

    context: ServerContext

    def routes(self) -> list[Route]:
        return [
            Route("/api/leases", self.lease_images, methods=["POST"]),
            Route("/api/leases/renew", self.renew_leases, methods=["POST"]),
            Route("/api/leases/return", self.return_leases, methods=["POST"]),
            Route("/api/skip", self.postpone_images, methods=["POST"]),
            Route("/api/answers", self.save_answers, methods=["POST"]),
            Route("/api/undo", self.undo_answers, methods=["POST"]),
            Route("/api/actions", self.own_actions, methods=["GET"]),
            Route("/api/classes", self.list_or_add_class, methods=["GET", "POST"]),
            Route("/api/classes/remove", self.remove_class, methods=["POST"]),
            Route("/api/classes/keys", self.set_own_key, methods=["PUT"]),
        ]

    def _describe_images(self, images: Sequence[int], session: BrowserSession) -> list[dict[str, Any]]:
        return self.context.describer.describe_images(images, session.name, self.context.last_published.round)

    async def lease_images(self, request: Request) -> Response:
        context, session, content = self.context, self.context.session_of(request), await read_json_object(request)
        size = read_clamped_number(content.get("size"), "size", 1, MAX_LISTED, context.config.source.page)
        images = context.work.lease_next_images(
            session.digest, session.name, context.last_published.round, size, bool(content.get("more"))
        )
        if not images and not content.get("more"):
            owner, images = context.work.take_over(session.digest, context.last_published.round, size)
            if images:
                context.events.send_event("taken", {"images": images}, to=owner)
                self._store_leases(owner)
        batch = context.batch_progress()
        others = batch["leased"] - context.leases.counts_by_session()[session.digest]
        reply = {
            "images": self._describe_images(images, session),
            "lease_seconds": context.config.source.lease,
            "left": max(0, batch["asked"] - batch["answered"] - others),
            "taken_by_others": others,
        }
        context.state_has_changed = True
        self._store_leases(session.digest)
        return JSONResponse(reply)

    async def renew_leases(self, request: Request) -> Response:
        """Let the session keep its images longer, or give them back to it if nobody took them meanwhile."""
        images, session = read_image_numbers(await read_json_object(request)), self.context.session_of(request)
        renewed = self.context.leases.renew_images(session.digest, images)
        return JSONResponse({"renewed": renewed, "lost": [image for image in images if image not in set(renewed)]})

    async def return_leases(self, request: Request) -> Response:
        """Release images of the session for others, unless the session has another page with the same images."""
        content, session = await read_json_object(request), self.context.session_of(request)
        if self.context.events.count_pages(session.digest) > 1:
            return Response(status_code=204)
        self.context.leases.give_back(session.digest, read_image_numbers(content) if "images" in content else None)
        self._store_leases(session.digest)
        self.context.state_has_changed = True
        return Response(status_code=204)

    async def postpone_images(self, request: Request) -> Response:
        """Put images at the end of the session's queue."""
        session = self.context.session_of(request)
        self.context.work.postpone(session.digest, read_image_numbers(await read_json_object(request)))
        self._store_leases(session.digest)
        return Response(status_code=204)

    def _store_leases(self, session: str) -> None:
        held = self.context.leases.held_by(session)
        self.context.writer.write_later(lambda journal: journal.store_leases(session, held))

    async def save_answers(self, request: Request) -> Response:
        """Write answers. The reply is sent when they are on the disk."""
        context, session, content = self.context, self.context.session_of(request), await read_json_object(request)
        context.require_same_project(content)
        action, name = read_action_id(content), read_name(content, session.name)
        names, alone = context.classes.names(), context.classes.exclusive_names()
        answers, written = context.answering.parse_answers(content, names, alone, context.last_published.round)
        held = sorted(set(context.leases.held_by(session.digest)).difference(written.saved))

        def write(journal: Journal) -> None:
            write_answers_and_confirm_classes(journal, action, name, answers)
            journal.store_leases(session.digest, held)

        if answers:
            await context.writer.write_and_wait(write)
        if any(not answer.classes for answer in answers):
            context.work.requeue(written.saved)
        context.leases.release_images(written.saved)
        context.events.send_event("answered", {"images": written.saved, "name": name}, but=session.digest)
        context.state_has_changed = True
        also = self._describe_images(written.burst_frames, session)
        reply = {"action": action, "saved": written.saved, "also": also, "problems": written.problems}
        return JSONResponse(reply | {"batch": context.batch_progress()})

    async def undo_answers(self, request: Request) -> Response:
        """Undo an action; reply with the images as they are now."""
        context, session, content = self.context, self.context.session_of(request), await read_json_object(request)
        context.require_same_project(content)
        action, undoes = read_action_id(content), read_action_id(content, "undoes")
        name = read_name(content, session.name)
        taken, kept = await context.writer.write_and_wait(lambda journal: undo_action(journal, action, undoes, name))
        numbers = context.answering.numbers_by_id([*taken, *kept])
        images = [numbers[id_] for id_ in taken]
        context.work.requeue(images)
        described = self._describe_images(images, session)
        waiting = [image["image"] for image in described if image["answer"] is None]
        context.leases.claim(session.digest, waiting)
        self._store_leases(session.digest)
        context.state_has_changed = True
        message = "You have answered this image again since; undo that first."
        problems = [{"image": numbers[id_], "code": "answered_since", "message": message} for id_ in kept]
        return JSONResponse({"action": action, "images": described, "problems": problems})

    async def own_actions(self, request: Request) -> Response:
        query, session = request.query_params, self.context.session_of(request)
        before = read_clamped_number(query.get("before"), "before", 0, 2**62, 2**62)
        limit = read_clamped_number(query.get("limit"), "limit", 1, MAX_LISTED, 50)
        actions, following = list_actions(self.context.reader.journal, session.name, before, limit)
        numbers = self.context.answering.numbers_by_id([id_ for action in actions for id_ in action["images"]])
        for action in actions:
            action["images"] = [numbers[id_] for id_ in action["images"] if id_ in numbers]
        return JSONResponse({"actions": actions, "next": following})

    async def list_or_add_class(self, request: Request) -> Response:
        context, session = self.context, self.context.session_of(request)
        if request.method == "GET":
            return JSONResponse(await context.classes.describe_for(session.name))
        content = await read_json_object(request)
        added, is_new = await context.classes.add_class(content.get("name"), content.get("sure") is True, session.name)
        context.state_has_changed = True
        classes = (await context.classes.describe_for(session.name))["classes"]
        return JSONResponse(next(each for each in classes if each["name"] == added), 201 if is_new else 200)

    async def remove_class(self, request: Request) -> Response:
        """Remove a class that was added on this page, and reply with the other classes."""
        session = self.context.session_of(request)
        await self.context.classes.remove_class((await read_json_object(request)).get("name"))
        self.context.state_has_changed = True
        return JSONResponse(await self.context.classes.describe_for(session.name))

    async def set_own_key(self, request: Request) -> Response:
        """Give a class another key for this person."""
        content, session = await read_json_object(request), self.context.session_of(request)
        await self.context.classes.set_own_key(content.get("name"), content.get("key"), session.name)
        return JSONResponse(await self.context.classes.describe_for(session.name))
