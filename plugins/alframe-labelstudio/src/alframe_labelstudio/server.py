"""Talk to the HTTP API of Label Studio: tokens, pages, limits, and errors that say what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from alframe.errors import LabelError

TOKEN_VARIABLE = "LABEL_STUDIO_API_KEY"
PAGE_SIZE = 500  # tasks
TIMEOUT = (10, 300)  # seconds to connect, and to wait for an answer
BACKOFF = 0.5  # seconds before the second try at a busy server; doubled each time
AGAIN = "and run the same command again."


class NotFound(LabelError):
    """The server has no such project, or the person to whom the token belongs may not see it."""


class Forbidden(LabelError):
    """The person to whom the token belongs may not do this."""


class Server:
    """The API of the Label Studio at `url`, with the token from the environment.

    A server that is busy (429, 503) is asked again after the time that it names. Every failure is a LabelError.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._token = os.environ.get(TOKEN_VARIABLE, "").strip()
        self._session = requests.Session()
        retry = Retry(
            total=6, connect=2, read=0, backoff_factor=BACKOFF, status_forcelist=(429, 503), allowed_methods=None,
            raise_on_status=False,
        )  # fmt: skip
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the answer to a GET."""
        return self._read(self._send("GET", path, params=parameters))

    def post(self, path: str, body: object, **parameters: Any) -> Any:
        """Return the answer to a POST with a JSON body."""
        return self._read(self._send("POST", path, json=body, params=parameters))

    def patch(self, path: str, body: object) -> Any:
        """Return the answer to a PATCH with a JSON body."""
        return self._read(self._send("PATCH", path, json=body))

    def upload(self, path: str, files: Sequence[tuple[str, bytes]], **parameters: Any) -> Any:
        """Return the answer to a POST of files, which are pairs of a name and a content."""
        parts = [(f"file{number}", named) for number, named in enumerate(files)]
        return self._read(self._send("POST", path, files=parts, params=parameters))

    def tasks(self, project: int, data: Mapping[str, object]) -> Iterator[dict[str, Any]]:
        """Yield the tasks whose `data` has these values, with annotations and drafts, page by page."""
        items = [
            {
                "filter": f"filter:tasks:data.{key}",
                "operator": "equal",
                "type": "Number" if isinstance(value, int) else "String",
                "value": value,
            }
            for key, value in data.items()
        ]
        query = json.dumps({"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]})
        seen: set[int] = set()
        page, total = 1, None
        while total is None or len(seen) < total:
            try:
                answer = self.get(
                    "/api/tasks", project=project, query=query, page=page, page_size=PAGE_SIZE, fields="all",
                    resolve_uri="false",
                )  # fmt: skip
            except NotFound:
                if page == 1:
                    raise
                return  # tasks were deleted meanwhile, so there are fewer pages now
            total = answer["total"]
            if not answer["tasks"]:
                return
            for task in answer["tasks"]:  # a task may be on two pages, if others were deleted meanwhile
                if task["id"] not in seen:
                    seen.add(task["id"])
                    yield task
            page += 1

    def serves(self, address: str) -> int:
        """Return the HTTP status of an image: of this server where `address` begins with a slash, else of another."""
        if address.startswith("/"):
            with self._send("GET", address, stream=True) as answer:
                return answer.status_code
        try:
            with requests.get(address, stream=True, timeout=TIMEOUT) as answer:
                return answer.status_code
        except requests.RequestException as error:
            raise LabelError(f"{address} cannot be loaded: {_explain(error)}.") from error

    def _send(self, method: str, path: str, **arguments: Any) -> requests.Response:
        answer = self._send_once(method, path, **arguments)
        if answer.status_code == 401 and self._is_personal_token:  # an access token is valid for some minutes
            self._session.headers.pop("Authorization", None)
            answer = self._send_once(method, path, **arguments)
        if answer.status_code == 401:
            self._refuse_token(answer)
        return answer

    def _send_once(self, method: str, path: str, **arguments: Any) -> requests.Response:
        if "Authorization" not in self._session.headers:
            self._session.headers["Authorization"] = self._authorisation()
        return self._request(method, path, **arguments)

    def _request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        try:
            return self._session.request(method, self.url + path, timeout=TIMEOUT, **arguments)
        except requests.RequestException as error:
            raise LabelError(
                f"Label Studio at {self.url} cannot be reached: {_explain(error)}. Start it, or correct "
                f"label_source.url, {AGAIN}"
            ) from error

    @property
    def _is_personal_token(self) -> bool:
        """Whether the token is a JSON Web Token, as Label Studio gives out since 1.18; older ones are 40 characters."""
        return self._token.count(".") >= 1

    def _authorisation(self) -> str:
        if not self._token:
            raise LabelError(
                f"The environment variable {TOKEN_VARIABLE} is not set. Copy a token from Account & Settings of Label "
                f"Studio at {self.url} into it, {AGAIN}"
            )
        if not self._is_personal_token:
            return f"Token {self._token}"
        answer = self._request("POST", "/api/token/refresh/", json={"refresh": self._token})
        if answer.status_code in (400, 401):
            self._refuse_token(answer)
        return f"Bearer {self._read(answer)['access']}"

    def _refuse_token(self, answer: requests.Response) -> None:
        reason = _detail(answer).rstrip(".")
        raise LabelError(
            f"Label Studio at {self.url} does not accept the token in {TOKEN_VARIABLE}: {reason}. Copy a valid token "
            f"from Account & Settings of Label Studio (Personal Access Token) into this variable, {AGAIN}"
        )

    def _read(self, answer: requests.Response) -> Any:
        where, status = f"{answer.request.method} {answer.url.partition('?')[0]}", answer.status_code
        if status == 404 and _is_json(answer):
            raise NotFound(f"{where}: not found, or not visible to the person of the token: {_detail(answer)}")
        if status == 429:
            raise LabelError(f"{where}: Label Studio still limits the rate of requests. Wait some minutes, {AGAIN}")
        if status == 403:
            raise Forbidden(
                f"{where}: the person of the token may not do this: {_detail(answer)} Use the token of a member of the "
                f"project, {AGAIN}"
            )
        if status >= 400 and (_is_json(answer) or status >= 500):
            raise LabelError(
                f"{where} failed with the status {status}: {_detail(answer)} If this is not due to a setting, look "
                f"into the log of Label Studio, {AGAIN}"
            )
        if not _is_json(answer):
            raise LabelError(
                f"{where} does not answer as Label Studio does (status {status}, "
                f"{answer.headers.get('content-type', 'no type')}). Correct label_source.url, {AGAIN}"
            )
        return answer.json()


def _is_json(answer: requests.Response) -> bool:
    return answer.headers.get("content-type", "").startswith("application/json")


def _detail(answer: requests.Response) -> str:
    """Return what the server says about an error, in at most 500 characters."""
    try:
        content = answer.json()
    except ValueError:
        return answer.reason or "no reason given"
    errors = content.get("validation_errors") if isinstance(content, dict) else None
    detail = content.get("detail", "") if isinstance(content, dict) else content
    return (f"{detail}: {json.dumps(errors, ensure_ascii=False)}" if errors else str(detail))[:500]


def _explain(error: requests.RequestException) -> str:
    """Return the innermost reason of a failed request, in words."""
    inner: BaseException = error
    while True:
        reason = getattr(inner, "reason", None)
        following = reason if isinstance(reason, BaseException) else inner.__cause__ or inner.__context__
        if following is None:
            break
        inner = following
    text = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    return str(text).rstrip(".")
