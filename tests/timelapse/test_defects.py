"""Every known defect of the tool that came before has a test, named by its number: here those around Timelapse."""

from __future__ import annotations

import csv
import threading
import time
from pathlib import Path

import pytest

from alframe.app.api import open_session
from alframe.errors import LabelError
from alframe.formats.timelapse import sqlite as timelapse_sqlite
from alframe.label_sources.csv.source import Csv
from alframe.label_sources.timelapse.set_source import TimelapseSet
from alframe.label_sources.timelapse.source import Timelapse as RoundSet
from alframe.loop.labels import decide_labels, find_standing_labels
from alframe.pools.folder import Folder
from alframe.store.ledger import Ledger
from alframe.types import Answers, Item, OutcomeState, Request
from tests.timelapse.conftest import picture
from tests.timelapse.lab import SPECIES, Lab, defect, own_template, path_of
from tests.timelapse.people import TDB
from tests.timelapse.simulator import Timelapse
from tests.timelapse.template import TemplateEditor

CLASSES = ("boar", "deer", "fox")


def images(folder: Path, *names: str) -> tuple[Item, ...]:
    return tuple(Item(name, picture(folder / name)) for name in names)


def asked(folder: Path, *names: str, classes: tuple[str, ...] = CLASSES, number: int = 1) -> Request:
    """A request for pictures that lie in `folder`/images."""
    return Request(number, images(folder / "images", *names), classes, folder / "to_label")


def said(answers: Answers) -> set[tuple[str, str]]:
    return {(label.item, label.class_name) for label in answers.labels}


def problems(answers: Answers) -> str:
    return "\n".join(map(str, answers.problems))


def round_set(request: Request) -> Timelapse:
    return Timelapse.open(request.folder / f"round-{request.round:03d}" / TDB)


def own_set(folder: Path, *without: str) -> Timelapse:
    """A user's set of the pictures in `folder`/images."""
    own_template(folder / "images", *without)
    return Timelapse.open(folder / "images" / TDB)


def selected(timelapse: Timelapse) -> set[str]:
    return {path_of(row) for row in timelapse.records() if row["Selected"].lower() == "true"}


@defect("6.2-01", "A7.10")
def test_backups_of_timelapse_are_no_class_folder(tmp_path: Path) -> None:
    images(tmp_path, "fox/a.jpg", "boar/b.jpg", "DeletedFiles/fox/x.jpg", "Backups/x.jpg", ".vthumb/x.jpg")
    own_template(tmp_path)
    timelapse = Timelapse.open(tmp_path / TDB)
    timelapse.label("fox/a.jpg", "fox")
    assert list((tmp_path / "Backups").glob("*.ddb"))
    found = {(item.id, item.label) for item in Folder(tmp_path, classes=True).items()}
    assert found == {("fox/a.jpg", "fox"), ("boar/b.jpg", "boar")}


@defect("6.2-02", "6.2-08")
def test_images_in_the_root_are_asked_for_and_answered(tmp_path: Path) -> None:
    request = asked(tmp_path, "root.jpg", "A/one.jpg")
    assert {item.id for item in Folder(tmp_path / "images").items()} == {"root.jpg", "A/one.jpg"}
    RoundSet().request(request)
    timelapse = round_set(request)
    timelapse.label("root.jpg", "fox")
    timelapse.label("A/one.jpg", "boar")
    assert said(RoundSet().collect(request)) == {("root.jpg", "fox"), ("A/one.jpg", "boar")}
    own = own_set(tmp_path)
    TimelapseSet(str(own.root)).request(request)
    assert own.import_csv().problems == []
    assert selected(own) == {"root.jpg", "A/one.jpg"}
    own.label("root.jpg", "deer")
    export = own.export_csv(tmp_path / "ImageData.csv")
    assert ",,"[1:] in export.read_text() and said(TimelapseSet(str(own.root)).collect(request)) == {
        ("root.jpg", "deer")
    }


@defect("6.2-03")
def test_an_import_gives_no_warning_and_keeps_the_times_of_the_user(tmp_path: Path) -> None:
    request = asked(tmp_path, "A/one.jpg", "A/two.jpg")
    own = own_set(tmp_path)
    own.set(1, "DateTime", "2020-02-02 02:02:02")
    TimelapseSet(str(own.root)).request(request)
    assert own.import_csv().problems == []
    assert [row["DateTime"] for row in own.records()] == ["2020-02-02 02:02:02", "2024-05-01 10:00:00"]


