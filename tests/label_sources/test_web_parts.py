"""The pieces of the browser's server that need no server: leases, keys, order, hosts, what stands of an image."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections import Counter
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request as HttpRequest

from alframe.errors import LabelError
from alframe.label_sources.web.images import arrange_batch
from alframe.label_sources.web.journal import EVERYBODY, Journal
from alframe.label_sources.web.journal_rows import NewAnswer, person_key
from alframe.label_sources.web.launch import ServerProcess
from alframe.label_sources.web.server.addresses import open_sockets
from alframe.label_sources.web.server.app import PageRoutes
from alframe.label_sources.web.server.class_list import assign_keys
from alframe.label_sources.web.server.config import ServerConfig
from alframe.label_sources.web.server.context import ServerContext
from alframe.label_sources.web.server.security import is_allowed_host
from alframe.label_sources.web.server.work import RECONNECT_SECONDS, Leases
from alframe.label_sources.web.source import Web
from alframe.types import Item, Request, Suggestion
from tests.each import check_each


def test_a_lease_ends_by_itself() -> None:
    now = [0.0]
    leases = Leases(60, clock=lambda: now[0])
    assert leases.claim("anna", [1, 2]) == [1, 2]
    assert leases.claim("ben", [1, 2, 3]) == [3]
    now[0] = 59
    assert leases.claim("anna", [1]) == [1]
    now[0] = 61
    assert (leases.holder(1), leases.holder(2), leases.counts_by_session().total(), leases.held_by("anna")) == (
        "anna",
        None,
        1,
        [1],
    )
    assert leases.claim("ben", [1, 2]) == [2]


def test_a_lease_without_a_page_ends_after_half_a_minute(tmp_path: Path) -> None:
    """A browser that crashed, or a server that was started again, does not keep images from the only person there."""
    now = [0.0]
    config = ServerConfig(str(tmp_path), "season", str(tmp_path / "report.html"))
    context = ServerContext(config, 8000)
    context.leases.clock = lambda: now[0]

    async def connect_and_leave(streams: int) -> None:
        session = context.sessions.find_digest(await context.sessions.admit_browser()) or ""
        context.leases.claim(session, [1, 2])
        request = HttpRequest({"type": "http", "session": session})
        pages = [(await PageRoutes(context).events(request)).body_iterator for _ in range(streams)]
        for page in pages:
            await anext(page)
        for left, page in enumerate(pages, 1):
            await page.aclose()
            now[0] += RECONNECT_SECONDS - 1
            assert context.leases.held_by(session) == [1, 2], f"{left} of {streams} pages closed"
        now[0] += 2
        assert context.leases.held_by(session) == []

    asyncio.run(connect_and_leave(2))
    context.writer.write_later(lambda journal: journal.store_leases("gone", [5]))
    context.writer.close()
    again = ServerContext(config, 8000)
    start = time.monotonic()
    again.leases.clock = lambda: start + RECONNECT_SECONDS - 1
    assert again.leases.holder(5) == "gone"
    again.leases.clock = lambda: start + RECONNECT_SECONDS + 60
    assert again.leases.holder(5) is None


def test_the_state_is_made_once_for_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each person anew it would take time that grows with the square of their number, and all would wait."""
    context = ServerContext(ServerConfig(str(tmp_path), "season", str(tmp_path / "report.html")), 8000)
    looks: list[None] = []
    monkeypatch.setattr(context.leases, "counts_by_session", lambda: looks.append(None) or Counter())

    async def serve_twenty() -> list[str]:
        sessions = [context.sessions.find_digest(await context.sessions.admit_browser()) or "" for _ in range(20)]
        streams = [context.events.stream(session, {}) for session in sessions]
        for stream in streams:
            await anext(stream)
        context.send_state()
        return [await anext(stream) for stream in streams]

    try:
        texts = asyncio.run(serve_twenty())
    finally:
        context.writer.close()
        context.reader.close()
        context.lists.close()
    assert len(looks) <= 2 and len(texts) == 20 and all('"mine"' in text for text in texts)


def test_a_port_file_that_was_spoilt_names_no_port(tmp_path: Path) -> None:
    config = ServerConfig(str(tmp_path), "season", "report.html")
    assert config.last_port() is None

    def check(text: str, port: int | None) -> None:
        config.port_file.write_text(text)
        assert config.last_port() == port

    check_each([("", None), ("abc", None), ("-1", None), ("99999999", None), ("8000\n", 8000)], check)


