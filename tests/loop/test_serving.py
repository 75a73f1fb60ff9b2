"""A campaign in the browser goes on by itself, round after round; whatever stops it, the same command goes on."""

from __future__ import annotations

import _thread
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from alframe.app.api import open_session
from alframe.label_sources.web import launch
from alframe.loop.experiment import list_pool_into_ledger
from alframe.loop.serving import describe_accuracy, find_keys_without_suggestion, take_snapshot
from alframe.store.events import BatchArranged, Event, Predicted, RequestClosed
from alframe.store.ledger import Ledger
from alframe.tasks.report import collect_report_data
from alframe.testing.records import round_record
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import Outcome, OutcomeState
from tests.label_sources.web_client import Browser
from tests.sheets import answer_sheet, sheet_path
from tests.timelapse.simulator import Timelapse

_LIMIT = 300.0  # seconds for a campaign, many times what one takes


class Campaign:
    """A campaign that is served in this process's child, with people in threads."""

    def __init__(self, folder: Path) -> None:
        self.images = tiny_pool(folder / "images", classes=3, each=12)
        self.project = folder / "season"
        self.words = [
            *(word for word in tiny_overrides(self.images, folder / "runs") if "classes" not in word),
            *(f"project={self.project.as_posix()}", "label_source=web", "label_source.stay=false"),
        ]
        self.address = ""
        self.opened = threading.Event()
        self.failures: list[BaseException] = []

    def open_browser(self, address: str) -> bool:
        self.address = address
        self.opened.set()
        return True

    def run(self, person: Callable[[Browser], object] | None, *more: str, task: str = "run") -> Outcome:
        """Run a task while a person labels."""
        self.opened.clear()
        thread = threading.Thread(target=self._label, args=(person,), daemon=True)
        thread.start()
        limit = threading.Timer(_LIMIT, self._give_up, args=(thread,))
        limit.start()
        try:
            with open_session(*self.words, *more, f"task={task}") as session:
                outcome = session.task_to_run.run(session)
        except KeyboardInterrupt:
            assert not self.failures, self.failures
            raise
        finally:
            limit.cancel()
        self.opened.set()
        thread.join(30)
        assert not self.failures, self.failures
        assert not thread.is_alive(), "the campaign has ended, and 30 s later the person still labels"
        return outcome

    def _give_up(self, thread: threading.Thread) -> None:
        person = "still labels" if thread.is_alive() else "has ended"
        self._fail(AssertionError(f"after {_LIMIT:g} s the campaign at {self.address or 'no page'} waits; {person}"))

    def _fail(self, error: BaseException) -> None:
        self.failures.append(error)
        _thread.interrupt_main()  # the campaign would wait for this person for ever

    def _label(self, person: Callable[[Browser], object] | None) -> None:
        self.opened.wait(60)
        if person is None or not self.address:
            return
        browser = Browser(self.address)
        try:
            person(browser.enter("anna"))
        except BaseException as error:
            self._fail(error)
        finally:
            browser.close()

    def ledger(self) -> Ledger:
        return Ledger.open(self.project, read_only=True)


def truth(image: dict[str, Any]) -> str:
    return str(image["name"].split("/")[0])


def label_round(browser: Browser, after: int = 0, size: int = 3) -> int:
    """Answer all of the next round, a page at a time, and return its number."""
    state = browser.wait_for("waiting", after_round=after)
    end = time.monotonic() + 60
    while images := browser.lease(size):
        for image in images:
            browser.add_class(truth(image))
        reply = browser.answer({image["image"]: [truth(image)] for image in images})
        assert time.monotonic() < end, f"after 60 s round {state['round']} still has images: {reply.json}"
    return int(state["round"])


def label_until_the_end(browser: Browser) -> None:
    number = 0
    try:
        while True:
            number = label_round(browser, number)
    except (OSError, AssertionError):  # the server has ended with the campaign
        assert number == 5


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Campaign]:
    campaign = Campaign(tmp_path)
    monkeypatch.setattr(launch, "_can_open_browser", lambda: True)
    monkeypatch.setattr(launch.webbrowser, "open", campaign.open_browser)
    # Where a shell has started the tests in the background, Ctrl-C is ignored, and no failure would end the campaign.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield campaign
    signal.signal(signal.SIGINT, before)


