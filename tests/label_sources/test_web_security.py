"""A hostile page in the same browser, and a program without a browser, can neither read nor write."""

from __future__ import annotations

import base64
import math
import socket
import uuid

from tests.each import check_each
from tests.label_sources.conftest import Serve
from tests.label_sources.web_client import Browser

READS = ("/api/state", "/api/events", "/api/classes", "/api/actions", "/api/images/1", "/api/review", "/api/pool")
READS += ("/api/progress", "/api/similar?image=1", "/images/1/thumbnail", "/images/1/large", "/report")
WRITES = ("/api/session", "/api/invitations", "/api/leases", "/api/leases/renew", "/api/leases/return", "/api/skip")
WRITES += ("/api/answers", "/api/undo", "/api/classes", "/api/classes/remove")


def code(reply: object) -> tuple[int, str]:
    return reply.status, reply.json["error"]["code"]


def test_nothing_is_read_or_written_without_the_cookie(serve: Serve) -> None:
    served = serve()
    browser = served.browser()
    stranger = Browser(served.serving.address)

    def check(method: str, path: str) -> None:
        assert code(stranger.send(method, path, None if method == "GET" else {})) in (
            (401, "no_session"),
            (403, "bad_token"),
        )
        assert code(stranger.send(method, path, None if method == "GET" else {}, {"Cookie": f"{browser.cookie}x"})) in (
            (401, "no_session"),
            (403, "bad_token"),
        )

    check_each([("GET", path) for path in READS] + [("POST", path) for path in WRITES], check)
    stranger.close()


def test_a_token_lets_one_browser_in_once(serve: Serve) -> None:
    served = serve()
    served.browser()
    again = Browser(served.serving.address)
    assert code(again.post("/api/session", {"token": again.token})) == (403, "bad_token")
    check_each([("",), ("x" * 43,), (None,), (7,)], lambda token: _is_refused(again, token))
    again.close()


def _is_refused(browser: Browser, token: object) -> None:
    assert code(browser.post("/api/session", {"token": token})) == (403, "bad_token")


def test_the_cookie_is_for_our_own_pages_alone(serve: Serve) -> None:
    served = serve()
    browser = Browser(served.serving.address)
    cookie = browser.post("/api/session", {"token": browser.token}).headers["Set-Cookie"]
    assert {part.strip().lower() for part in cookie.split(";")[1:]} >= {"httponly", "samesite=strict", "path=/"}
    browser.close()


def test_another_name_for_this_computer_is_refused(serve: Serve) -> None:
    """DNS rebinding: a hostile site leads its own name to 127.0.0.1, and the browser sends that name."""
    served = serve()
    browser = served.browser()
    port = browser.port
    names = ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port}.evil.example", f"0.0.0.0:{port}")
    names += (f"192.168.1.7:{port}", f"localhost.evil.example:{port}", f"127.0.0.1:{port + 1}", "")

    def check(name: str) -> None:
        for path in ("/", "/static/main.js", *READS):
            assert code(browser.get(path, Host=name)) == (403, "bad_host")
        refused = browser.post("/api/leases", {}, Host=name, Origin=f"http://{name}")
        assert code(refused) == (403, "bad_host")

    check_each([(name,) for name in names], check)
    assert browser.get("/api/state", Host=f"localhost:{port}").status == 200
    assert browser.get("/api/state", Host=f"[::1]:{port}").status == 200


def test_a_page_of_another_site_cannot_write(serve: Serve) -> None:
    """CSRF: the browser sends the cookie along, as a lax one would be, with the origin of the hostile page."""
    served = serve()
    browser = served.browser()
    image = browser.lease(1)[0]
    answer = {"image": image["image"], "classes": ["fox"]}
    content = {"action": str(uuid.uuid4()), "origin": "grid", "answers": [answer]}
    origins = (
        "http://evil.example",
        "null",
        None,
        f"https://127.0.0.1:{browser.port}",
        f"http://127.0.0.1:{browser.port + 1}",
    )
    origins += (f"http://127.0.0.1:{browser.port}.evil.example", "")

    def check(origin: str | None) -> None:
        for path in WRITES:
            assert code(browser.post(path, content, Origin=origin)) == (403, "bad_origin")
        assert code(browser.send("DELETE", "/api/session", None, {"Origin": origin})) == (403, "bad_origin")

    check_each([(origin,) for origin in origins], check)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None):  # what a form sends
        assert code(browser.post("/api/answers", content, **{"Content-Type": kind})) == (415, "not_json")
    assert served.labels() == {}
    assert browser.post("/api/answers", content).status == 200


def test_a_page_of_another_site_cannot_embed_what_is_read(serve: Serve) -> None:
    browser = serve().browser()
    for site in ("cross-site", "same-site"):
        for path in READS:
            assert code(browser.get(path, **{"Sec-Fetch-Site": site})) == (403, "bad_origin")
    headers = browser.get("/").headers
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy and "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers


def test_a_websocket_is_refused(serve: Serve) -> None:
    browser = serve().browser()
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    upgrade |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": "http://evil.example"}
    assert browser.get("/api/none", **upgrade).status in (400, 403, 404, 426)


