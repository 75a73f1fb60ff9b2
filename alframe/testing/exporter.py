"""The conformance suite of exporters."""

from __future__ import annotations

from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alframe.errors import AlframeError
from alframe.testing.exported_files import (
    are_text_files,
    count_lines_and_files_in_folders,
    count_mentions_in_files_and_paths,
    files_below,
    files_with_invalid_json,
    is_same_export,
    read_files,
)
from alframe.testing.exporter_cases import CLASSES as CLASSES
from alframe.testing.exporter_cases import (
    OTHER_CLASSES,
    ExporterCases,
    nearly_certain_unlabelled,
    predicted_class_by_id,
    with_all_labelled,
)
from alframe.testing.exporter_cases import FakeModel as FakeModel
from alframe.testing.exporter_cases import write_tiny_predictions as write_tiny_predictions
from alframe.testing.file_use import watching_files
from alframe.testing.other_process import on_windows
from alframe.types import UNSURE, Label, Predictions

LABELS_DOC = "alframe.kit.exporting.final_classes gives the class of each image: its label, or else its prediction"


class ExporterSuite(ExporterCases):
    """Tests of every exporter. Write a subclass with `make`, and with `read_predictions` if files can be read back.

    If your exporter writes only labels, set `writes_predictions = False`. If it writes only predictions of the model,
    set `writes_labels = False`. If it writes only the model, set both. If it leaves out the images of some classes,
    name these classes in `left_out_classes`.
    """

    def test_writes_below_the_folder_and_returns_what(self, folder: Path, tmp_path: Path, *_: object) -> None:
        predictions = self.predictions(tmp_path)
        before = files_below(tmp_path)
        with chdir(tmp_path):
            written = self.make().export(predictions, self.model(), folder)
        assert written and len(set(written)) == len(written), f"each path must be returned once: {written}"
        for path in written:
            assert path.exists() and path.is_relative_to(folder) and path != folder, f"{path} is not below folder"
        assert files_below(tmp_path) - before == files_below(*written), "a file was written that was not returned"

    def test_can_be_read_back(self, folder: Path, tmp_path: Path) -> None:
        predictions = self.predictions(tmp_path)
        self.make().export(predictions, self.model(), folder)
        self._assert_read_back(folder, predictions)

    def test_what_cannot_be_seen_any_more_has_a_label_and_no_prediction(self, folder: Path, tmp_path: Path) -> None:
        """An argmax over NaN is the first class, whichever that is."""
        predictions = self.predictions(tmp_path)
        first = predictions.items[0]
        probs, labels = predictions.probs.copy(), list(predictions.labels)
        probs[0], labels[0] = np.nan, Label(first.id, CLASSES[-1], "Anna")
        first.path.unlink()
        unseen = replace(predictions, probs=probs, labels=labels)
        written = self.export(unseen, folder)
        read = self.read_predictions(folder)
        assert read is None or read.get(first.id) not in CLASSES[:-1], (
            f"{first.id} has probabilities of NaN, so no prediction, and {read and read.get(first.id)!r} is read back: "
            f"an argmax over NaN is no prediction. {LABELS_DOC}"
        )
        assert not (files := files_with_invalid_json(written)), (
            f"{', '.join(files)} holds NaN, which is no JSON: other programs refuse the file. Write null instead"
        )
        turned = replace(unseen, probs=probs[:, ::-1], classes=unseen.classes[::-1])
        other = self.export(turned, tmp_path / "turned")
        counts = [
            {name: count_mentions_in_files_and_paths(name, paths) for name in CLASSES} for paths in (written, other)
        ]
        assert counts[0] == counts[1], (
            f"with the classes in reverse order, their names are written {counts[1]} times instead of {counts[0]} "
            f"times. Is there an argmax over the probabilities of an image that are NaN? {LABELS_DOC}"
        )

    def test_second_export_replaces_the_first(self, folder: Path, tmp_path: Path) -> None:
        exporter, model = self.make(), self.model()
        first = exporter.export(self.predictions(tmp_path), model, folder)
        newer = self.predictions(tmp_path, count=5, seed=1)
        alone = self.export_and_read(newer, tmp_path / "alone")
        with watching_files(folder) as use:
            second = exporter.export(newer, model, folder)
        assert set(second) == set(first), "the second export must write to the same paths"
        assert files_below(folder) == files_below(*second), "something of the first export is left over"
        replaced, again = read_files(folder), self.export_and_read(newer, tmp_path / "again")
        grown = [name for name, content in alone.items() if len(replaced[name]) > 1.5 * len(content) + 100]
        assert is_same_export(alone, replaced, again) is not False and not grown, (
            f"a second export into the same folder must leave what it writes into an empty one. It does not, and "
            f"{', '.join(grown) or 'no file'} has grown. Is something appended, or kept by the exporter itself?"
        )
        assert not use.rewritten, (
            f"{', '.join(use.rewritten)} was emptied or deleted, and written anew: an export that is interrupted would "
            f"leave half a file. Use alframe.kit.files.replace_atomically or write_text"
        )
        self._assert_read_back(folder, newer)

    def test_what_others_put_there_stays(self, folder: Path, tmp_path: Path) -> None:
        (folder / "mine").mkdir()
        others = [folder / "mine" / "notes.txt", folder / "results.csv.bak", folder / "zz.json", tmp_path / "table.csv"]
        for file in others:
            file.write_text("mine", encoding="utf-8")
        for _ in range(2):
            self.make().export(self.predictions(tmp_path), self.model(), folder)
        gone = [str(file) for file in others if not file.is_file() or file.read_text(encoding="utf-8") != "mine"]
        assert not gone, f"files of others were deleted or changed: {gone}"

    def test_likeliest_class_is_the_one_that_is_written(self, folder: Path, tmp_path: Path) -> None:
        """No class is written more often than when it is nearly certain for every image."""
        self._skip_unless(self.writes_predictions, "writes_predictions is False")
        given = self.predictions(tmp_path)
        counts = []  # by the class that is nearly certain, and the class that is counted
        for top in range(len(given.classes)):
            written = self.export(nearly_certain_unlabelled(given, [top] * len(given.items)), folder)
            counts.append([count_lines_and_files_in_folders(each, written) for each in given.classes])
        table = np.array(counts)
        wrong = np.flatnonzero(table.diagonal() < table.max(axis=0))
        assert not len(wrong), (
            f"'{given.classes[wrong[0]]}' is written less often where it is nearly certain than where it is not: "
            f"{table[:, wrong[0]].tolist()} lines"
        )

    def test_classes_are_written_by_name(self, folder: Path, tmp_path: Path) -> None:
        self._skip_unless(self.writes_predictions or self.writes_labels, "it writes nothing about the images")
        given = self.predictions(tmp_path)
        renamed = replace(given, classes=OTHER_CLASSES)
        first = self.export_and_read(self._all_of_one_class(given, 1), folder)
        another = self.export_and_read(self._all_of_one_class(given, 2), tmp_path / "another")
        written = self.export(self._all_of_one_class(renamed, 1), tmp_path / "renamed")
        again = self.export_and_read(self._all_of_one_class(given, 1), tmp_path / "again")
        assert is_same_export(first, another, again) is not True, (
            "the files are the same whichever class all images are of. If the exporter writes nothing about the "
            "predictions, set writes_predictions = False; about the labels, writes_labels = False"
        )
        assert is_same_export(first, read_files(tmp_path / "renamed"), again) is not True, (
            "the files do not change when the classes have other names: write predictions.classes[number], and not "
            "the number"
        )
        assert not are_text_files(written) or count_mentions_in_files_and_paths(OTHER_CLASSES[1], written), (
            f"all images are of the class '{OTHER_CLASSES[1]}', and no file says so: write "
            f"predictions.classes[number], and not the number"
        )

    def test_images_with_the_same_file_name(self, folder: Path, tmp_path: Path) -> None:
        given = self.predictions(tmp_path, count=2)
        paths = [item.path.with_name("same.jpg") for item in given.items]
        self._skip_unless(self.writes_predictions and len({*paths}) == 2, "it writes no predictions of two folders")
        ids = [f"{item.id.rpartition('/')[0]}/same.jpg" for item in given.items]
        items = [replace(item, id=id, path=path) for item, id, path in zip(given.items, ids, paths, strict=True)]
        for item, path in zip(given.items, paths, strict=True):
            item.path.rename(path)
        tops = {"both": [1, 1], "first": [2, 1], "second": [1, 2], "again": [1, 1]}
        try:
            both, *others, again = (
                self.export_and_read(nearly_certain_unlabelled(replace(given, items=items), each), tmp_path / name)
                for name, each in tops.items()
            )
        except AlframeError:
            pytest.skip("it refuses images that predictions() does not give")
        for name, other in zip(("first", "second"), others, strict=True):
            assert is_same_export(both, other, again) is not True, (
                f"two folders hold an image same.jpg, and the class of the {name} is not exported: use item.id, "
                f"which is unique, and not the name of the file"
            )

    def test_files_are_the_same_on_windows(self, folder: Path, tmp_path: Path) -> None:
        predictions = self.predictions(tmp_path)
        first = self.export_and_read(predictions, tmp_path / "first")
        with on_windows():
            self.export(predictions, tmp_path / "windows")
        other, again = read_files(tmp_path / "windows"), self.export_and_read(predictions, tmp_path / "again")
        assert is_same_export(first, other, again) is not False, (
            "the files differ where another encoding is the default, as on Windows: open files with encoding='utf-8'"
        )

    def test_labels_are_exported(self, folder: Path, tmp_path: Path) -> None:
        self._skip_unless(self.writes_labels, "writes_labels is False")
        given = self.predictions(tmp_path)
        certain = nearly_certain_unlabelled(given, [0] * len(given.items))
        first, labelled = self.export_and_read(certain, folder), with_all_labelled(certain, given.classes[-1])
        other, again = (
            self.export_and_read(labelled, tmp_path / "labelled"),
            self.export_and_read(certain, tmp_path / "again"),
        )
        assert is_same_export(first, other, again) is not True, (
            f"'{given.classes[0]}' is predicted for every image, a person has labelled each as '{given.classes[-1]}', "
            f"and the files are the same as without labels. {LABELS_DOC}. If the exporter writes only what the model "
            f"says, set writes_labels = False"
        )

    def test_images_of_classes_that_are_left_out(self, folder: Path, tmp_path: Path) -> None:
        self._skip_unless(bool(self.left_out_classes), "left_out_classes is empty")
        given = self.predictions(tmp_path)
        for name in self.left_out_classes:
            some = replace(given, classes=(name, *given.classes[1:]))
            predicted = nearly_certain_unlabelled(some, [row % 2 for row in range(len(some.items))])
            labelled = replace(
                nearly_certain_unlabelled(some, [1] * len(some.items)),
                labels=[Label(item.id, name, "Anna") if row % 2 == 0 else None for row, item in enumerate(some.items)],
            )
            kept = _rows(predicted, slice(1, None, 2))
            folders = [
                tmp_path / f"{place} {name.replace('/', ' ')}" for place in ("first", "second", "predicted", "labelled")
            ]
            first, again, *others = map(self.export_and_read, (kept, kept, predicted, labelled), folders)
            for how, other in zip(("predicted", "labelled"), others, strict=True):
                assert is_same_export(first, other, again) is not False, (
                    f"images {how} as '{name}', which is one of left_out_classes, are exported: the files are not the "
                    f"same without these images"
                )

    def test_no_images_at_all(self, folder: Path, tmp_path: Path) -> None:
        self.make().export(self.predictions(tmp_path, count=0), self.model(), folder)
        read = self.read_predictions(folder)
        assert not read, f"there are no images, and these are read back: {read}"

    def test_predictions_and_images_are_not_changed(self, folder: Path, tmp_path: Path) -> None:
        predictions = self.predictions(tmp_path)
        probs, labels = predictions.probs.copy(), list(predictions.labels)
        images = [(item.path.read_bytes(), item.path.stat().st_mtime_ns) for item in predictions.items]
        for _ in range(2):
            self.make().export(predictions, self.model(), folder)
        np.testing.assert_array_equal(predictions.probs, probs, "the exporter changed predictions.probs: copy it first")
        assert list(predictions.labels) == labels, "the exporter changed predictions.labels: copy it first"
        now = [(item.path.read_bytes(), item.path.stat().st_mtime_ns) for item in predictions.items]
        assert now == images, "the exporter changed a file of the pool, or its time: it may only read the images"

    def _all_of_one_class(self, predictions: Predictions, number: int) -> Predictions:
        certain = nearly_certain_unlabelled(predictions, [number] * len(predictions.items))
        return certain if self.writes_predictions else with_all_labelled(certain, predictions.classes[number])

    def _assert_read_back(self, folder: Path, predictions: Predictions) -> None:
        read, expected = self.read_predictions(folder), predicted_class_by_id(predictions)
        labels = zip(predictions.items, predictions.labels, strict=True)
        labelled = {item.id: label.class_name for item, label in labels if label and label.class_name != UNSURE}
        or_labels = expected | labelled
        assert read is None or dict(read) in (expected, or_labels), (
            f"read_predictions() reads {dict(read or {})} from the files. The likeliest classes are {expected}; "
            f"with the labels in place of predictions they are {or_labels}"
        )

    def _skip_unless(self, applies: bool, reason: str) -> None:
        if not applies:
            pytest.skip(reason)


def _rows(predictions: Predictions, rows: slice) -> Predictions:
    items, labels = predictions.items[rows], predictions.labels[rows]
    return replace(predictions, items=items, probs=predictions.probs[rows], labels=labels)
