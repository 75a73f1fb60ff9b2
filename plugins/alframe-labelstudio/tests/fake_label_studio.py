"""As much of Label Studio's API as the label source uses, in memory. It answers as version 1.23 does."""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PERSONAL_TOKEN = "header.payload.signature"
PEOPLE = {1: "anna@example.com", 2: "ben@example.com"}
LEGACY_TOKENS = {"a" * 40: 1, "b" * 40: 2}


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class FakeLabelStudio:
    """The state of a server; `busy` counts the next requests that are answered with 429."""

    def __init__(self) -> None:
        self.projects: dict[int, dict[str, Any]] = {}
        self.tasks: dict[int, dict[str, Any]] = {}
        self.uploads: dict[int, tuple[str, bytes]] = {}
        self.views: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.access_tokens: set[str] = set()
        self.legacy_tokens_enabled = True
        self.served: set[str] = set()
        self.max_page_size = 10_000
        self.busy = 0
        self._last = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"studio": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def number(self) -> int:
        self._last += 1
        return self._last

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, person: int) -> tuple[int, Any]:
        """Return the status and the content of an answer to a request of this person."""
        match [method, *path.strip("/").split("/")]:
            case ["GET", "api", "current-user", "whoami"]:
                return 200, {"id": 1, "email": PEOPLE[1]}
            case ["GET", "api", "users"]:
                return 200, [{"id": number, "email": email} for number, email in PEOPLE.items()]
            case ["GET", "api", "projects"]:
                found = [each for each in self.projects.values() if query["title"].lower() in each["title"].lower()]
                return 200, {"count": len(found), "results": found}
            case ["POST", "api", "projects"]:
                number = self.number()
                self.projects[number] = {"id": number, "show_collab_predictions": True, "maximum_annotations": 1} | body
                return 201, self.projects[number]
            case [_, "api", "projects", number, *rest] if int(number) in self.projects:
                return self._answer_project(method, int(number), rest, query, body)
            case ["GET", "api", "tasks"] if int(query["project"]) in self.projects:
                return self._list_tasks(query)
            case [_, "api", "tasks", number, *rest] if int(number) in self.tasks:
                return self._answer_task(method, int(number), rest, body, person)
            case ["DELETE", "api", "annotations", number]:
                for task in self.tasks.values():
                    task["annotations"] = [each for each in task["annotations"] if each["id"] != int(number)]
                return 204, None
            case ["GET", "api", "dm", "views"]:
                return 200, [view for view in self.views if view["project"] == int(query["project"])]
            case ["POST", "api", "dm", "views"]:
                self.views.append({"id": self.number()} | body)
                return 201, self.views[-1]
        return 404, {"status_code": 404, "detail": "No Project matches the given query."}

    def _answer_project(
        self, method: str, number: int, rest: list[str], query: dict[str, str], body: Any
    ) -> tuple[int, Any]:
        match [method, *rest]:
            case ["GET"]:
                return 200, self.projects[number]
            case ["PATCH"]:
                self.projects[number] |= body
                return 200, self.projects[number]
            case ["POST", "import"] if isinstance(body, dict):  # files
                return 201, {"file_upload_ids": [self._upload(*file) for file in body["files"]]}
            case ["POST", "import"]:
                for task in body:
                    made = self.number()
                    self.tasks[made] = {"id": made, "project": number, "annotations": [], "drafts": [],
                                        "created_at": now(), "predictions": []} | task  # fmt: skip
                return 201, {"task_count": len(body)}
            case ["GET", "export"]:
                return 200, self._export(number, query["exportType"])
            case ["GET", "file-uploads"]:
                wanted = json.loads(query["ids"])
                return 200, [{"id": each, "file": self.uploads[each][0], "size": 1} for each in sorted(wanted)]
        return 404, {"detail": "Not found."}

    def _answer_task(self, method: str, number: int, rest: list[str], body: Any, person: int) -> tuple[int, Any]:
        task = self.tasks[number]
        match [method, *rest]:
            case ["GET"]:
                return 200, task
            case ["DELETE"]:
                del self.tasks[number]
                return 204, None
            case ["POST", "annotations"]:
                times = {"created_ago": "0 minutes", "created_at": now(), "updated_at": now(), "task": number}
                task["annotations"].append(
                    {"id": self.number(), "completed_by": person, "was_cancelled": False} | body | times
                )
                return 201, task["annotations"][-1]
            case ["POST", "drafts"]:
                task["drafts"].append({"id": self.number(), "user": PEOPLE[person]} | body)
                return 201, task["drafts"][-1]
        return 404, {"detail": "Not found."}

    def _export(self, project: int, kind: str) -> Any:
        tasks = [task for task in self.tasks.values() if task["project"] == project]
        if kind == "JSON":
            return tasks
        rows = []
        for task in tasks:
            done = [each for each in task["annotations"] if not each["was_cancelled"]]
            start = task["data"] | {"id": task["id"]}
            if not task["annotations"]:
                rows.append(start | dict.fromkeys(("annotator", "annotation_id", "created_at", "updated_at")))
            for each in done:
                cells = {}
                for part in each["result"]:
                    names = part["value"].get("choices") or part["value"].get("text")
                    cells[part["from_name"]] = names[0] if len(names) == 1 else {"choices": names}
                rows.append(
                    start | cells | {"annotator": each["completed_by"], "annotation_id": each["id"],
                    "created_at": each["created_at"], "updated_at": each["updated_at"]}
                )  # fmt: skip
        return rows

    def _upload(self, name: str, content: bytes) -> int:
        number = self.number()
        simple = re.sub(r"(?u)[^-\w.]", "", name.replace(" ", "_"))
        self.uploads[number] = f"upload/1/{number:08x}-{simple}", content
        return number

    def _list_tasks(self, query: dict[str, str]) -> tuple[int, Any]:
        conditions = json.loads(query["query"])["filters"]["items"] if "query" in query else []
        found = [
            task
            for task in self.tasks.values()
            if task["project"] == int(query["project"])
            and all(
                task["data"].get(each["filter"].removeprefix("filter:tasks:data.")) == each["value"]
                for each in conditions
            )
        ]
        size = min(int(query.get("page_size", 100)), self.max_page_size)
        first = (int(query.get("page", 1)) - 1) * size
        if first and first >= len(found):
            return 404, {"detail": "Invalid page."}
        return 200, {"total": len(found), "tasks": found[first : first + size]}

    def person_of(self, authorisation: str) -> int | str:
        """Return who sends a request with this header, or why it is refused."""
        kind, _, token = authorisation.partition(" ")
        if kind == "Bearer":
            return 1 if token in self.access_tokens else "Authentication credentials were not provided."
        if token not in LEGACY_TOKENS:
            return "Invalid token."
        if not self.legacy_tokens_enabled:
            return (
                "Authentication token no longer valid: legacy token authentication has been disabled for this "
                "organization"
            )
        return LEGACY_TOKENS[token]