@defect("6.2-04", "A7.2")
def test_only_what_changes_is_imported(tmp_path: Path) -> None:
    names = [f"A/{number:03d}.jpg" for number in range(30)]
    asked(tmp_path, *names)
    own = own_set(tmp_path)
    TimelapseSet(str(own.root)).request(asked(tmp_path, *names[:3]))
    assert own.import_csv().updated == 3
    TimelapseSet(str(own.root)).request(asked(tmp_path, *names[2:5], number=2))
    assert own.import_csv().updated == 5, "two are selected, two no more, and one has another round"
    assert selected(own) == set(names[2:5])


@defect("6.2-05", "A7.3")
def test_the_next_batch_shows_by_itself(tmp_path: Path) -> None:
    names = [f"A/{number:03d}.jpg" for number in range(6)]
    asked(tmp_path, *names)
    own = own_set(tmp_path)
    for number in range(2):
        batch = names[3 * number : 3 * number + 3]
        TimelapseSet(str(own.root)).request(asked(tmp_path, *batch, number=number + 1))
        assert own.import_csv().imported
        if number == 0:
            own.select(Selected="true")
        assert [path_of(row) for row in own.shown] == batch


@defect("6.2-06", "A7.9")
def test_no_flag_stays_behind_after_a_restart(tmp_path: Path) -> None:
    request = asked(tmp_path, "A/one.jpg", "A/two.jpg")
    own = own_set(tmp_path)
    TimelapseSet(str(own.root)).request(request)
    own.import_csv()
    own.label("A/one.jpg", "fox")
    # alframe is started anew, and knows the first image's label by now
    TimelapseSet(str(own.root)).request(asked(tmp_path, "A/three.jpg", "A/two.jpg", number=2))
    assert own.import_csv().problems == []
    assert selected(own) == {"A/two.jpg"}, "the third came later and is not in the set yet"


@defect("6.2-07", "A7.4")
def test_a_stale_export_neither_hides_nor_overrules_a_newer_one(tmp_path: Path) -> None:
    lab = Lab(
        tmp_path, "label_source=timelapse_set", f"label_source.set={(tmp_path / 'images').as_posix()}", "enough=0.5"
    )
    lab.words.append("classes=[boar,deer,fox]")
    own = own_set(tmp_path)
    lab.run()
    names = lab.asked(1)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for number, species in enumerate(("boar", "fox")):
        for name in names[:3]:
            own.label(name, species)
        # names that sort the other way round, and a file with images that were not asked for
        export = own.export_csv(lab.folder(1) / f"{'zyx'[number]}.csv")
        for name in names[:3]:
            own.label(name, "")
        lab.run("task=label")
        time.sleep(0.02)
    assert sorted(file.name for file in export.parent.glob("*.csv")) == ["y.csv", "z.csv"], "nothing is taken away"
    with open_session(*lab.words) as session:
        counted = {label.class_name for label in session.decided_labels().counted}
    assert counted == {"fox"}, "of the same person, the file saved later counts"
    assert set(lab.labels()) == set(names[:3]), "rows without a species say nothing"


@defect("6.2-09")
def test_numbers_and_empty_words_stay_what_they_are(tmp_path: Path) -> None:
    classes = ("None", "NA", "null", "007", "1e3", "true")
    request = asked(tmp_path, *(f"00{number}/0{number}.jpg" for number in range(6)), classes=classes)
    wanted = {(item.id, name) for item, name in zip(request.items, classes, strict=True)}
    RoundSet().request(request)
    timelapse = round_set(request)
    for item, name in wanted:
        timelapse.label(item, name)
    assert said(RoundSet().collect(request)) == wanted
    export = timelapse.export_csv(tmp_path / "export.csv")
    own = own_set(tmp_path)
    assert said(TimelapseSet(str(own.root), exports=[str(export)]).collect(request)) == wanted
    sheet = request.folder / "round-001" / "list.csv"
    with sheet.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([("path", "label"), *wanted])
    assert said(Csv().collect(request)) >= wanted


@defect("6.2-10", "A7.7")
def test_paths_of_both_systems_match(tmp_path: Path) -> None:
    request = asked(tmp_path, "A/B c/Ü.JPG")
    RoundSet().request(request)
    timelapse = round_set(request)
    assert timelapse.records()[0]["RelativePath"] == "A\\B c"
    timelapse.set(1, "Species", "fox")
    assert said(RoundSet().collect(request)) == {("A/B c/Ü.JPG", "fox")}
    own = own_set(tmp_path)
    for path in ("A\\B c", "A/B c", "A\\B c\\", "A/B c/"):
        export = tmp_path / "export.csv"
        export.write_text(f"File,RelativePath,Species\r\nÜ.JPG,{path},boar\r\n", "utf-8")
        assert said(TimelapseSet(str(own.root), exports=[str(export)]).collect(request)) == {("A/B c/Ü.JPG", "boar")}


