"""Distributions built once, from what a commit of this tree would hold, and installed beside each other in folders."""

from __future__ import annotations

import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from alframe.builtins import REGISTRIES
from tests.command_line import alframe, pool
from tests.packaging.building import ROOT, InstallFake, build_once, build_wheel, install_into, run_command

__all__ = ["alframe", "pool"]


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files that git knows or would add."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    folder = tmp_path_factory.mktemp("clone") / "alframe"
    listing = run_command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).is_file():  # not one that is deleted and not yet committed
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    (built,) = build_once(tmp_path_factory, "wheel", lambda out: build_wheel(clone, out)).glob("*.whl")
    return built


@pytest.fixture(scope="session")
def sdist(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution."""
    out = tmp_path_factory.mktemp("sdist")
    run_command(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(out), cwd=clone)
    (archive,) = out.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(out, filter="data")
    return out / archive.name.removesuffix(".tar.gz")


@pytest.fixture(scope="session")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with alframe installed from the wheel."""
    return build_once(tmp_path_factory, "site", lambda folder: install_into(wheel, folder))


@pytest.fixture(scope="session")
def coinflip_project(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plugin written by the installed alframe."""
    folder = tmp_path_factory.mktemp("written")
    run_command(sys.executable, "-m", "alframe", "new_plugin", "part=coinflip", cwd=folder, path=(site,))
    assert [path.name for path in folder.iterdir()] == ["alframe-coinflip"], "nothing else is written"
    return folder / "alframe-coinflip"


@pytest.fixture(scope="session")
def coinflip(coinflip_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with that plugin installed."""
    return install_into(coinflip_project, tmp_path_factory.mktemp("plugin") / "coinflip")


@pytest.fixture
def install_fake(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[InstallFake]:
    """Install a distribution made of strings: ``install_fake("alframe-x", "class Part: ...", "x", "name: x")``.

    It offers `Part` under `name` and has one YAML file, called the same unless `file` says otherwise.
    """

    def make(
        dist: str, code: str, name: str, yaml: str = "", *, kind: str = "sampler", file: str = "", conf: str = ""
    ) -> Path:
        top, site = dist.replace("-", "_"), tmp_path_factory.mktemp(dist)
        folder, info = site / top / "conf" / kind, site / f"{top}-1.0.dist-info"
        folder.mkdir(parents=True)
        info.mkdir()
        (site / top / "__init__.py").write_text(code)
        if yaml:
            (folder / f"{file or name}.yaml").write_text(f"{yaml}\n")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            f"[{REGISTRIES[kind].group}]\n{name} = {top}:Part\n[alframe.conf]\n{dist} = {conf or f'{top}.conf'}\n"
        )
        monkeypatch.syspath_prepend(str(site))
        return site

    yield make
    for top in [name for name in sys.modules if name.startswith("alframe_")]:
        del sys.modules[top]
