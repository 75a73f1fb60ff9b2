"""Plugins that break their contracts, or the process: each harms only itself, and the message says whose it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alframe.app.api import compose
from alframe.testing.tiny import tiny_overrides
from tests.command_line import CommandLine
from tests.packaging.building import InstallFake
from tests.packaging.test_third_party import SAMPLER

PREFIX = {"exporter": "# @package exporter.bad\n", "tracker": "# @package tracker.bad\n"}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "import sys\nsys.exit(3)",
            "BROKEN: 'bad' from alframe-bad 1.0 (alframe_bad:Part) cannot be imported: SystemExit: 3",
        ),
        ("raise KeyError('x')", "cannot be imported: KeyError: 'x'"),
        ("Part = 5", "is 5, and not a class or a function that builds a part"),
        ("", "cannot be imported: AttributeError"),
    ],
)
def test_a_module_that_cannot_be_imported(
    alframe: CommandLine, install_fake: InstallFake, tmp_path: Path, code: str, said: str
) -> None:
    install_fake("alframe-bad", code, "bad", "name: bad")
    listed = alframe("plugins")
    assert listed.code == 0 and said in " ".join(listed.out.split())
    finished = alframe("sampler=bad", "pool=digits", f"pool.root={tmp_path / 'digits'}")
    assert finished.code == 1 and "alframe-bad 1.0" in finished.err
    assert "There is no project" in alframe("status").err


def test_one_that_changes_the_folder_or_warns_is_named_and_changes_nothing(
    alframe: CommandLine, install_fake: InstallFake, caplog: pytest.LogCaptureFixture
) -> None:
    code = f"import os, warnings\nos.chdir('/')\nwarnings.warn('old and slow')\n{SAMPLER}"
    install_fake("alframe-bad", code, "bad", "name: bad")
    before = Path.cwd()
    assert alframe("plugins").code == 0
    assert Path.cwd() == before
    assert "alframe-bad 1.0 changed the working directory; it is changed back." in caplog.text
    assert "alframe-bad 1.0 warns: old and slow" in caplog.text


@pytest.mark.parametrize("content", [b"name: [", b"\xff\xfe\x00", b"- a\n- b\n", b"\tname: x", b"name: ${nope.nope}\n"])
def test_a_yaml_file_that_is_broken_or_of_something_else(
    alframe: CommandLine, install_fake: InstallFake, pool: Path, tmp_path: Path, content: bytes
) -> None:
    site = install_fake("alframe-bad", SAMPLER, "bad", "name: bad")
    for kind in ("sampler", "task", "exporter", "experiment"):
        (site / "alframe_bad" / "conf" / kind).mkdir(exist_ok=True)
        (site / "alframe_bad" / "conf" / kind / "bad.yaml").write_bytes(content)
    run = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=4"]
    for words in (["plugins"], ["--help-all"], run, ["status", f"runs={(tmp_path / 'runs').as_posix()}"]):
        finished = alframe(*words)
        assert finished.code == 0, f"{words}: {finished.err}"
    assert compose("sampler=margin").sampler.name == "margin"
    finished = alframe("sampler=bad", "pool=digits", f"pool.root={tmp_path / 'digits'}")
    assert finished.code == 1 and "Traceback" not in finished.err
    checked = alframe("plugins", "--check", "bad")
    assert checked.code == 1 and "bad.yaml" in checked.out and "alframe-bad 1.0" in checked.out


def test_the_name_of_a_built_in_part_stays_its_own(
    alframe: CommandLine, install_fake: InstallFake, pool: Path, tmp_path: Path
) -> None:
    install_fake("alframe-usurper", SAMPLER, "margin", "name: margin")
    said = " ".join(alframe("plugins").out.split())
    assert (
        "alframe-usurper 1.0 has the name of a built-in part: choose with sampler.name=alframe-usurper:margin" in said
    )
    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=8", "sampler=margin"]
    assert alframe(*words).code == 0
    assert alframe(*words, "sampler.name=alframe-usurper:margin").code == 0
    owners = {json.loads(owner)["sampler:margin"] for owner in owners_of(tmp_path / "runs")}
    assert {owner.split()[0] for owner in owners} == {"alframe", "alframe-usurper"}


def owners_of(runs: Path) -> list[str]:
    from alframe.store.ledger import Ledger

    found = []
    for file in runs.glob("*/ledger.sqlite"):
        with Ledger.open(file.parent, read_only=True) as ledger:
            found += [text for (text,) in ledger.raw_rows("round", ["owners"])]
    return found


def part(*lines: str) -> str:
    """A class of this body."""
    return "\n    ".join(["class Part:", *lines])


SELECT = "needs = frozenset()", "def select(self, view, k, rng):"
DECIDE, LABELS_LEFT = "def decide(self, history):", "def labels_left(self, labels):"
HEAD = "import numpy as np\nfrom alframe.heads.linear import Linear\n"
POOL = "from pathlib import Path\nfrom alframe.types import Item\n"
BACKBONE = "import torch\nfrom alframe.types import InputSpec\n"


def head(answer: str) -> str:
    return HEAD + part("def probs(self, x):", f"    return {answer}").replace("Part:", "Part(Linear):")


def pool_of(listed: str) -> str:
    return POOL + part("def __init__(self, root):", "    self.root = root", "def items(self):", f"    return {listed}")


VIOLATIONS = [
    ("sampler", part(*SELECT, "    return [1]"), r"[1] (list), not an alframe.types.Selection"),
    ("sampler", part(*SELECT, "    pass"), "returned None (NoneType)"),
    ("sampler", part(SELECT[0]), "has no method 'select'"),
    ("sampler", part(SELECT[1], "    pass"), "has no attribute 'needs'"),
    ("sampler", part(*SELECT, "    return 1 / 0"), "ZeroDivisionError"),
    ("sampler", part("def __init__(self):", "    raise SystemExit(2)"), "cannot be built: SystemExit: 2"),
    ("head", head("super().probs(x) * np.float32(np.nan)"), "not finite"),
    ("head", head("None"), "NoneType"),
    ("head", head("[[1.0]] * len(x)"), "list, not as an array of float32"),
    ("head", head("np.ones((len(x), 1), np.float32)"), "of 1 classes, and was fitted to"),
    ("head", head("np.ones(len(x), np.float32)"), "of the shape"),
    ("stopping", part(DECIDE, "    return True", LABELS_LEFT, "    return None"), "decides True (bool)"),
    ("stopping", part(DECIDE, "    return None", LABELS_LEFT, "    return -1"), "has room for -1 labels"),
    ("pool", pool_of("[Item('a.jpg', Path('/a.jpg')), Item('a.jpg', Path('/a.jpg'))]"), "lists the id 'a.jpg' twice"),
    ("pool", pool_of("['a.jpg']"), "lists 'a.jpg' (str), not an Item"),
    ("pool", pool_of("None"), "lists None (NoneType)"),
    (
        "label_source",
        part(
            "answers_now = True",
            "def request(self, request):",
            "    return ''",
            "def collect(self, _):",
            "    return []",
        ),
        "collects [] (list), not Answers",
    ),
    (
        "backbone",
        BACKBONE
        + part(
            "input_spec = InputSpec(8, (0.5,) * 3, (0.5,) * 3)",
            "def module(self, seed, weights=True):",
            "    return torch.nn.Identity()",
        ),
        "gives (1, 3, 8, 8) for one image",
    ),
    (
        "compute",
        part(
            "batch_size = 8",
            "def device(self):",
            "    return 'cpu'",
            "def worker_count(self):",
            "    return 0",
            "def map_shards(self, function, shards):",
            "    return iter([])",
        ),
        "gives 0 results for",
    ),
    ("task", part("read_only = True", "def run(self, session):", "    return 'done'"), "ends with 'done' (str)"),
]


@pytest.mark.parametrize(("kind", "code", "said"), VIOLATIONS, ids=[f"{kind}: {said}" for kind, _, said in VIOLATIONS])
def test_a_broken_contract_names_part_distribution_and_value(
    alframe: CommandLine, install_fake: InstallFake, pool: Path, tmp_path: Path, kind: str, code: str, said: str
) -> None:
    install_fake("alframe-bad", code, "bad", "name: bad" + ("\nroot: ???" if kind == "pool" else ""), kind=kind)
    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=8", "start.sampler=random"]
    if kind == "backbone":
        words = [word for word in words if not word.startswith("backbone")]
    if kind == "compute":
        words = [word for word in words if not word.startswith("compute")]
    if kind in ("stopping", "pool"):
        words = [word for word in words if not word.startswith(("stopping.", "pool=", "pool.classes"))]
        words += [] if kind == "stopping" else ["stopping.labels=8"]
        words += ["pool=folder", "pool.classes=true"] if kind == "stopping" else []
    finished = alframe(*(["bad"] if kind == "task" else [*words, f"{kind}=bad"]))
    assert finished.code == 1
    assert said in finished.err, finished.err
    assert "alframe-bad 1.0" in finished.err and f"{kind} 'bad'" in finished.err
    assert "Traceback" not in finished.err


TRACKER = """
class Part:
    def start(self, folder, history):
        pass
    def log(self, record):
        raise ValueError("no connection")
    def close(self):
        pass