@defect("6.2-11", "A7.6", "A9.11")
def test_a_new_species_becomes_a_class(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "classes=[boar,deer,fox]")
    lab.run()
    timelapse = lab.answer(1)
    timelapse.set(1, "Species", "")
    timelapse.set(1, "NewSpecies", "lynx")
    lab.run()
    timelapse = lab.open(2)
    assert "lynx" in timelapse.control("Species").choices, "the list of the next round has it"
    lab.answer(2)
    timelapse.set(1, "Species", "lynx")
    lab.run()
    assert lab.rounds() == 3
    assert sum(names == ["lynx"] for names in lab.labels().values()) == 2
    with Ledger.open(lab.project, read_only=True) as ledger:
        assert "lynx" in decide_labels(find_standing_labels(ledger.stored_labels()), "ask").class_first_rounds


@defect("6.2-12")
def test_two_species_in_a_picture_are_both_kept_and_said(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "classes=[boar,deer,fox]", "enough=0.5")
    lab.run()
    timelapse = lab.answer(1, lambda at, truth: "fox")
    timelapse.set(timelapse.duplicate(1), "Species", "boar")
    words = lab.run()
    assert lab.rounds() == 2
    (both,) = [item for item, names in lab.labels().items() if sorted(names) == ["boar", "fox"]]
    assert f"'{both}' is 'fox'" in words and "'boar'" in words and str(timelapse.ddb) in words


@defect("6.2-13")
def test_a_part_counts_and_unsure_skipped_or_deleted_images_block_nothing(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "classes=[boar,deer,fox]")
    lab.run()
    timelapse = lab.answer(1, lambda at, truth: ("unsure", truth, "", truth)[at])
    assert "3 of 4 images of round 1 are answered" in lab.run(), "a part counts, and the rest can still come"
    timelapse.delete(timelapse.shown[1]["Id"])
    words = lab.run()
    assert "3 of 4 images of round 1 are answered" in words, "an answer stays when the image is deleted"
    assert "enough=" in words, "and how to go on without the rest is said"
    lab.run("enough=0.5")
    assert lab.rounds() == 2
    assert sorted(name for names in lab.labels().values() for name in names).count("unsure") == 1


@defect("6.2-14", "A7.1", "A9.05")
def test_a_death_at_any_transaction_loses_neither_request_nor_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    lab = Lab(tmp_path, "classes=[boar,deer,fox]")
    lab.run()
    lab.answer(1)
    first = lab.asked(1)
    transaction = Ledger.transaction
    for count in range(6):
        left = iter(range(count))

        def dies(ledger: Ledger, left=left):
            if next(left, None) is None:
                raise Died
            return transaction(ledger)

        with monkeypatch.context() as patch, pytest.raises(Died):
            patch.setattr(Ledger, "transaction", dies)
            lab.run()
        assert lab.asked(1) == first
    lab.run()
    lab.run()
    assert lab.rounds() == 2
    assert lab.labels() == {item: [lab.truth[item]] for item in first}
    assert lab.open(2).records(), "the second request is before the people"


@defect("6.2-15")
def test_a_file_that_is_being_written_is_waited_for_and_never_costs_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = asked(tmp_path, "A/one.jpg")
    RoundSet().request(request)
    timelapse = round_set(request)
    timelapse.set(1, "Species", "fox")
    locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        with timelapse.hold_lock():
            locked.set()
            release.wait(5)

    holder = threading.Thread(target=hold)
    holder.start()
    locked.wait()
    monkeypatch.setattr(timelapse_sqlite, "LOCK_TIMEOUT", 0.05)
    answers = RoundSet().collect(request)
    assert answers.labels == [] and answers.cleared == [], "nothing is known, so nothing is taken back"
    assert str(timelapse.ddb) in problems(answers) and "again" in problems(answers)
    monkeypatch.setattr(timelapse_sqlite, "LOCK_TIMEOUT", 10)
    threading.Timer(0.2, release.set).start()
    assert said(RoundSet().collect(request)) == {("A/one.jpg", "fox")}
    holder.join()


@defect("6.2-16")
def test_nobody_is_kept_waiting_at_a_console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asks(*_: object) -> str:
        raise AssertionError("asked at the console")

    monkeypatch.setattr("builtins.input", asks)
    lab = Lab(tmp_path, "classes=[boar,deer,fox]")
    lab.run()
    assert lab.outcome is not None and lab.outcome.state is OutcomeState.WAITING
    lab.run()
    assert lab.rounds() == 1


