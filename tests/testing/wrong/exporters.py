"""Exporters that are wrong."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np

from alframe.kit.exporting import final_classes
from alframe.kit.files import replace_atomically, write_text
from alframe.testing.exporter import ExporterSuite
from tests.testing.wrong import wrong


class RightExporter:
    file = "table.csv"

    def export(self, predictions, model, folder):
        best = self.choose(predictions.probs)
        names = [predictions.classes[top] for top in best]
        unseen = np.isnan(predictions.probs).any(axis=1)
        names = ["" if nan else name for name, nan in zip(names, unseen, strict=True)]
        rows = [f"{item.id}\t{name}" for item, name in zip(predictions.items, names, strict=True)]
        write_text(folder / self.file, "\n".join(["id\tclass", *rows]))
        return [folder / self.file]

    def choose(self, probs):
        return probs.argmax(axis=1) if len(probs) else []


class Argmin(RightExporter):
    def choose(self, probs):
        return probs.argmin(axis=1) if len(probs) else []


class SecondBest(RightExporter):
    def choose(self, probs):
        return probs.argsort(axis=1)[:, -2] if len(probs) else []


class EmptiesTheFolder(RightExporter):
    def export(self, predictions, model, folder):
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        return super().export(predictions, model, folder)


class ClearsBackups(RightExporter):
    def export(self, predictions, model, folder):
        for entry in folder.glob("*.bak"):
            entry.unlink()
        return super().export(predictions, model, folder)


class ExporterChangesFolder(RightExporter):
    def export(self, predictions, model, folder):
        os.chdir(folder)
        return super().export(predictions, model, folder)


class SiteTable:
    """A table with a row for each site and class: the number of images. It leaves out the class "empty"."""

    def export(self, predictions, model, folder):
        names = zip(predictions.items, self.names(predictions), strict=True)
        counts = Counter((item.camera or "", name) for item, name in names if self.is_kept(name))
        rows = [f"{site}\t{name}\t{count}\n" for (site, name), count in sorted(counts.items())]
        self.write(folder / "sites.tsv", "".join(rows))
        return [folder / "sites.tsv"]

    def names(self, predictions):
        return final_classes(predictions).class_names

    def is_kept(self, name):
        return name != "empty"

    def write(self, file, text):
        write_text(file, text)


class Appends(SiteTable):
    def write(self, file, text):
        with file.open("a", encoding="utf-8") as handle:
            handle.write(text)


class AddsToWhatItWrote(SiteTable):
    """Keeps the rows of the export before, as a new row stands first."""

    def write(self, file, text):
        write_text(file, text + (file.read_text("utf-8") if file.exists() else ""))


class RemembersRows(SiteTable):
    text = ""

    def write(self, file, text):
        self.text += text
        write_text(file, self.text)


class WritesInPlace(SiteTable):
    def write(self, file, text):
        file.write_text(text, encoding="utf-8")


class IgnoresLabels(SiteTable):
    def names(self, predictions):
        return final_classes(replace(predictions, labels=[None] * len(predictions.items))).class_names


class ClassNumbers(SiteTable):
    def names(self, predictions):
        return [str(predictions.classes.index(name)) for name in super().names(predictions)]


class OwnNames(SiteTable):
    """Takes the classes for a list of its own."""

    def names(self, predictions):
        return [
            ("fox", "boar", "roe deer", "hare")[predictions.classes.index(name)] for name in super().names(predictions)
        ]


class KeepsBlankImages(SiteTable):
    def is_kept(self, name):
        return True


class KeepsLabelledBlanks(SiteTable):
    def names(self, predictions):
        final = final_classes(predictions)
        return [f"{name} " if label else name for name, label in zip(final.class_names, final.labels, strict=True)]

    def is_kept(self, name):
        return name != "empty"


class ArgmaxOverNan(SiteTable):
    """Has a column for the prediction beside the class."""

    def names(self, predictions):
        best = predictions.probs.argmax(axis=1) if len(predictions.items) else []
        return [
            f"{name}\t{predictions.classes[top]}" for name, top in zip(super().names(predictions), best, strict=True)
        ]


class NothingAboutTheImages(SiteTable):
    def names(self, predictions):
        return predictions.classes


class ByFileName(RightExporter):
    """Takes two images of one name for the same image."""

    def export(self, predictions, model, folder):
        rows = {item.path.name: row for row, item in enumerate(predictions.items)}
        kept = list(rows.values())
        items, labels = ([values[row] for row in kept] for values in (predictions.items, predictions.labels))
        return super().export(
            replace(predictions, items=items, probs=predictions.probs[kept], labels=labels), model, folder
        )


class EncodingOfTheMachine(SiteTable):
    def write(self, file, text):
        with replace_atomically(file) as temporary:
            temporary.write_text(text)


class NanInJson(RightExporter):
    file = "table.json"

    def export(self, predictions, model, folder):
        ids = [item.id for item in predictions.items]
        names = predictions.classes
        rows = [
            {"id": id, **dict(zip(names, probs, strict=True))}
            for id, probs in zip(ids, predictions.probs.tolist(), strict=True)
        ]
        write_text(folder / self.file, json.dumps(rows))
        return [folder / self.file]


def site_table(part, caught_by):
    return wrong(ExporterSuite, part, caught_by, left_out_classes=("empty",))


CASES = [
    wrong(ExporterSuite, Argmin, "test_likeliest_class_is_the_one_that_is_written"),
    wrong(ExporterSuite, SecondBest, "test_likeliest_class_is_the_one_that_is_written"),
    wrong(ExporterSuite, EmptiesTheFolder, "test_what_others_put_there_stays"),
    wrong(ExporterSuite, ClearsBackups, "test_what_others_put_there_stays"),
    wrong(ExporterSuite, ExporterChangesFolder, "test_second_export_replaces_the_first"),
    site_table(Appends, "test_second_export_replaces_the_first"),
    site_table(AddsToWhatItWrote, "test_second_export_replaces_the_first"),
    site_table(RemembersRows, "test_second_export_replaces_the_first"),
    site_table(WritesInPlace, "test_second_export_replaces_the_first"),
    site_table(IgnoresLabels, "test_labels_are_exported"),
    site_table(ClassNumbers, "test_classes_are_written_by_name"),
    site_table(OwnNames, "test_classes_are_written_by_name"),
    site_table(KeepsBlankImages, "test_images_of_classes_that_are_left_out"),
    site_table(KeepsLabelledBlanks, "test_images_of_classes_that_are_left_out"),
    site_table(ArgmaxOverNan, "test_what_cannot_be_seen_any_more_has_a_label_and_no_prediction"),
    site_table(NothingAboutTheImages, "test_classes_are_written_by_name"),
    wrong(ExporterSuite, ByFileName, "test_images_with_the_same_file_name", writes_labels=False),
    site_table(EncodingOfTheMachine, "test_files_are_the_same_on_windows"),
    wrong(
        ExporterSuite, NanInJson, "test_what_cannot_be_seen_any_more_has_a_label_and_no_prediction", writes_labels=False
    ),
]
RIGHT = [
    wrong(ExporterSuite, RightExporter, "", writes_labels=False),
    site_table(SiteTable, ""),
]
globals().update({case.__name__: case for case in [*CASES, *RIGHT]})
