"""A page of another site, in the browser of somebody who is let in, can neither read nor write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.label_sources.conftest import Serve
from tests.label_sources.web.person import OTHER_NAME, Person

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

# Each attempt says what it has read or done; "": nothing. `answer` is what a page of ours would send.
_ATTEMPTS = """async ({ours, answer, image}) => {
    const read = async (path, options = {}) => {
        const reply = await fetch(ours + path, {credentials: "include", ...options}).catch(() => null);
        return reply ? await reply.text() : "";
    };
    const load = (tag, path) => new Promise((resolve) => {
        const node = document.createElement(tag);
        node.onload = () => resolve(`${tag} ${path} is loaded`);
        node.onerror = () => resolve("");
        node.src = ours + path;
        document.body.append(node);
    });
    const post = (type) =>
        read("/api/answers", {method: "POST", mode: "no-cors", body: answer, headers: {"Content-Type": type}});
    const socket = () => new Promise((resolve) => {
        const opened = new WebSocket(ours.replace("http", "ws") + "/api/events");
        opened.onopen = () => resolve("a socket is open");
        opened.onerror = () => resolve("");
    });
    const events = () => new Promise((resolve) => {
        const source = new EventSource(ours + "/api/events", {withCredentials: true});
        source.onopen = () => resolve("events are read");
        source.onerror = () => resolve("");
    });
    const form = () => new Promise((resolve) => {
        document.body.insertAdjacentHTML("beforeend", `<iframe name="target"></iframe><form method="post"
            target="target" enctype="text/plain" action="${ours}/api/answers"><input name="body"></form>`);
        document.querySelector("form input").value = answer;
        document.querySelector("iframe").onload = () => resolve("");
        document.querySelector("form").submit();
        setTimeout(() => resolve(""), 3000);
    });
    const framed = async () => {
        const frame = document.createElement("iframe");
        frame.src = ours + "/";
        document.body.append(frame);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        try { return frame.contentDocument.body.textContent; } catch { return ""; }
    };
    return {
        state: await read("/api/state"), batch: await read("/api/leases", {method: "POST", body: "{}"}),
        json: await read("/api/answers", {method: "POST", body: answer, headers: {"Content-Type": "application/json"}}),
        plain: await post("text/plain"), encoded: await post("application/x-www-form-urlencoded"), form: await form(),
        image: await load("img", `/images/${image}/large`), script: await load("script", "/api/state"),
        socket: await socket(), events: await events(), framed: await framed(),
    };
}"""


@pytest.fixture
def hostile_port(tmp_path: Path) -> Iterator[int]:
    """Serve a page of another site on this computer."""
    (tmp_path / "hostile").mkdir()
    (tmp_path / "hostile" / "index.html").write_text("<!doctype html><title>hostile</title><body></body>")
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "hostile"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", OTHER_NAME])
def test_a_hostile_page_reads_and_writes_nothing(serve: Serve, chromium: Browser, hostile_port: int, host: str) -> None:
    served = serve(suggestions=False)
    person = Person(chromium, served.serving.address)
    person.wait_for_images()
    ((image, _), *_) = person.group()["images"]
    answer = (
        '{"action": "00000000-0000-4000-8000-000000000001", "origin": "grid", '
        f'"answers": [{{"image": {image}, "classes": ["fox"]}}]}}'
    )
    ours = "http://{0.hostname}:{0.port}".format(urlsplit(served.serving.address))
    page = person.context.new_page()
    page.goto(f"http://{host}:{hostile_port}/")
    read = page.evaluate(_ATTEMPTS, {"ours": ours, "answer": answer, "image": image})
    assert not any(read.values()), read
    assert served.labels() == {}
    person.say("fox")  # still let in
    person.wait_until_saved()
    assert len(served.labels()) == 1


def test_another_name_that_leads_to_this_computer_is_not_served(serve: Serve, chromium: Browser) -> None:
    served = serve()
    address = urlsplit(served.serving.address)
    page = chromium.new_context().new_page()
    page.goto(f"http://{OTHER_NAME}:{address.port}/#{address.fragment}")
    assert "This address is not served" in page.inner_text("body")
    assert page.locator("script").count() == 0