def test_keys_come_from_the_name_and_stay() -> None:
    keys = assign_keys(["red deer", "roe deer", "rabbit", "Fuchs", "ärger", "鹿"], {})
    assert keys == {"red deer": "r", "roe deer": "d", "rabbit": "a", "Fuchs": "f", "ärger": "g", "鹿": "1"}
    assert assign_keys(["rat", *keys], keys) == {"rat": "t", **keys}
    assert assign_keys(["mole", "vole"], {"mole": "m", "vole": ""})["vole"] == "v", "which had none when it came"
    many = assign_keys([f"class {number}" for number in range(100)], {})
    given_keys = [key for key in many.values() if key]
    assert len(given_keys) == len(set(given_keys)) == 35 and list(many.values())[40] == ""


def test_a_project_is_called_as_people_say_it(tmp_path: Path) -> None:
    def name(folder: str) -> str:
        return ServerProcess(tmp_path / folder / "to_label" / "web", Web())._config.project

    assert [name(each) for each in ("pool-0a1b2c3d", "season", "season-2026", "-0a1b2c3d")] == [
        *("pool", "season", "season-2026", "-0a1b2c3d")
    ]


def make_request(folder: Path, classes: str, blind: str, sequences: str | None = None) -> Request:
    items = tuple(
        Item(
            f"{number}.jpg", folder / f"{number}.jpg", sequence=sequences[number].strip() or None if sequences else None
        )
        for number in range(len(classes))
    )
    suggestions = tuple(Suggestion(name, 0.5) for name in classes)
    hidden = tuple(mark == "x" for mark in blind)
    return Request(1, items, (), folder, suggestions, tuple(range(len(classes))), hidden)


def test_the_grid_is_sorted_by_suggestion_with_others_spread_between(tmp_path: Path) -> None:
    request = make_request(tmp_path, "abab" * 20, "x..." * 10 + "." * 40)
    rows = arrange_batch(request)
    assert sorted(row.item.id for row in rows) == sorted(item.id for item in request.items)
    shown = [row.suggestion for row in rows if row.suggestion]
    assert shown == sorted(shown, key=lambda name: (-shown.count(name), name)), "one class after another"
    assert [row.suggestion is None for row in rows] == [row.blind for row in rows]
    assert rows[0].blind, "whoever labels only the beginning does not miss the audit"
    assert {row.suggestion for row in arrange_batch(replace(request, without_suggestion=()))} == {None}
    bursts = arrange_batch(make_request(tmp_path, "aaaaaa", "......", "p q p "))
    assert [row.item.id for row in bursts][:2] == ["0.jpg", "4.jpg"]


def test_the_place_of_an_image_without_a_suggestion_does_not_tell_its_class(tmp_path: Path) -> None:
    request = make_request(tmp_path, "abcabcabcabc" * 4, "xxxx........" * 4)
    others = replace(
        request,
        suggestions=tuple(
            Suggestion("abc"[number % 2], 0.1) if hidden else suggestion
            for number, (suggestion, hidden) in enumerate(
                zip(request.suggestions, request.without_suggestion, strict=True)
            )
        ),
    )
    assert arrange_batch(request) == arrange_batch(others)


def test_hosts() -> None:
    own = ("127.0.0.1:80", "localhost:80", "LOCALHOST:80", "[::1]:80")
    by_lan = ("192.168.1.7:80", "[fe80::1]:80")
    foreign = (
        "evil.example:80",
        "127.0.0.1:81",
        "127.0.0.1",
        "",
        ":80",
        "127.0.0.1:80:80",
        "2130706433:80",
        "0x7f.1:80",
    )
    check_each([(host,) for host in (*own, *by_lan, *foreign)], lambda host: _check_host(host, own, by_lan))


def _check_host(host: str, own: tuple[str, ...], by_lan: tuple[str, ...]) -> None:
    assert is_allowed_host(host, 80, lan=False) == (host in own)
    assert is_allowed_host(host, 80, lan=True) == (host in own + by_lan)


