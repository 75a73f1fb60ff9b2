"""What `alframe plugins --check` says of parts that are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.app.plugin_check import check_parts_named


def test_tasks_need_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that change a project are refused without one, but nothing is run here."""
    monkeypatch.chdir(tmp_path)
    report, passed = check_parts_named(["run", "withdraw", "export", "status"])
    assert passed and report.count(": ok") == 4, report


def install(site: Path, package: str, entry: str, **yaml: str) -> None:
    """Install a plugin whose samplers are those of the entry points, with these YAML files of samplers."""
    info, conf = site / f"{package}-1.0.dist-info", site / package / "conf" / "sampler"
    conf.mkdir(parents=True)
    info.mkdir()
    (site / package / "__init__.py").write_text(
        "from alframe.samplers.random import Random\n\n\nclass Sampler(Random):\n"
        "    def __init__(self, share: float = 0.5) -> None:\n        self.share = float(share)\n",
        encoding="utf-8",
    )
    for name, text in yaml.items():
        (conf / f"{name}.yaml").write_text(text, encoding="utf-8")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    points = f"[alframe.samplers]\n{entry} = {package}:Sampler\n[alframe.conf]\n{package} = {package}.conf\n"
    (info / "entry_points.txt").write_text(points, encoding="utf-8")


def test_name_that_two_plugins_register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("alframe_first", "alframe_second"):
        install(tmp_path, package, "planted_twice", planted_twice="name: planted_twice\nshare: 0.5\n")
    monkeypatch.syspath_prepend(tmp_path)
    report, passed = check_parts_named(["planted_twice"])
    assert not passed and report.count("DUPLICATE") == 2, report
    assert "choose with sampler.name=alframe_first:planted_twice" in report, report


def test_name_of_a_built_in_part_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "alframe_third", "random", random="name: random\n")
    monkeypatch.syspath_prepend(tmp_path)
    report, passed = check_parts_named(["alframe_third"])
    assert passed and "choose with sampler.name=alframe_third:random" in report, report


def test_wrong_value_in_a_yaml_file_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "alframe_fourth", "planted_half", planted_half="name: planted_half\nshare: half\n")
    monkeypatch.syspath_prepend(tmp_path)
    report, passed = check_parts_named(["planted_half"])
    assert not passed and "share=half: must be a number" in report and "planted_half.yaml" in report, report
