"""The command line as people meet it: what it says, how it ends, and what it leaves on the disk."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alframe.app.api import open_session
from alframe.app.parts import GROUPS
from alframe.builtins import BUILTIN_PARTS, alframe_version
from alframe.tasks.run import Run
from alframe.tasks.status import Status
from alframe.testing.tiny import tiny_overrides, tiny_pool
from tests.command_line import CommandLine, Finished
from tests.each import check_each

HEAVY = ("torch", "timm", "faiss", "sklearn", "pandas", "matplotlib")


def refused(finished: Finished) -> str:
    """The one line that says why a command ended with 1."""
    assert finished.code == 1
    assert finished.out == ""
    (line,) = finished.err.splitlines()
    return line


def rounds(runs: Path) -> list[dict[str, object]]:
    (file,) = runs.glob("*/rounds.jsonl")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def ends(runs: Path) -> dict[str, int]:
    """When each campaign below `runs` was completed (nanoseconds), by folder."""
    return {file.parent.name: file.stat().st_mtime_ns for file in runs.glob("*/done.json")}


def test_a_folder_that_does_not_exist_is_reported_before_a_page_opens(alframe: CommandLine, tmp_path: Path) -> None:
    absent = tmp_path / "My Season"
    finished = alframe("pool=folder", f"pool.root={absent}", "label_source=web", f"runs={tmp_path / 'runs'}")
    assert f"{absent} does not exist." in refused(finished)
    assert not list(tmp_path.glob("runs/*/to_label"))


# Help and version


@pytest.mark.parametrize("words", [("plugins", "--help"), ("plugins", "-h"), ("plugins", "--check", "--help")])
def test_plugins_has_a_help(words: tuple[str, ...], alframe: CommandLine) -> None:
    assert "plugins --check [NAME ...]" in alframe(*words).out


@pytest.mark.parametrize(
    ("flag", "expected"),
    [("--help", "plugins"), ("--help-all", "sampler: active_search"), ("--version", alframe_version())],
)
def test_help_and_version_are_light(flag: str, expected: str, tmp_path: Path) -> None:
    script = (
        "import runpy, sys\n"
        f"sys.argv = ['alframe', {flag!r}]\n"
        "try:\n    runpy.run_module('alframe', run_name='__main__')\n"
        f"finally:\n    sys.stderr.write(' '.join(sys.modules.keys() & {set(HEAVY)!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 0
    assert expected in done.stdout
    assert done.stderr == "", "imported, or said"
    assert not list(tmp_path.iterdir())


def test_help_names_every_kind_and_setting(alframe: CommandLine) -> None:
    text = alframe("--help-all").out
    for word in (
        "sampler: active_search",
        "task: compare, export, label, new_plugin, predict, recheck_labels, report, run, status, withdraw",
        "experiment:",
        "seed: 0",
        "holdout:",
    ):
        assert word in text


def test_help_fits_a_screen_and_names_every_kind_and_task(alframe: CommandLine) -> None:
    text = alframe("--help").out
    assert len(text.splitlines()) <= 40
    assert max(map(len, text.splitlines())) <= 100
    assert [word for word in (*BUILTIN_PARTS["task"][1], *GROUPS) if not re.search(rf"\b{word}\b", text)] == ["task"]


def test_a_part_is_described_by_its_name(alframe: CommandLine) -> None:
    text = alframe("plugins", "resnet50").out
    assert "alframe/backbones/timm.py, line" in text.replace("\\", "/")
    assert "resnet50.yaml is the backbone 'timm' with other defaults." in text
    assert re.search(r"^  model=resnet50 +name of a model in timm", text, re.MULTILINE)
    assert re.search(r"^  show=20 +maximum number of", alframe("status", "--help").out, re.MULTILINE)
    assert alframe("plugins", "csv").out.startswith("pool=csv\n")
    assert "\nlabel_source=csv\n" in alframe("plugins", "csv").out
    assert alframe("plugins", "label_source=csv").out.startswith("label_source=csv\n")
    assert "camera_trap_classic.yaml" in alframe("plugins", "camera_trap_classic").out


def test_the_help_of_a_chosen_part_is_its_description(alframe: CommandLine) -> None:
    text = alframe("sampler=kcenter", "--help").out
    assert text.startswith("sampler=kcenter\n")
    assert text == alframe("plugins", "sampler=kcenter").out
    assert alframe("experiment=camera_trap_classic", "-h").out.startswith("experiment=camera_trap_classic\n")
    finished = alframe("sampler=kcentre", "--help")
    assert finished.code == 1
    assert "Did you mean 'kcenter'?" in finished.err


def test_required_values_references_and_long_comments_are_put_into_words(alframe: CommandLine) -> None:
    text = alframe("pool=arrays", "--help").out
    assert re.search(r"^  file=\(required\) +\.npz file", text, re.MULTILINE)
    assert "  root=${runs}/data/arrays  " in text
    assert text.endswith("\n${runs} is the value of the setting `runs`.\n")
    text = alframe("sampler=hierarchical", "--help").out
    assert re.search(r"^  beta=2\.0 +above 1;.*\n {14}the images of the cluster", text, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(("name", "remedy"), [("kcentre", "'kcenter'"), ("pool=foldr", "'folder'")])
def test_a_part_that_does_not_exist_is_answered_with_the_nearest(name: str, remedy: str, alframe: CommandLine) -> None:
    finished = alframe("plugins", name)
    assert finished.code == 1
    assert f"Did you mean {remedy}?" in finished.err


# Slips


SLIPS = (
    (["statsu"], "There is no task 'statsu'. Did you mean 'status'?"),
    (["frobnicate"], "There is no task 'frobnicate'. Known: compare, export, label, new_plugin,"),
    (["sampler=margn"], "There is no sampler 'margn'. Did you mean 'margin'?"),
    (["pool=nonsense"], "There is no pool 'nonsense'. Known: arrays, camera_trap_scenes, camtrap_dp, cassava,"),
    (["bacth=3"], "There is no setting 'bacth'. Did you mean 'batch'?"),
    (["++bacth=3"], "There is no setting 'bacth'. Did you mean 'batch'?"),
    (["sampler=kcenter", "sampler.nonsense=1"], "sampler 'kcenter' has no parameter 'nonsense'. Accepted: faiss"),
    (["sampler=margin", "sampler.nonsense=1"], "sampler 'margin' has no parameter 'nonsense'. Accepted: none"),
    (["batch=many"], "batch=many: must be a whole number"),
    (["seed=abc"], "seed=abc: must be a whole number"),
    (["-m", "seed=0,abc"], "seed=abc: must be a whole number"),
    (["classes=[null]"], "classes=[null]: must be a list of strings"),
    (["holdout.fracton=0.1"], "There is no setting 'holdout.fracton'. Did you mean 'holdout.fraction'?"),
    (["finetune=3"], "finetune=3: must be given by the settings in it: finetune.start, finetune.every,"),
    (["batch=0"], "batch=0: must be at least 1"),
    (["finetune.first.batching=sorted"], "finetune.first.batching=sorted: must be shuffled or balanced"),
    (["inference.engine=tensorrt"], "inference.engine=tensorrt: must be auto, eager, compile"),
    (["pool=folder", "pool.root=nowhere"], "nowhere"),
    (["pool=folder"], "pool.root is not given. Add pool.root=FOLDER"),
    (["-m", "project=a,b"], "A sweep creates a project folder for each run"),
    (["report"], "There is no project"),
    (["predict"], "Which images?"),
    (["export"], "There is no project yet. If yours is elsewhere, add project=FOLDER."),
    (["sampler.rows=xx"], "sampler 'uherding_bursts': rows=xx: must be a number."),
    (["--config-dir="], "--config-dir needs the folder of your own YAML files: --config-dir=FOLDER."),
    (["--config-dir=nowhere"], "--config-dir=nowhere: there is no such folder."),
    (["-m", "batch=4,0"], "batch=0: must be at least 1"),
    (["-m", "batch=0"], "batch=0: must be at least 1"),
    (["-m", "start.labels=5,0"], "start.labels=0: must be at least 1"),
    (["batch", "5"], "'batch' has no value. Put an equals sign before it: batch=5"),
    (["batch 5"], "'batch 5' has no value. Put an equals sign before it: batch=5"),
    (["batch", "=20"], "There is a blank before the equals sign of 'batch'. Write it without: batch=20"),
    (["batch", "=", "20"], "There is a blank before the equals sign of 'batch'. Write it without: batch=20"),
    (["sampler.k", "=3"], "There is a blank before the equals sign of 'sampler.k'. Write it without: sampler.k=3"),
    (["status", "show", "=3"], "There is a blank before the equals sign of 'show'. Write it without: show=3"),
    (["batch=", "20"], "If it is the value of batch, write it without a blank: batch=20"),
    (["status", "start.labels", "show=5"], "Put an equals sign before it: start.labels=VALUE"),
    (["pool", "my images"], 'Put an equals sign before it: "pool=my images"'),
    (["export=x"], "There is no setting 'export'. 'export' is a command, which comes first: python -m alframe export"),
    (["pool=digits", "pool.rot=x"], "Did you mean 'root'? Accepted: root='"),
)


def test_a_slip_is_answered_with_one_line(alframe: CommandLine) -> None:
    def check(words: list[str], message: str) -> None:
        answer = refused(alframe(*words))
        assert message in answer, answer

    check_each(SLIPS, check)


def test_a_combination_that_cannot_work_ends_before_an_image_is_read(alframe: CommandLine, tmp_path: Path) -> None:
    line = refused(alframe("sampler=bald", "head=linear", "pool=digits", f"pool.root={tmp_path / 'digits'}"))
    assert "sampler=bald needs samples of the probabilities, but head=linear gives only one answer" in line
    assert "Suitable heads: ensemble" in line
    assert "sampler=bald head=laplace" in line
    assert not (tmp_path / "digits").exists()
    assert not list(tmp_path.rglob("ledger.sqlite"))


def test_looking_leaves_nothing_behind(alframe: CommandLine, tmp_path: Path) -> None:
    assert "There is no project in" in refused(alframe("status"))
    assert not list(tmp_path.iterdir())


# One campaign at a time, and interrupted ones


def test_two_in_one_folder(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    words = tiny_overrides(pool, tmp_path / "runs")
    with open_session(*words) as session:
        line = refused(alframe(*words))
        assert str(session.folder) in line
        assert "There is no project in" in refused(alframe(*words, "task=status")), (
            "it looks, although nothing is there"
        )
    assert "Another alframe process is using" in line


@pytest.mark.skipif(os.name == "nt", reason="an interrupt cannot be sent to one process there")
def test_ctrl_c_ends_in_words_and_the_same_command_goes_on(alframe: CommandLine, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    words = [*tiny_overrides(tiny_pool(tmp_path / "pool", each=30), runs), "batch=1", "stopping.labels=44"]
    process = subprocess.Popen(
        [sys.executable, "-m", "alframe", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 90
    while process.poll() is None and time.monotonic() < deadline:
        if any(file.read_text(encoding="utf-8").count("\n") > 2 for file in runs.glob("*/rounds.jsonl")):
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.strip() == "Stopped. The work done so far is kept; run the same command again to continue."
    before = rounds(runs)
    assert 2 < len(before) < 41

    assert alframe(*words).code == 0
    after = rounds(runs)
    assert after[: len(before)] == before, "what was done is not done again"
    assert [one["labels"] for one in after] == list(range(4, 45))


def test_choices_that_cannot_be_do_not_stick(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=8", "project=o'brien (1)"]
    assert "no parameter 'foo'" in refused(alframe(*words, "sampler.foo=3"))
    assert not (tmp_path / "o'brien (1)").exists()
    assert alframe(*words).code == 0
    kept = (tmp_path / "o'brien (1)" / "alframe.yaml").read_text(encoding="utf-8")
    assert "no parameter 'foo'" in refused(alframe("project=o'brien (1)", "sampler.foo=3"))
    assert (tmp_path / "o'brien (1)" / "alframe.yaml").read_text(encoding="utf-8") == kept
    finished = alframe("project=o'brien (1)")
    assert "This campaign is complete" in finished.out, finished.err


def test_the_choices_of_a_run_that_was_killed_are_kept(
    alframe: CommandLine, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        alframe(*tiny_overrides(pool, tmp_path / "runs"), "project=season")
    assert "batch=4" in (tmp_path / "season" / "alframe.yaml").read_text(encoding="utf-8")


# Errors that nobody foresaw


def test_a_fault_ends_in_words_and_says_where_the_rest_is(
    alframe: CommandLine, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(Run, "run", fault)
    monkeypatch.setattr(Status, "run", fault)
    log = tmp_path / "season" / "alframe.log"
    finished = alframe(*tiny_overrides(pool, tmp_path / "runs"), "project=season")
    assert finished.code == 1
    assert finished.err.splitlines() == [
        "Unexpected error in alframe: ZeroDivisionError: by nothing",
        f"The traceback is at the end of {log}.",
    ]
    assert 'raise ZeroDivisionError("by nothing")' in log.read_text(encoding="utf-8")
    finished = alframe("status")
    assert finished.code == 1
    assert "HYDRA_FULL_ERROR=1" in finished.err
    assert "Traceback" not in finished.err


def test_ctrl_c_during_the_imports(tmp_path: Path) -> None:
    script = (
        "import runpy, sys\n"
        "class Impatient:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'alframe.app.cli':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "runpy.run_module('alframe', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 130
    assert done.stderr.strip() == "Stopped. The work done so far is kept; run the same command again to continue."


# Hydra's own flags


def test_the_configuration_is_shown(alframe: CommandLine, tmp_path: Path) -> None:
    finished = alframe("--cfg", "job", "batch=7")
    assert finished.code == 0
    assert "batch: 7" in finished.out
    assert not list(tmp_path.iterdir())


def test_ones_own_parts_stay_with_the_project(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    (tmp_path / "conf" / "sampler").mkdir(parents=True)
    (tmp_path / "conf" / "sampler" / "mine.yaml").write_text("name: entropy\n", encoding="utf-8")
    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=8", "project=season"]
    assert alframe("--config-dir", "conf", *words, "sampler=mine").code == 0
    finished = alframe("project=season")
    assert "This campaign is complete" in finished.out, finished.err
    finished = alframe("project=season")
    assert "This campaign is complete" in finished.out, finished.err


def test_an_export_that_fails_is_forgotten(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    valley = "# @package _global_\ndefaults:\n  - override /exporter: [camtrap_dp]\nbatch: 7\n"
    (tmp_path / "conf" / "experiment" / "valley.yaml").write_text(valley, encoding="utf-8")
    assert alframe(*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=8", "project=season").code == 0
    kept = (tmp_path / "season" / "alframe.yaml").read_text(encoding="utf-8")
    failed = alframe("export", "project=season", "--config-dir", "conf", "experiment=valley")
    assert failed.code == 1
    assert "Camtrap DP cannot be written yet" in failed.err
    assert (tmp_path / "season" / "alframe.yaml").read_text(encoding="utf-8") == kept
    drafted = ["export", "project=season", "--config-dir=conf", "experiment=valley", "exporter.camtrap_dp.draft=true"]
    assert alframe(*drafted).code == 0
    assert "valley" not in (tmp_path / "season" / "alframe.yaml").read_text(encoding="utf-8")
    assert "Settings: batch=4 " in alframe("status", "project=season").out
