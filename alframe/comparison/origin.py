"""The origin of a comparison: the command, versions, seeds, the state of the source, and digests of the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from alframe.commands import command_line
from alframe.comparison.choices import short_value, varying_choices
from alframe.comparison.page_parts import TableOfPage
from alframe.comparison.runs import Run
from alframe.loop.parts import list_package_versions
from alframe.settings.fields import format_for_command_line


def describe_origin(
    runs: Sequence[Run], places: Sequence[Path], options: Mapping[str, object]
) -> list[tuple[str, str]]:
    """Return names and values, with the command first. If runs differ, all their values are listed."""
    words = [f"{name}={format_for_command_line(value)}" for name, value in options.items()]
    rows = [
        ("command", command_line("compare", *map(str, places), *words)),
        ("runs from", ", ".join(str(place.resolve()) for place in places)),
        ("seeds", ", ".join(map(str, sorted({run.seed for run in runs})))),
        ("packages of the runs", _describe_versions(run.versions for run in runs)),
        ("packages of this page", _describe_versions([list_package_versions()])),
    ]
    for name in dict.fromkeys(name for run in runs for name in run.origin):
        values = sorted({run.origin.get(name, "not recorded") for run in runs})
        rows.append((name, ", ".join(values)))
    return [*rows, ("digests of ids, classes and split", ", ".join(sorted({run.items_digest for run in runs})))]


def runs_table(runs: Sequence[Run]) -> TableOfPage:
    """Return the table of all runs: the varying choices, the number of rounds and labels, and the origin."""
    varying = varying_choices([run.choices for run in runs]) or ["sampler"]
    rows = [
        {
            "run": run.folder.name,
            **{name: short_value(run.choices.get(name)) for name in varying},
            "seed": run.seed,
            "rounds": len(run.history),
            "labels": run.history[-1].labels,
            "items": run.items_digest,
            **run.origin,
            "folder": str(run.folder),
        }
        for run in runs
    ]
    numbers = pd.DataFrame(rows)
    shown = numbers[["run", *varying, "seed", "rounds", "labels", "items"]]
    caption = "Runs with the same items have the same images, classes and split."
    return TableOfPage("runs", "All runs", caption, numbers, shown, long=True)


def _describe_versions(versions: Iterable[Mapping[str, str]]) -> str:
    found: dict[str, set[str]] = {}
    for packages in versions:
        for package, version in packages.items():
            found.setdefault(package, set()).add(version)
    return ", ".join(f"{package} {' and '.join(sorted(several))}" for package, several in found.items())