def test_only_images_of_the_pool_are_read_and_by_number(serve: Serve) -> None:
    """Whatever stands in the address: no path leads to a file, and no number to another project's image."""
    served = serve()
    browser = served.browser()
    outside = served.request.folder.parent / "secret.jpg"
    outside.write_bytes(b"secret")
    paths = [
        *("/images/999/thumbnail", "/images/0/large", "/images/-1/large", "/images/1e3/large"),
        *(f"/images/{outside}/large", "/images/..%2f..%2fsecret.jpg/large", "/images/1/large/../../../etc/passwd"),
        *("/static/..%2fsource.py", "/static/../source.py", "/static/%2e%2e/source.py", "/static/.hidden"),
        *(
            "/static/..%5csource.py",
            "/static/server",
            "/static//etc/passwd",
            "/static/main.js%00.css",
            "/static/__init__.py",
        ),
        f"/images/{2**70}/large",
        f"/images/{'9' * 5000}/large",
        f"/api/images/{'9' * 5000}",
    ]

    def check(path: str) -> None:
        assert code(browser.get(path))[0] == 404

    check_each([(path,) for path in paths], check)


def test_a_request_of_any_size_or_form_is_answered(serve: Serve) -> None:
    served = serve()
    browser = served.browser()
    assert code(browser.post("/api/answers", b"[" * (1 << 21))) == (413, "too_large")
    image = browser.lease(1)[0]["image"]
    action = str(uuid.uuid4())

    def check(content: object, expected: str) -> None:
        reply = browser.post("/api/answers", content)
        error = reply.json.get("error") or reply.json["problems"][0]
        assert reply.status < 500 and error["code"] == expected

    def with_answer(answer: object) -> dict[str, object]:
        return {"action": action, "origin": "grid", "answers": [answer]}

    check_each(
        [
            (b"{", "bad_request"),
            (b"[" * 100_000, "bad_request"),
            ([], "bad_request"),
            ({"action": "x", "origin": "grid", "answers": [{}]}, "bad_request"),
            (with_answer(7), "bad_request"),
            (with_answer({"image": True, "classes": []}), "no_such_image"),
            (with_answer({"image": 2**80, "classes": []}), "no_such_image"),
            (with_answer({"image": image, "classes": "fox"}), "bad_request"),
            (with_answer({"image": image, "classes": ["fox"] * 21}), "bad_request"),
            (with_answer({"image": image, "classes": ["<script>"]}), "unknown_class"),
            (with_answer({"image": image, "classes": ["fox"], "comment": "x" * 2001}), "bad_request"),
            (with_answer({"image": image, "classes": ["fox"], "comment": "half a character \ud800"}), "bad_request"),
            (with_answer({"image": 10**400, "classes": ["fox"], "seconds": 10**400}), "no_such_image"),
            ({"action": action, "origin": "nowhere", "answers": [{}]}, "bad_request"),
            ({"action": action, "origin": "grid", "answers": [{}] * 1001}, "bad_request"),
            ({"action": action, "origin": "grid", "answers": [], "project": "another"}, "other_project"),
        ],
        check,
    )
    cursors = [base64.urlsafe_b64encode(text).decode() for text in (b"[%d, 1]" % 2**70, b"[" * 5000, b'["\\ud800", 1]')]
    paths = ("/api/review?after=x", "/api/pool?min=x", "/api/review?limit=x", "/api/similar", "/api/pool?order=x")
    for path in (*paths, *(f"/api/review?after={cursor}" for cursor in cursors)):
        assert code(browser.get(path))[0] in (400, 409)
    assert code(browser.send("PUT", "/api/classes/keys", {"name": "fox", "key": []})) == (400, "bad_request")
    assert code(browser.send("PUT", "/api/session", {"name": "\ud800"})) == (400, "bad_request")
    assert browser.get("/api/state").status == 200
    assert served.labels() == {}


def test_a_clock_that_was_set_back_or_a_long_pause_costs_no_answer(serve: Serve) -> None:
    browser = serve().browser()
    images = [image["image"] for image in browser.lease(3)]
    for image, seconds in zip(images, (10**400, -7.5, math.inf), strict=True):
        assert browser.answer({image: ["fox"]}, seconds=seconds).json["saved"] == [image]
    assert browser.get("/api/state").json["mine"] == {"answered": 3, "images_per_hour": 1}  # an hour at most


def test_both_addresses_of_this_computer_are_served_and_no_other(serve: Serve) -> None:
    served = serve()
    browser = served.browser()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return
        own = probe.getsockname()[0]
    if not own.startswith("127."):
        with socket.socket() as outside:
            outside.settimeout(2)
            assert outside.connect_ex((own, browser.port)) != 0


def test_other_computers_are_let_in_by_a_flag_and_a_link(serve: Serve) -> None:
    """By an address and not by a name, which a hostile site could lead here."""
    served = serve(lan=True)
    browser = served.browser()
    port = browser.port
    assert browser.get("/api/session").json["lan"] is True
    urls = browser.post("/api/invitations").json["urls"]
    assert urls[0].startswith(f"http://127.0.0.1:{port}/#token=")
    assert len({url.partition("#")[2] for url in urls}) == len(urls), "using one leaves the others"
    for url in urls[1:]:
        other = Browser(url)
        assert other.get("/api/state").status == 401, "no cookie"
        assert other.enter("ben").get("/api/state").status == 200
        other.close()
    assert code(browser.get("/api/state", Host=f"evil.example:{port}")) == (403, "bad_host")
    assert code(browser.post("/api/leases", {}, Origin="http://evil.example")) == (403, "bad_origin")


def test_a_browser_that_signs_out_gives_its_images_back(serve: Serve) -> None:
    served = serve()
    anna, ben = served.browser("anna"), served.browser("ben")
    assert len(anna.lease(9)) == 9 and len(ben.lease(9)) == 4
    assert anna.send("DELETE", "/api/session").status == 204
    assert anna.get("/api/state").status == 401
    assert len(ben.lease(9)) == 9
