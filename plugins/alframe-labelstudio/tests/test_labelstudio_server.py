"""A real Label Studio: it is started, and answers as the tests' own server does.

`LABEL_STUDIO_COMMAND` names its command, if it is not on the path: it is best installed in an environment of its own.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from alframe_labelstudio.source import LabelStudio
from label_studio_people import ExportSuite, Person, ServerSuite

from alframe.errors import LabelError
from alframe.types import Item, Request, Suggestion

pytestmark = pytest.mark.slow

TOKEN, EMAIL, SECRET = "c" * 40, "anna@example.com", "not-secret-1"
START_SECONDS = 1800  # of a first start, which makes a database: minutes of processor time


@pytest.fixture(scope="session")
def real_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Label Studio that serves the folder `images` beside its data."""
    command = os.environ.get("LABEL_STUDIO_COMMAND") or shutil.which("label-studio")
    if not command:
        pytest.skip("needs Label Studio: pip install label-studio, or set LABEL_STUDIO_COMMAND")
    folder = tmp_path_factory.mktemp("label-studio")
    (folder / "images" / "pool").mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    settings = {
        "LOCAL_FILES_SERVING_ENABLED": "true",
        "LOCAL_FILES_DOCUMENT_ROOT": str(folder / "images"),
        "COLLECT_ANALYTICS": "false",
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "data"),
        "PYTHONPATH": "",
    }
    arguments = ["start", "--no-browser", "--data-dir", str(folder / "data"), "--port", str(port), "--host", url]
    arguments += ["--username", EMAIL, "--password", SECRET, "--user-token", TOKEN, "--enable-legacy-api-token"]
    with (folder / "log.txt").open("wb") as log:
        server = subprocess.Popen([command, *arguments], env=os.environ | settings, stdout=log, stderr=log)
        try:
            _wait_until_ready(url, server, folder / "log.txt")
            yield url
        finally:
            server.terminate()
            server.wait(START_SECONDS)


def _wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if requests.get(f"{url}/health", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(1)
    pytest.fail(f"Label Studio did not start: {log.read_text(errors='replace')[-3000:]}")


@pytest.fixture(scope="session")
def real_people(real_url: str) -> tuple[Person, Person]:
    """Anna, who owns the server, and Ben, whom she has invited."""
    anna = Person(real_url, TOKEN)
    invited = requests.Session()
    page = invited.get(real_url + anna.call("GET", "/api/invite")["invite_url"])
    form = {"email": "ben@example.com", "password": SECRET, "csrfmiddlewaretoken": invited.cookies["csrftoken"]}
    assert invited.post(page.url, data=form, headers={"Referer": page.url}).ok
    return anna, Person(real_url, invited.get(f"{real_url}/api/current-user/token").json()["token"])


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)


class TestRealServer(ServerSuite):
    @pytest.fixture(autouse=True)
    def people(self, real_people: tuple[Person, Person]) -> None:
        self.anna, self.ben = real_people


class TestRealJson(ExportSuite):
    @pytest.fixture(autouse=True)
    def people(self, real_people: tuple[Person, Person]) -> None:
        self.anna, self.ben = real_people


class TestRealJsonMin(TestRealJson):
    kind = "JSON_MIN"


def make_request(folder: Path, count: int = 4, classes: tuple[str, ...] = ("fox", "red deer")) -> Request:
    """Return a round of small pictures with suggestions; every second one is asked without."""
    from PIL import Image

    items = []
    for number in range(count):
        file = folder / "pool" / f"cam 1/{number}, größe #1%.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 24), (number, 0, 0)).save(file)
        items.append(Item(file.relative_to(folder / "pool").as_posix(), file))
    suggestions = tuple(Suggestion("fox", 0.9 - number / 10) for number in range(count))
    blind = tuple(number % 2 == 1 for number in range(count))
    return Request(3, tuple(items), classes, folder / "trial" / "to_label", suggestions, without_suggestion=blind)