class _Handler(BaseHTTPRequestHandler):
    studio: FakeLabelStudio
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one piece: else each waits 40 ms for the acknowledgement of its headers

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names are http.server's

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        body = self._body()
        self.studio.requests.append(f"{self.command} {self.path}")
        if self.studio.busy:
            self.studio.busy -= 1
            self._send(429, {"detail": "Request was throttled."}, {"Retry-After": "0"})
        elif parts.path == "/api/token/refresh/":
            if body["refresh"] != PERSONAL_TOKEN:
                self._send(401, {"detail": "Token is invalid"})
                return
            token = f"access.{self.studio.number()}.signature"
            self.studio.access_tokens.add(token)
            self._send(200, {"access": token})
        elif isinstance(person := self.studio.person_of(self.headers.get("Authorization", "")), str):
            self._send(401, {"status_code": 401, "detail": person})
        elif parts.path.startswith("/data/"):
            self._send(200 if unquote(self.path) in self.studio.served else 404, None, kind="image/png")
        else:
            self._send(*self.studio.answer(self.command, parts.path, query, body, person))

    def _body(self) -> Any:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/"):
            return json.loads(content) if content else None
        message: Message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + content)
        return {"files": [(part.get_filename(), part.get_payload(decode=True)) for part in message.walk()][1:]}

    def _send(
        self, status: int, content: Any, headers: dict[str, str] | None = None, kind: str = "application/json"
    ) -> None:
        data = b"" if status == 204 else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