@defect("6.2-17")
def test_the_template_is_made_and_a_users_own_is_checked_before_the_import(tmp_path: Path) -> None:
    request = asked(tmp_path, "A/one.jpg")
    RoundSet().request(request)
    timelapse = round_set(request)
    assert timelapse.dialogs == [] and not timelapse.rebuilt
    assert set(timelapse.control("Species").choices) == {*CLASSES, "blank", "unsure"}
    own_template(tmp_path / "images", "Selected").add("Flag", "Selectd")
    own = Timelapse.open(tmp_path / "images" / TDB)
    with pytest.raises(LabelError, match=r"'Selected'.*Did you mean 'Selectd'"):
        TimelapseSet(str(own.root)).request(request)
    assert not own.ddb.with_suffix(".csv").exists()


@defect("6.2-18")
def test_bursts_and_places_are_known(tmp_path: Path) -> None:
    for place in range(6):
        for burst in range(3):
            for frame in range(4):
                taken = f"2024:05:01 {10 + burst}:00:{5 * frame:02d}"
                picture(tmp_path / "images" / f"S{place}" / f"{burst}_{frame}.jpg", taken)
    lab = Lab(tmp_path, "pool.camera_level=1", "batch=8", "start.labels=8", "classes=[boar,deer,fox]", each=0)
    lab.run()
    with Ledger.open(lab.project, read_only=True) as ledger:
        items = ledger.items()
        assert len({item.sequence for item in items}) == 18
        assert {item.camera for item in items} == {f"S{place}" for place in range(6)}
        (asked_for,) = ledger.stored_rounds()
        sequences = [items[key].sequence for key in asked_for.keys]
    assert len(set(sequences)) == len(sequences) == 8, "one image a burst"


@defect("6.2-19")
def test_the_data_label_decides_and_the_label_may_be_anything(tmp_path: Path) -> None:
    request = asked(tmp_path, "A/one.jpg")
    own_template(tmp_path / "images", "Species").add("FixedChoice", "kind", SPECIES, label="Species")
    own = Timelapse.open(tmp_path / "images" / TDB)
    with pytest.raises(LabelError, match="Data Label is 'kind'"):
        TimelapseSet(str(own.root)).request(request)
    source = TimelapseSet(str(own.root), species="kind")
    source.request(request)
    assert own.import_csv().problems == []
    own.set(1, "kind", "fox")
    assert said(source.collect(request)) == {("A/one.jpg", "fox")}
    RoundSet().request(request)
    timelapse = round_set(request)
    TemplateEditor(timelapse.tdb).rename_label("Species", "Tierart")
    timelapse = Timelapse.open(timelapse.tdb)
    timelapse.set(1, "Species", "boar")
    answers = RoundSet().collect(request)
    assert said(answers) == {("A/one.jpg", "boar")} and answers.problems == []


@defect("A7.5")
def test_what_is_wrong_has_a_message_with_its_place_and_the_rest_counts(tmp_path: Path) -> None:
    request = asked(tmp_path, "A/one.jpg", "A/two.jpg", "A/three.jpg")
    own = own_set(tmp_path)
    own.label("A/one.jpg", "fox")
    good = own.export_csv(tmp_path / "good.csv")
    for name, content in {
        "empty.csv": b"",
        "binary.csv": bytes(range(256)) * 20,
        "no-column.csv": b"File,RelativePath,Kind\r\ntwo.jpg,A,fox\r\n",
        "typo.csv": b"File,RelativePath,Species\r\ntwo.jpg,A,foxx\r\nthree.jpg,A,deer\r\n",
        "twice.csv": b"File,RelativePath,Species\r\none.jpg,A,fox\r\none.jpg,A,boar\r\nnowhere.jpg,A,fox\r\n",
    }.items():
        (tmp_path / name).write_bytes(content)
        source = TimelapseSet(str(own.root), exports=[str(good), str(tmp_path / name)])
        answers = source.collect(request)
        assert ("A/one.jpg", "fox") in said(answers), name
        if name != "twice.csv":
            assert name in problems(answers), name
    assert ("A/one.jpg", "boar") in said(answers), "both are told, whichever counts"
    (tmp_path / "typo.csv").touch()
    answers = TimelapseSet(str(own.root), exports=[str(tmp_path / "typo.csv")]).collect(request)
    assert ("A/three.jpg", "deer") in said(answers)
    assert all(words in problems(answers) for words in ("typo.csv, row 2: ", "'foxx'", "Did you mean 'fox'"))
    assert "missing" in problems(TimelapseSet(str(own.root), exports=[str(tmp_path / "missing.csv")]).collect(request))


@defect("A7.8")
def test_the_csv_has_only_what_the_users_template_has(tmp_path: Path) -> None:
    request = asked(tmp_path, "A/one.jpg", "A/two.jpg")
    own = own_set(tmp_path, "ALPrediction", "ALConfidence")
    TimelapseSet(str(own.root)).request(request)
    result = own.import_csv()
    assert result.imported and result.problems == []
    assert selected(own) == {"A/one.jpg", "A/two.jpg"}