def test_five_rounds_without_a_command(campaign: Campaign, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "alframe"):
        outcome = campaign.run(label_until_the_end, "stopping.labels=20")
    assert any(text.startswith("New project in ") and "season" in text for text in caplog.messages)
    assert outcome.state is OutcomeState.DONE
    with campaign.ledger() as ledger:
        items, rows = ledger.items(), list(ledger.stored_labels())
        assert len(ledger.stored_rounds()) == 5 and len(rows) == 20
        assert all(row.class_name == items[row.item].id.split("/")[0] and row.annotator == "anna" for row in rows)
        for stored, (_, arranged) in zip(ledger.stored_rounds(), ledger.events_of(BatchArranged), strict=True):
            hidden = {key for key, blind in zip(stored.keys, arranged.without_suggestion, strict=True) if blind}
            assert stored.audit_keys < hidden and len(hidden) == 2 * len(stored.audit_keys)
            assert sorted(arranged.similarity) == list(range(len(stored.keys)))
        assert len(ledger.events_of(Predicted)) >= 3
    assert (campaign.project / "export" / "model" / "model.json").exists()


def test_it_goes_on_after_it_was_stopped(campaign: Campaign) -> None:
    """Stopped in the middle of a batch; the browser's cookie is good for the next server, at the same address."""
    cookies = []

    def some(browser: Browser) -> None:
        browser.wait_for("waiting")
        for image in browser.lease(2):
            browser.add_class(truth(image))
            browser.answer({image["image"]: [truth(image)]})
        cookies.append((browser.cookie, browser.port))
        raise_in_main.set()

    raise_in_main = threading.Event()
    wait = launch.ServerProcess.wait_for_answer

    def stopped(self: launch.ServerProcess, seconds: float) -> bool:
        if raise_in_main.is_set():
            raise KeyboardInterrupt
        return wait(self, 0.05)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch.ServerProcess, "wait_for_answer", stopped)
        with pytest.raises(KeyboardInterrupt):
            campaign.run(some, "stopping.labels=20")

    def the_same(browser: Browser) -> None:
        before = Browser(campaign.address, *cookies[0][:1])
        assert before.port == cookies[0][1] == browser.port
        state = before.wait_for("waiting")
        assert (state["round"], state["batch"]["answered"]) == (1, 2)
        before.close()
        label_until_the_end(browser)

    assert campaign.run(the_same, "stopping.labels=20").state is OutcomeState.DONE


def test_what_people_find_is_labelled_and_marked_and_not_requested_again(campaign: Campaign) -> None:
    found = []

    def person(browser: Browser) -> None:
        number = label_round(browser, label_round(browser))
        browser.wait_for("waiting", after_round=number)
        (image, *_) = browser.get("/api/pool?limit=5&order=doubtful").json["images"]
        browser.answer({image["image"]: ["class_1"]}, origin="find")
        found.append(image["name"])
        label_until_the_end(browser)

    campaign.run(person, "stopping.labels=20")
    with campaign.ledger() as ledger:
        (key,) = ledger.keys_of(found).values()
        (row,) = [row for row in ledger.stored_labels() if row.item == key]
        assert (row.origin, row.class_name, row.round) == ("web unrequested", "class_1", 3)
        assert all(key not in stored.keys for stored in ledger.stored_rounds())


def answer_in_timelapse(project: Path) -> None:
    (template,) = (project / "to_label" / "round-001").rglob("*.tdb")
    timelapse = Timelapse.open(template)
    for record in timelapse.records():
        timelapse.set(record["Id"], "Species", record["RelativePath"].split("\\")[-1])
    timelapse.close()


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("csv", lambda project: answer_sheet(sheet_path(project, 1))),
        pytest.param("timelapse", answer_in_timelapse, marks=pytest.mark.slow),
    ],
)
def test_from_files_to_the_browser_between_rounds(
    campaign: Campaign, source: str, answer: Callable[[Path], object]
) -> None:
    words = [word for word in campaign.words if not word.startswith("label_source")]
    with open_session(*words, f"label_source={source}") as session:
        session.task_to_run.run(session)
    answer(campaign.project)

    def person(browser: Browser) -> None:
        assert label_round(browser) == 2
        reviewed = browser.get("/api/review?limit=100").json
        assert {image["source"] for image in reviewed["images"]} >= {source}
        number = 2
        while number < 5:
            number = label_round(browser, number)

    assert campaign.run(person, "stopping.labels=20").state is OutcomeState.DONE
    with campaign.ledger() as ledger:
        assert {row.origin for row in ledger.stored_labels()} == {source, "web"}