"""
EXPORTER = """
class Part:
    def export(self, predictions, model, folder):
        raise ValueError("no connection")
"""


@pytest.mark.parametrize(("kind", "code"), [("tracker", TRACKER), ("exporter", EXPORTER)])
def test_a_tracker_or_exporter_that_fails_ends_no_campaign(
    alframe: CommandLine, install_fake: InstallFake, pool: Path, tmp_path: Path, kind: str, code: str
) -> None:
    install_fake("alframe-bad", code, "bad", f"{PREFIX[kind]}name: bad", kind=kind)
    other = {"tracker": "[bad,jsonl]", "exporter": "[bad,predictions]"}[kind]
    words = [*tiny_overrides(pool, tmp_path / "runs"), f"{kind}={other}"]
    finished = alframe(*words)
    assert finished.code == 1, "the exit status says that something failed"
    assert f"{kind} 'bad' (alframe-bad 1.0) failed: ValueError: no connection" in finished.err
    assert "The budget of 20 labels is used up" in finished.out
    (project,) = (path.parent for path in tmp_path.glob("runs/*/ledger.sqlite"))
    if kind == "tracker":
        assert len((project / "rounds.jsonl").read_text(encoding="utf-8").splitlines()) == 5, "the others go on"
        assert alframe(*words).code == 0, "it has ended, and nothing is left to be tracked"
    else:
        assert list((project / "export").glob("predictions*"))
        again = alframe(*words)
        assert again.code == 1 and "no connection" in again.err, "what failed is tried again"


def test_check_loads_composes_and_builds(alframe: CommandLine, install_fake: InstallFake) -> None:
    install_fake("alframe-good", SAMPLER, "good", "name: good")
    install_fake("alframe-extra", SAMPLER, "extra", "name: extra\nsize: 3")
    install_fake("alframe-bare", SAMPLER, "bare")
    install_fake("alframe-half", "class Part:\n    needs = frozenset()\n", "half", "name: half")
    checked = alframe("plugins", "--check")
    assert checked.code == 1
    lines = dict(line.split(": ", 1) for line in checked.out.splitlines())
    assert lines["sampler good (alframe-good 1.0)"] == "ok"
    assert "has size, which the constructor does not accept" in lines["sampler extra (alframe-extra 1.0)"]
    assert "conf/sampler/bare.yaml is missing" in lines["sampler bare (alframe-bare 1.0)"]
    assert "has no method 'select'" in lines["sampler half (alframe-half 1.0)"]
    assert alframe("plugins", "--check", "good").code == 0
    assert alframe("plugins", "--check", "alframe-good", "margin").code == 0
    unknown = alframe("plugins", "--check", "goood")
    assert unknown.code == 1 and "Did you mean 'good'?" in unknown.err
