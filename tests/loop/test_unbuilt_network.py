"""A network whose features are all stored is not built again; one that has changed is never mixed with the old one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import scipy
from packaging.version import Version

from alframe.app.api import open_session
from alframe.engine.embedding import embedder
from alframe.engine.embedding.feature_source import NetworkChanged, UnbuiltEmbedder
from alframe.loop.network import load_network
from alframe.types import OutcomeState
from tests.loop.test_people import Person

NETWORK_PACKAGES = ("torch", "timm", "torchvision", "huggingface_hub")
# SciPy before 1.17 imports its linear algebra with what is needed.
LINEAR_ALGEBRA = ("scipy.linalg",) if Version(scipy.__version__) >= Version("1.17") else ()
SCIPY = ("scipy.stats", "scipy.optimize", *LINEAR_ALGEBRA)
UNUSED_BY_ALL = (*NETWORK_PACKAGES, "pandas", "pyarrow", "sklearn", *SCIPY, "matplotlib", "faiss", "jinja2")
READING_TASKS = ("status", "label", "compare")
DEFAULT_PARTS = {"backbone": "efficientnet_lite0", "loss": "triplet", "head": "auto", "sampler": "uherding_bursts"}


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Somebody who has answered the first batch, of which nothing is learned yet."""
    person = Person(tmp_path)
    person.run()
    person.answer(1)
    return person


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("the network was built")


def test_learning_and_choosing_build_no_network(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedder, "make_embedder", refuse)
    assert person.run().state is OutcomeState.WAITING
    assert person.rounds() == 2


def test_an_unbuilt_network_has_the_fingerprint_of_the_built_one(person: Person) -> None:
    with open_session(*person.words) as session:
        source = load_network(session)
        assert isinstance(source, UnbuiltEmbedder)
        assert source.build().fingerprint == source.fingerprint
        assert source.build().input_spec == source.input_spec
        assert source.build() is source.build()


def test_another_seed_of_random_weights_is_another_network(person: Person) -> None:
    with open_session(*person.words, "seed=1") as session:
        assert not isinstance(load_network(session), UnbuiltEmbedder)


def test_a_network_that_is_not_the_known_one_embeds_all_again(person: Person) -> None:
    (record,) = person.project.parent.rglob("networks/*.json")
    stored = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps({**stored, "digest": "0" * 32}), encoding="utf-8")
    with open_session(*person.words) as session, pytest.raises(NetworkChanged, match="Run the same command again"):
        load_network(session).build()
    assert not record.exists()
    record.write_text(json.dumps({**stored, "digest": "0" * 32}), encoding="utf-8")
    assert person.run().state is OutcomeState.WAITING
    with open_session(*person.words) as session:
        assert session.history()[-1].fingerprint == stored["digest"]


def imported_by(code: str, packages: tuple[str, ...]) -> list[str]:
    """Return which of the packages are imported in a new process that runs `code`."""
    last = f"import json, sys; print('\\n' + json.dumps([name for name in {packages!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{last}"], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_commands_that_only_read_and_the_default_parts_import_little() -> None:
    code = "from alframe.builtins import REGISTRIES\nfrom alframe.app import cli\n"
    code += f"for name in {READING_TASKS!r}: REGISTRIES['task'].get(name).load()\n"
    code += f"from alframe.app.building import build\nfor kind, name in {DEFAULT_PARTS!r}.items(): build(kind, name)\n"
    assert imported_by(code, UNUSED_BY_ALL) == []


def test_storing_labels_and_looking_at_a_project_import_little(person: Person) -> None:
    folder = f"project={person.project.as_posix()}"
    code = f"from alframe.app import cli\nfor task in ('label', 'status'): cli.main([task, {folder!r}])"
    assert imported_by(code, UNUSED_BY_ALL) == []


@pytest.mark.slow
def test_a_round_on_stored_features_imports_no_package_that_takes_a_second(person: Person) -> None:
    words = [*person.words, "head=auto", "loss=triplet"]
    code = f"from alframe.app import cli\ncli.main({words!r})"
    assert imported_by(code, (*NETWORK_PACKAGES, "faiss", "sklearn", "pandas", "scipy.stats")) == []
    assert person.rounds() == 2