def test_enough_goes_on_and_late_answers_count(campaign: Campaign) -> None:
    late = []

    def person(browser: Browser) -> None:
        browser.wait_for("waiting")
        images = browser.lease(4)
        for image in images:
            browser.add_class(truth(image))
        browser.answer({image["image"]: [truth(image)] for image in images[:2]})
        browser.wait_for("waiting", after_round=1)
        browser.answer({image["image"]: [truth(image)] for image in images[2:]})
        late.extend(image["name"] for image in images[2:])
        number = 1
        while number < 5:
            number = label_round(browser, number)

    campaign.run(person, "stopping.labels=18", "enough=0.5")
    with campaign.ledger() as ledger:
        keys = ledger.keys_of(late).values()
        assert {row.round for row in ledger.stored_labels() if row.item in keys} == {1}


def test_the_label_task_serves_the_batch_and_status_and_withdraw_know_of_it(campaign: Campaign) -> None:
    def one(browser: Browser) -> None:
        browser.wait_for("waiting")
        (image,) = browser.lease(1)
        browser.add_class(truth(image))
        browser.answer({image["image"]: [truth(image)]})
        raise_in_main.set()

    raise_in_main = threading.Event()

    def stopped(self: launch.ServerProcess, seconds: float) -> bool:
        if raise_in_main.is_set():
            raise KeyboardInterrupt
        time.sleep(0.02)
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch.ServerProcess, "wait_for_answer", stopped)
        with pytest.raises(KeyboardInterrupt):
            campaign.run(one)
    assert "1 of 4 images of round 1 are answered" in campaign.run(None, task="status").message
    outcome = campaign.run(label_round, "task.watch=true", "task.every=0.05", task="label")
    assert "4 of 4 images of round 1" in outcome.message
    assert "4 of 4 images of round 1" in campaign.run(None, task="withdraw").message


