"""What a campaign exports is taken by Timelapse: labels into the user's own set, predictions as recognitions."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

from tests.timelapse import recognition
from tests.timelapse.lab import Lab, own_template, path_of
from tests.timelapse.people import TDB
from tests.timelapse.simulator import Timelapse


def test_labels_and_predictions_arrive(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "classes=[blank,boar,deer,fox]", "exporter=[timelapse_csv,recognition_json,predictions]")
    lab.words += [f"exporter.timelapse_csv.set={lab.images.as_posix()}"]
    own_template(lab.images)
    timelapse = Timelapse.open(lab.images / TDB)
    for number in (1, 2):
        lab.run()
        lab.answer(number)
    lab.run()
    lab.run("task=export")
    asked = {*lab.asked(1), *lab.asked(2)}
    before = timelapse.records()
    result = timelapse.import_csv(lab.project / "export" / "timelapse" / "TimelapseData.csv")
    assert result.imported and result.problems == [] and result.updated == len(asked)
    for old, new in zip(before, timelapse.records(), strict=True):
        changed = {name for name in new if new[name] != old[name]}
        assert changed == ({"Species"} if path_of(new) in asked else set())
        assert new["Species"] == (lab.truth[path_of(new)] if path_of(new) in asked else "")
    file = next((lab.project / "export").rglob("recognitionData.json"))
    shutil.copy(file, lab.images)
    taken = timelapse.import_recognition()
    assert taken.imported and taken.dialogs == [] and set(taken.images) == set(lab.truth)
    with next((lab.project / "export").rglob("predictions.csv")).open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for class_number, name in recognition.names(timelapse.ddb).items():
        likely = {
            row["path"] for row in rows if (row["label"] or row["prediction"]) == name and float(row["confidence"]) > 0
        }
        if likely and name != "blank":
            found = timelapse.select_recognised(
                ClassificationCategoryNumbers=[class_number], ClassificationConfidenceLowerForUI=0.0
            )
            assert {path_of(row) for row in found} == likely
