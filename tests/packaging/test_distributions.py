"""A wheel, a source distribution, an editable install and a bare clone all hold and find what they need."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.packaging.building import build_wheel, run_command

WHERE = """
import json, alframe
from alframe.app.conf_folders import conf_root
config = alframe.compose("sampler=kcenter", "experiment=camera_trap_classic", "stopping=null")
print(json.dumps([alframe.__file__, conf_root(), config.sampler.name, config.backbone.dim, alframe.__version__]))
"""


def files(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def digests(wheel: Path) -> dict[str, str]:
    """Every file of a wheel with its hash, from the wheel's own record."""
    archive = zipfile.ZipFile(wheel)
    (record,) = (name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
    return {name: digest for name, digest, _ in csv.reader(archive.read(record).decode().splitlines())}


def tree(folder: Path, *parts: str) -> set[str]:
    return {
        file.relative_to(folder).as_posix()
        for part in parts
        for file in (folder / part).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_the_wheel_holds_all_configuration(wheel: Path, clone: Path) -> None:
    expected = {f"alframe/{name}" for name in tree(clone, "conf")}
    assert "alframe/conf/config.yaml" in expected
    assert expected <= files(wheel)
    assert {name for name in files(wheel) if name.startswith("alframe/conf/")} == expected


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel: Path, clone: Path) -> None:
    package = {name for name in files(wheel) if not name.startswith("alframe/conf/") and ".dist-info/" not in name}
    assert package == tree(clone, "alframe")
    assert {"alframe/py.typed", "alframe/report/page.html.j2", "alframe/report/style.css"} <= package


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = {name.partition(".dist-info/")[2]: archive.read(name).decode() for name in files(wheel) if "-info/" in name}
    assert "licenses/LICENSE" in info
    assert "alframe = alframe.__main__:main" in info["entry_points.txt"]
    assert "Requires-Python: <3.14,>=3.11" in info["METADATA"]
    assert "License-Expression: Apache-2.0" in info["METADATA"]


def test_the_source_distribution_holds_what_it_takes_to_build_and_test(sdist: Path, clone: Path) -> None:
    content = tree(sdist, ".")
    assert tree(clone, "alframe", "conf", "tests", "docs", "benchmarks", "plugins", "tools") <= content
    assert {"LICENSE", "README.md", "Makefile", "constraints.txt", "pyproject.toml", "PKG-INFO"} <= content


def test_the_wheel_of_the_source_distribution_is_the_same(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    assert digests(build_wheel(sdist, tmp_path)) == digests(wheel)


def test_an_installed_wheel_stands_alone(site: Path, tmp_path: Path) -> None:
    file, root, sampler, dim, version = json.loads(run_command(sys.executable, "-c", WHERE, cwd=tmp_path, path=(site,)))
    assert Path(file).parent == site / "alframe", "another alframe was imported"
    assert root == "pkg://alframe.conf"
    assert (sampler, dim) == ("kcenter", 256)
    assert (site / f"alframe-{version}.dist-info").is_dir()
    text = run_command(sys.executable, "-m", "alframe", "--help-all", cwd=tmp_path, path=(site,))
    assert "sampler: active_search," in text
    text = run_command(sys.executable, "-m", "alframe", "plugins", cwd=tmp_path, path=(site,))
    assert "kcenter" in text
    assert "BROKEN" not in text
    assert "no YAML" not in text
    assert not list(tmp_path.iterdir())


def test_a_bare_clone_runs(clone: Path, tmp_path: Path) -> None:
    text = run_command(sys.executable, "-m", "alframe", "--help-all", cwd=tmp_path, path=(clone,))
    assert "sampler: active_search," in text
    file, root, *_ = json.loads(run_command(sys.executable, "-c", WHERE, cwd=tmp_path, path=(clone,)))
    assert Path(file).parent == clone / "alframe"
    assert root == (clone / "conf").as_posix()


def test_a_package_without_configuration_says_so(clone: Path, tmp_path: Path) -> None:
    """Such as a copy of the folder alframe alone."""
    shutil.copytree(clone / "alframe", tmp_path / "alframe")
    command = [sys.executable, "-m", "alframe", "status"]
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(f"alframe's configuration is missing below {tmp_path}")