def test_pictures_are_shown_and_suggested(real_people: tuple[Person, Person], tmp_path: Path) -> None:
    anna, _ = real_people
    request = make_request(tmp_path)
    LabelStudio(url=anna.url).request(request)
    tasks = anna.tasks(request)
    for item, is_blind in zip(request.items, request.without_suggestion, strict=True):
        task = tasks[item.id]
        picture = requests.get(
            anna.url + task["data"]["image"], headers={"Authorization": f"Token {TOKEN}"}, timeout=30
        )
        assert picture.content == item.path.read_bytes()
        # What the page gets that people label on.
        shown = anna.call("GET", f"/api/tasks/{task['id']}/")["predictions"]
        assert [each["result"][0]["value"]["choices"] for each in shown] == ([] if is_blind else [["fox"]])


def test_a_personal_access_token_works(
    real_people: tuple[Person, Person], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, _ = real_people
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", anna.call("POST", "/api/token/")["token"])
    anna.call("POST", "/api/jwt/settings", {"legacy_api_tokens_enabled": False})
    try:
        LabelStudio(url=anna.url).request(make_request(tmp_path))
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
        with pytest.raises(LabelError, match=r"legacy token authentication has been disabled.*Personal Access Token"):
            LabelStudio(url=anna.url).check()
    finally:
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", "x.y.z")
        with pytest.raises(LabelError, match="does not accept the token"):
            LabelStudio(url=anna.url).check()
        settings = requests.Session()
        page = settings.get(f"{anna.url}/user/login/")
        form = {"email": EMAIL, "password": SECRET, "csrfmiddlewaretoken": settings.cookies["csrftoken"]}
        settings.post(page.url, data=form, headers={"Referer": page.url})
        answer = settings.post(
            f"{anna.url}/api/jwt/settings", json={"legacy_api_tokens_enabled": True},
            headers={"X-CSRFToken": settings.cookies["csrftoken"], "Referer": anna.url},
        )  # fmt: skip
        assert answer.ok, answer.text


def test_local_files(
    real_people: tuple[Person, Person], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    anna, _ = real_people
    request = make_request(tmp_path)
    served = next(tmp_path_factory.getbasetemp().glob("label-studio*/images/pool"))
    for item in request.items:
        target = served / item.id
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(item.path.read_bytes())
    choices = '<Choices name="what" toName="img"><Choice value="fox"/></Choices>'
    config = f'<View><Image name="img" value="$photo"/>{choices}</View>'
    made = anna.call("POST", "/api/projects", {"title": "local files", "label_config": config})
    source = LabelStudio(url=anna.url, project=made["id"], images="/data/local-files/?d=pool")
    with pytest.raises(LabelError, match=r"the server answers with the status 404.*Local Files"):
        source.request(request)
    storage = {"project": made["id"], "path": str(served), "use_blob_urls": True, "title": "pool"}
    anna.call("POST", "/api/storages/localfiles", storage)
    message = source.request(request)
    assert "lack 'red deer', 'blank', 'unsure'" in message and "for prelabeling" in message
    tasks = anna.tasks(request)
    first = request.items[0].id
    assert tasks[first]["data"]["photo"] == "/data/local-files/?d=pool/" + quote(first)
    result = [{"from_name": "what", "to_name": "img", "type": "choices", "value": {"choices": ["fox"]}}]
    anna.call("POST", f"/api/tasks/{tasks[first]['id']}/annotations/", {"result": result})
    answers = source.collect(request)
    assert [(label.item, label.class_name, label.annotator) for label in answers.labels] == [(first, "fox", EMAIL)]


def test_thousands_of_tasks(real_people: tuple[Person, Person], tmp_path: Path) -> None:
    anna, _ = real_people
    items = tuple(Item(f"{number}.png", tmp_path / f"{number}.png") for number in range(2100))
    request = Request(1, items, ("fox",), tmp_path / "many" / "to_label")
    source = LabelStudio(url=anna.url, images=f"{anna.url}/static/images/")
    with pytest.raises(LabelError, match="could not see"):
        source.request(request)
    source = LabelStudio(url=anna.url, images=f"{anna.url}/health?")
    source.request(request)
    record = (request.folder / "labelstudio.json").read_text(encoding="utf-8")
    assert source.request(request) and (request.folder / "labelstudio.json").read_text(encoding="utf-8") == record
    assert not source.collect(request).problems
    project = int(record.partition('"own_project": ')[2].partition(",")[0])
    assert anna.call("GET", f"/api/projects/{project}")["task_number"] == 2100