def test_a_port_that_is_taken_is_named_or_replaced() -> None:
    taken, port = open_sockets(None, None, lan=False)
    other, other_port = open_sockets(None, port, lan=False)
    assert other_port != port
    with pytest.raises(LabelError, match=f"label_source.port={port} cannot be used.*Choose another one"):
        open_sockets(port, None, lan=False)
    for listener in (*taken, *other):
        listener.close()
    again, same = open_sockets(None, port, lan=False)
    assert same == port
    for listener in again:
        listener.close()


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["anna", "ben"]), st.sampled_from("ab"), st.sampled_from(["fox", "deer", None]), st.booleans()
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(ACTIONS)
def test_counts_and_what_stands_always_agree(tmp_path_factory: pytest.TempPathFactory, actions: list[tuple]) -> None:
    """Whatever is answered, reviewed, taken back and undone."""
    folder = tmp_path_factory.mktemp("journal")
    with Journal.open(folder) as journal:
        for annotator, image, name, review in actions:
            origin = "review" if review else "grid"
            new = NewAnswer(image, [name] if name else [], 1, True, origin)
            with journal.transaction():
                if name is None and review and (rows := journal.rows_of_image(image)):
                    new = replace(new, origin="undo", undoes=rows[-1].n)
                journal.append_answers(str(uuid.uuid4()), annotator, [new])
        standing = {image: {row.annotator for row in journal.standing_rows_of_image(image)} for image in "ab"}
        expected = {person_key(name): sum(name in who for who in standing.values()) for name in ("anna", "ben")}
        expected[EVERYBODY] = sum(bool(who) for who in standing.values())
        assert journal.answered_counts_in_round(1) == {by: count for by, count in expected.items() if count}
        assert {row.image for row in journal.standing_rows_in_round(1)} == {
            image for image, who in standing.items() if who
        }
        answered = {row.image for image in "ab" for row in journal.rows_of_image(image)}
        assert {image for _, image in journal.find_cleared_images(1)} == {
            image for image in answered if not standing[image]
        }


@pytest.mark.slow
def test_no_acknowledged_answer_is_lost_when_the_server_is_killed_fifty_times(tmp_path: Path) -> None:
    """It is killed (-9) amid clicks; what was acknowledged is in the journal once, and the browser goes on."""
    from tests.label_sources.conftest import write_image
    from tests.label_sources.web_client import Browser

    count, kills = 6000, 50
    file = tmp_path / "pool" / "one.png"
    write_image(file, 1)
    items = [Item(f"{number}.png", file) for number in range(count)]
    request = Request(1, tuple(items), ("fox",), tmp_path / "season" / "to_label")
    source = Web(browser=False, lease=1)
    source.request(request)
    acknowledged: dict[str, str] = {}
    sent: dict[str, str] = {}
    done = threading.Event()
    interrupted = 0
    with source.serve(request.folder) as serving:
        from alframe.types import CampaignSnapshot

        snapshot = CampaignSnapshot(items, ("fox",), (), (), open_round=1, asked=range(count), answers_needed=count)
        serving.publish(snapshot)
        browser = Browser(serving.address).enter("anna")

        def click() -> None:
            nonlocal interrupted
            pending: tuple[str, dict[int, list[str]]] | None = None
            names: list[str] = []
            while not done.is_set():
                try:
                    if pending is None:
                        images = browser.lease(1)
                        if not images:  # the server has just started again, and has not read the batch yet
                            continue
                        pending = str(uuid.uuid4()), {image["image"]: ["fox"] for image in images}
                        names = [image["name"] for image in images]
                        sent.update(dict.fromkeys(names, pending[0]))
                    reply = browser.answer(pending[1], action=pending[0])
                    if reply.status == 200:
                        acknowledged.update(dict.fromkeys(names, pending[0]))
                        pending = None
                except (OSError, ValueError, KeyError, HTTPException):  # the server is gone or starts: the same again
                    interrupted += pending is not None
                    time.sleep(0.02)

        def wait_for_answers(wanted: int, kill: int) -> None:
            end = time.monotonic() + 120
            while len(acknowledged) < wanted:
                assert person.is_alive() and time.monotonic() < end, (
                    f"before kill {kill}: {len(acknowledged)} answers of {wanted} are acknowledged, {len(sent)} sent"
                )
                time.sleep(0.001)

        person = threading.Thread(target=click, daemon=True)
        person.start()
        for kill in range(kills):
            wait_for_answers(len(acknowledged) + 1 + kill % 7, kill)
            time.sleep(0.0005 * (kill % 11))  # at another moment of a request each time
            process = serving._process
            serving._started_at -= 60
            process.kill()
            process.wait()
            serving.wait_for_answer(0.01)  # starts it again
        wait_for_answers(len(acknowledged) + 1, kills)
        done.set()
        person.join(60)
        assert not person.is_alive()
        browser.close()
    labels = source.collect(request).labels
    collected = {label.item: label.class_name for label in labels}
    assert interrupted, "no kill came amid an answer"
    assert len(acknowledged) > kills
    assert acknowledged.keys() <= collected.keys(), "an acknowledged answer was lost"
    assert len(labels) == len(collected), "an answer was doubled"
    assert collected.keys() <= sent.keys()