def test_after_the_end_corrections_are_learned_from_until_ctrl_c(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    import alframe.tasks.run as run

    monkeypatch.setattr(run, "_QUIET_SECONDS", 0.3)
    wait = launch.ServerProcess.wait_for_answer
    corrected = threading.Event()
    corrections = []

    def until_corrected(self: launch.ServerProcess, seconds: float) -> bool:
        if corrected.is_set():
            raise KeyboardInterrupt
        return wait(self, min(seconds, 0.3))

    monkeypatch.setattr(launch.ServerProcess, "wait_for_answer", until_corrected)

    def person(browser: Browser) -> None:
        number = 0
        while number < 5:
            number = label_round(browser, number)
        browser.wait_for("done", after_round=-1)
        image = browser.get("/api/review?limit=1").json["images"][0]
        corrections.append(image["name"])
        before = browser.get("/api/state").json["since"]
        browser.answer({image["image"]: ["class_0" if truth(image) != "class_0" else "class_1"]}, origin="review")
        end = time.monotonic() + 60
        while browser.get("/api/state").json["since"] == before or browser.get("/api/state").json["phase"] != "done":
            assert time.monotonic() < end
            time.sleep(0.05)
        corrected.set()

    outcome = campaign.run(person, "stopping.labels=20", "label_source.stay=true")
    assert outcome.state is OutcomeState.DONE
    with campaign.ledger() as ledger:
        (key,) = ledger.keys_of(corrections).values()
        names = [row.class_name for row in ledger.stored_labels() if row.item == key]
        assert len(names) == 2 and names[0] != names[1]


def test_an_action_that_was_kept_during_a_crash_is_written_once(campaign: Campaign) -> None:
    """The server is killed; the same address comes back, and the browser sends again what was not acknowledged."""

    def person(browser: Browser) -> None:
        browser.wait_for("waiting")
        image = browser.lease(1)[0]
        browser.add_class(truth(image))
        action = str(uuid.uuid4())
        browser.answer({image["image"]: [truth(image)]}, action=action)
        kill_server.set()
        end = time.monotonic() + 60
        while True:
            assert time.monotonic() < end
            try:
                again = browser.answer({image["image"]: [truth(image)]}, action=action)
                if killed.is_set() and again.status == 200:
                    break
            except (OSError, HTTPException):  # the reply can break off in the middle, too
                time.sleep(0.05)
        label_until_the_end(browser)

    kill_server, killed = threading.Event(), threading.Event()
    restart_if_ended = launch.ServerProcess._restart_if_ended

    def kill_first(self: launch.ServerProcess) -> None:
        if kill_server.is_set() and not killed.is_set():
            assert self._process is not None
            self._started_at -= 60
            self._process.kill()
            self._process.wait()
            killed.set()
        restart_if_ended(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch.ServerProcess, "_restart_if_ended", kill_first)
        campaign.run(person, "stopping.labels=20")
    with campaign.ledger() as ledger:
        assert len(list(ledger.stored_labels())) == 20


def test_people_are_told_which_of_their_answers_do_not_count(campaign: Campaign) -> None:
    """Two classes for one image, where one is to be chosen: all is answered, and the campaign waits."""
    told: list[str] = []

    def person(browser: Browser) -> None:
        browser.wait_for("waiting")
        images = browser.lease(10)
        for image in images:
            browser.add_class(truth(image))
        two = next(image for image in images if truth(image) != truth(images[0]))
        answers = {image["image"]: [truth(image)] for image in images}
        browser.answer(answers | {two["image"]: [truth(images[0]), truth(two)]})
        end = time.monotonic() + 30
        while not (message := browser.get("/api/state").json["message"]) and time.monotonic() < end:
            time.sleep(0.05)
        listed = browser.get("/api/review?disagree=1").json["images"]
        told.extend([message, *(image["name"] for image in listed)])
        assert told == [message, two["name"]] and f"'{two['name']}'" in message and "Only disagreements" in message
        browser.answer({two["image"]: [truth(two)]}, origin="review")

    assert campaign.run(person, "stopping.labels=4").state is OutcomeState.DONE
    assert len(told) == 2


def test_the_audit_of_a_round_that_an_earlier_version_has_asked_is_not_judged(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, events = [word for word in campaign.words if "stay" not in word], Ledger.events_of
    with open_session(*words, "label_source=csv", "audit=0.5") as session:
        session.task_to_run.run(session)

    def without_arranged(ledger: Ledger, kind: type[Event], *number: int) -> list[tuple[int, Event]]:
        return [] if kind is BatchArranged else events(ledger, kind, *number)

    monkeypatch.setattr(Ledger, "events_of", without_arranged)
    with open_session(*campaign.words, "task=label") as session:
        (stored,) = session.ledger.stored_rounds()
        snapshot = take_snapshot(session, list_pool_into_ledger(session), None)
    assert len(stored.audit_keys) == 2 and snapshot.without_suggestion == set(stored.keys)


def test_unanswered_images_of_earlier_batches_are_counted_with_those_that_are_not_of_the_audit(
    campaign: Campaign,
) -> None:
    """The audit's alone would tell whoever has left out one image of a batch whether it is the audit's."""
    words = [word for word in campaign.words if "stay" not in word]
    with open_session(*words, "label_source=csv", "audit=0.5") as session:
        session.task_to_run.run(session)
        (stored,) = session.ledger.stored_rounds()
        cache = list_pool_into_ledger(session)
        assert take_snapshot(session, cache, None).unanswered_without_suggestion_count == 0, "it is open"
        with session.ledger.transaction():
            session.ledger.add_event(stored.number, RequestClosed(0))
        (_, arranged), *_ = session.ledger.events_of(BatchArranged)
        hidden = [key for key, blind in zip(stored.keys, arranged.without_suggestion, strict=True) if blind]
        assert (
            take_snapshot(session, cache, None).unanswered_without_suggestion_count
            == len(hidden)
            > len(stored.audit_keys)
        )


def test_the_report_of_an_open_batch_gives_no_prediction_where_none_is_suggested(campaign: Campaign) -> None:
    """Whoever labels may read it meanwhile."""
    words = [word for word in campaign.words if "stay" not in word]
    for number in (1, 2):
        with open_session(*words, "label_source=csv", "audit=0.5") as session:
            session.task_to_run.run(session)
            (stored, *_), arranged = session.ledger.stored_rounds()[::-1], dict(session.ledger.events_of(BatchArranged))
            asked, shown = stored.keys, [image.prediction for image in collect_report_data(session).batch]
        assert stored.number == number
        answer_sheet(sheet_path(campaign.project, number))
    hidden = find_keys_without_suggestion(stored, arranged[2])
    assert hidden
    assert [prediction is None for prediction in shown] == [key in hidden for key in asked]


def test_the_audit_leads_however_few_its_images() -> None:
    def said(**measured: Any) -> str:
        ledger = SimpleNamespace(history=lambda: [round_record(1, 40, 0.8, **measured)])
        return describe_accuracy(cast(Any, SimpleNamespace(ledger=ledger, parts=SimpleNamespace(stopping=None))))

    assert said() == "Accuracy after 40 labels: 80 % (95 % interval: 74 to 86 %), measured on 200 test split."
    assert said(audit=0.6, audited=12, unlabelled=0.5) == (
        "Accuracy after 40 labels: 44 to 56 % of the 1,000 images without a label (95 % interval; 12 images are too "
        "few for one number), measured on 12 images drawn at random from the pool."
    )
