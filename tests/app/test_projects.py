"""Which project a command means, and what of its choices still holds."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml

from alframe.app.api import compose, open_session
from alframe.app.command import to_hydra_arguments
from alframe.app.projects import (
    CHOICES_NAME,
    absolute_user_path,
    latest_project,
    load_choices,
    project_folder_name,
    recorded_head_and_samplers,
    saving_choices,
)
from alframe.app.session_from import session_from
from alframe.commands import mapping_argument
from alframe.errors import BadParams, LabelError, StoreError, UnknownComponent
from alframe.store.ledger import Ledger
from alframe.types import Item, Label, Selection


def project(folder: Path, *choices: str) -> Path:
    folder.mkdir(parents=True)
    (folder / CHOICES_NAME).write_text(yaml.safe_dump({"choices": list(choices)}), encoding="utf-8")
    with Ledger.open(folder) as ledger, ledger.transaction():
        ledger.add_items(0, [Item("a.jpg", folder / "a.jpg")])
        ledger.add_labels([(0, Label("a.jpg", "fox"))], None, "pool")
    return folder


# Which project


@pytest.mark.parametrize("name", ["o'b", "season (1)", "2026_05", "a,b", "x=y"])
def test_a_project_may_have_any_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    project(tmp_path / name, "batch=7")
    config = compose(f"project={name}")
    assert (config.project, config.batch) == (name, 7)


def test_the_latest_project_in_a_place_with_an_apostrophe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "o'brien"
    folder = project(place / "alframe-runs" / "one", "batch=7")
    monkeypatch.chdir(place)
    config = compose("status")
    assert (Path(config.project), config.batch) == (folder, 7)
    assert compose("status", "sampler=margin").project is None, "a choice means a campaign of its own"


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "images=x"],
        ["status", "show=50"],
        ["label", "watch=true"],
        ["export", "exporter=[predictions,folders]", "exporter.folders.copy=true"],
    ],
)
def test_a_tasks_own_parameter_and_an_exporter_choose_no_campaign(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = project(tmp_path / "alframe-runs" / "one")
    assert f"project='{folder.as_posix()}'" in to_hydra_arguments(words)


@pytest.mark.parametrize("words", [["export"], ["label"], ["withdraw", "project=absent"], ["export", "project=absent"]])
def test_a_task_that_needs_a_project_makes_none(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        StoreError, match=r"There is no project (yet|in .*absent)\. If yours is elsewhere, add project="
    ):
        to_hydra_arguments(words)
    assert not list(tmp_path.iterdir())


def test_a_configuration_folder_chooses_no_campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = project(tmp_path / "alframe-runs" / "one")
    assert f"project='{folder.as_posix()}'" in to_hydra_arguments(["status", f"--config-dir={tmp_path}"])


def test_python_takes_the_choices_into_account_too(tmp_path: Path) -> None:
    folder = project(tmp_path / "season", "sampler=bald", "head=mlp", "++sampler.draws=5", "batch=7")
    session = open_session(f"project={folder}", "batch=8")
    assert session.recipes["sampler"] == {"name": "bald", "draws": 5}
    assert session.settings.batch == 8


def test_home_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    project(tmp_path / "season", "batch=7")
    session = open_session("project=~/season", "pool=folder", "pool.root=~/images")
    assert session.settings.batch == 7
    assert session.folder == tmp_path / "season"
    assert session.recipes["pool"]["root"] == str(tmp_path / "images")
    assert absolute_user_path("~no-such-user/x", tmp_path) == tmp_path / "~no-such-user/x"


@pytest.mark.parametrize("words", [["-m", "project=a,b"], ["-m", "project=a", "seed=0,1"]])
def test_a_sweep_has_folders_of_its_own(words: list[str]) -> None:
    with pytest.raises(BadParams, match="Remove project="):
        to_hydra_arguments(words)


# What of its choices


@pytest.mark.parametrize(
    ("saved", "given", "kept"),
    [
        (["pool=folder", "++pool.root=x"], ["pool=folder"], ["++pool.root=x"]),
        (["pool=folder", "++pool.root=x"], ["pool=csv", "pool.file=f"], []),
        (["sampler=bald", "++sampler.draws=5"], ["sampler=bald"], ["++sampler.draws=5"]),
        (["++pool.root=x"], ["pool=digits"], ["++pool.root=x"]),
        (
            ["experiment=camera_trap_classic", "++head.x=1"],
            ["head=mlp"],
            ["experiment=camera_trap_classic", "++head.x=1"],
        ),
        (["++head.x=1"], ["head=mlp"], []),
        (["++head.x=1", "++pool.root=x"], ["experiment=camera_trap_classic"], ["++pool.root=x"]),
        (["++exporter.model.x=1", "++exporter.predictions.x=1"], ["exporter=model"], ["++exporter.model.x=1"]),
        (["batch=3", "seed=1"], ["batch=4"], ["seed=1"]),
    ],
)
def test_only_another_part_loses_the_old_ones_parameters(
    saved: list[str], given: list[str], kept: list[str], tmp_path: Path
) -> None:
    folder = project(tmp_path / "p", *saved)
    completed = to_hydra_arguments([f"project={folder}", *given])
    assert completed[: completed.index(f"project={folder}")] == kept


def test_flags_keep_their_values(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", "batch=3")
    completed = to_hydra_arguments(["--config-dir", str(tmp_path), f"project={folder}", "--cfg", "job"])
    assert completed == ["--config-dir", str(tmp_path), "--cfg", "job", "batch=3", f"project={folder}"]


def test_choices_are_kept_with_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with saving_choices(tmp_path, ["pool=folder", "++pool.root=it\\ s", "task=run", "~exporter.model"]):
        assert list(map(str, load_choices(tmp_path))) == [
            "pool=folder",
            f"++pool.root='{tmp_path.as_posix()}/it s'",
            "~exporter.model",
        ]


def test_choices_that_cannot_be_are_not_kept(tmp_path: Path) -> None:
    with pytest.raises(BadParams), saving_choices(tmp_path, ["seed=1"]):
        raise BadParams
    assert list(map(str, load_choices(tmp_path))) == []
    with saving_choices(tmp_path, ["seed=1"]):
        pass
    for error in (BadParams, LabelError, StoreError, OSError, ZeroDivisionError):
        with pytest.raises(error), saving_choices(tmp_path, ["seed=2"]):
            raise error
    assert list(map(str, load_choices(tmp_path))) == ["seed=1"]
    with pytest.raises(KeyboardInterrupt), saving_choices(tmp_path, ["seed=2"]):
        raise KeyboardInterrupt
    assert list(map(str, load_choices(tmp_path))) == ["seed=2"], "who stops a command goes on with it later"


SAVED = ["batch=3", "exporter=predictions", "++exporter.predictions.csv=false"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (
            ["task=run", "experiment=camera_trap_classic", "head=mlp"],
            [*SAVED, "experiment=camera_trap_classic", "head=mlp"],
        ),
        (["task=export", "experiment=camera_trap_classic", "head=mlp", "batch=9"], SAVED),
        (["task=export", "exporter=[model]"], ["batch=3", "exporter=[model]", "++exporter.predictions.csv=false"]),
        (["task=label", "experiment=camera_trap_classic", "conflicts=latest"], [*SAVED, "conflicts=latest"]),
        (["task=withdraw"], SAVED),
    ],
)
def test_what_one_task_needs_is_not_kept_for_the_others(given: list[str], kept: list[str], tmp_path: Path) -> None:
    with saving_choices(tmp_path, SAVED):
        pass
    with saving_choices(tmp_path, [*SAVED, *given]):
        pass
    assert sorted(map(str, load_choices(tmp_path))) == sorted(kept)


def test_a_folder_of_ones_own_parts_is_kept_with_the_choices(tmp_path: Path) -> None:
    own = tmp_path / "my conf"
    (own / "sampler").mkdir(parents=True)
    (own / "sampler" / "mine.yaml").write_text("name: bald\ndraws: 3\n", encoding="utf-8")
    folder = tmp_path / "season"
    folder.mkdir()
    with saving_choices(folder, ["sampler=mine"], [str(own)]):
        pass
    assert compose(f"project={folder}").sampler.draws == 3
    (own / "sampler" / "mine.yaml").unlink()
    with pytest.raises(UnknownComponent, match=r"no sampler 'mine'.* --config-dir"):
        compose(f"project={folder}")


def test_another_folder_of_ones_own_parts_replaces_the_kept_one(tmp_path: Path) -> None:
    for name, draws in {"old": 3, "new": 4}.items():
        (tmp_path / name / "sampler").mkdir(parents=True)
        (tmp_path / name / "sampler" / "mine.yaml").write_text(f"name: bald\ndraws: {draws}\n", encoding="utf-8")
    folder = project(
        tmp_path / "season", "sampler=mine", f"hydra.searchpath=['file://{(tmp_path / 'old').as_posix()}']"
    )
    assert compose(f"project={folder}").sampler.draws == 3
    assert compose(f"project={folder}", f"--config-dir={tmp_path / 'new'}").sampler.draws == 4
    assert not any(
        "searchpath" in word for word in to_hydra_arguments([f"project={folder}", f"--config-dir={tmp_path / 'new'}"])
    )


def test_a_sweep_is_a_comparison_itself(tmp_path: Path) -> None:
    config = compose(f"runs={tmp_path}")
    assert session_from(config, tmp_path).settings.compare.sampler == "random"
    assert session_from(config, tmp_path, sweep=True).settings.compare.sampler is None


def test_damaged_choices(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    (folder / CHOICES_NAME).write_text("choices", encoding="utf-8")
    with pytest.raises(StoreError, match="is damaged"):
        to_hydra_arguments([f"project={folder}"])


# A project that somebody else has sent

HYDRA_CHOICES = (
    "hydra.callbacks.x._target_=shutil.rmtree",
    "++hydra.callbacks.x={_target_: pathlib.Path.write_text, self: x, data: ''}",
    "hydra.launcher._target_=os.truncate",
    "hydra.sweeper={_target_: logging.FileHandler, filename: x, mode: w}",
    "+hydra.job_logging.handlers.x={class: logging.FileHandler, filename: x, mode: w}",
    "+hydra.job_logging.formatters.x={(): builtins.exec, source: x}",
    "+hydra.hydra_logging.handlers.x={class: zipfile.ZipFile, file: x, mode: w}",
    "hydra.job.env_set.PYTHONPATH=/tmp",
    "hydra.run.dir=/tmp",
    "hydra.mode=MULTIRUN",
    "hydra/launcher=joblib",
    "+sampler@hydra.callbacks.x=margin",
    "+sampler@_global_.hydra.callbacks.x=margin",
    "hydra.searchpath=[pkg://somewhere]",
    "hydra.searchpath=somewhere",
    "task=new_plugin",
    "project=elsewhere",
    "runs=elsewhere",
    "~hydra.callbacks",
)


def test_a_project_sets_nothing_of_hydra(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = project(tmp_path / "p", *HYDRA_CHOICES, "batch=7")
    assert to_hydra_arguments(["status", f"project={folder}"]) == ["batch=7", "task=status", f"project={folder}"]
    assert all(choice in caplog.text for choice in HYDRA_CHOICES[:2])


@pytest.mark.parametrize(
    "text",
    [
        "# @package hydra.callbacks.x\n_target_: shutil.rmtree",
        "# @package _global_\nhydra: {callbacks: {x: {_target_: shutil.rmtree}}}",
        "# @package _global_\nhydra: {launcher: {_target_: os.truncate}}",
        "# @package _global_\nhydra: {job_logging: {handlers: {x: {class: logging.FileHandler, filename: x}}}}",
        "# @package _global_\nhydra: {hydra_logging: {formatters: {x: {(): builtins.exec}}}}",
        "# @package _global_\nhydra: {job: {env_set: {PYTHONPATH: /tmp}}}",
        "# @package _global_\nhydra: {run: {dir: /tmp}}",
        "defaults: [{/sampler@_global_.hydra.callbacks.x: margin}]",
        "defaults: ['margin@_global_.hydra.callbacks.x']",
        "# @package _global_\nhydra: {sweeper: {params: {hydra.run.dir: /tmp}}}",
        "# @package _global_\nhydra: {sweeper: {params: {+sampler@hydra.job_logging: mine}}}",
        "# @package _global_\nhydra: {sweeper: {_target_: os.truncate, params: {seed: 1}}}",
    ],
)
def test_the_parts_of_a_project_set_nothing_of_hydra(text: str, tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "sampler").mkdir(parents=True)
    (own / "sampler" / "mine.yaml").write_text(text, encoding="utf-8")
    folder = project(tmp_path / "p", "sampler=mine", f"hydra.searchpath=['file://{own.as_posix()}']")
    with pytest.raises(StoreError, match=r"changes hydra\..*--config-dir"):
        to_hydra_arguments(["status", f"project={folder}"])
    # What the user gives is the user's own.
    assert to_hydra_arguments(["status", f"project={folder}", f"--config-dir={own}"])
    assert to_hydra_arguments(["status", f"project={folder}", "sampler=margin", "hydra.verbose=true"])


def test_what_an_experiment_varies_starts_nothing(tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "experiment").mkdir(parents=True)
    text = "# @package _global_\nhydra: {sweeper: {params: {seed: '0,1'}}}\nbatch: 7\n"
    (own / "experiment" / "mine.yaml").write_text(text, encoding="utf-8")
    folder = project(tmp_path / "p", "experiment=mine", f"hydra.searchpath=['file://{own.as_posix()}']")
    assert to_hydra_arguments(["status", f"project={folder}"])


@pytest.mark.parametrize(
    "data",
    [
        "choices: [batch=7]".encode("utf-16"),
        b"\xff\xfe\x00",
        b"choices: batch=7",
        b"choices: [[batch=7]]",
        b"choices: [7]",
        b"[" * 5_000,
        b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nchoices: [*c, *c]",
        b"choices: [" + b"batch=7, " * 200_000 + b"]",
        b"choices: !!python/object/apply:os.getcwd []",
        b"\x00",
        b"",
    ],
)
def test_choices_that_cannot_be_read_are_named_with_a_remedy(data: bytes, tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    (folder / CHOICES_NAME).write_bytes(data)
    with pytest.raises(StoreError, match=r"alframe\.yaml is damaged: .*Delete it"):
        to_hydra_arguments(["status", f"project={folder}"])
    (folder / CHOICES_NAME).unlink()
    assert to_hydra_arguments(["status", f"project={folder}", "batch=3"])


def test_choices_that_are_a_folder(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    (folder / CHOICES_NAME).unlink()
    (folder / CHOICES_NAME).mkdir()
    with pytest.raises(StoreError, match=r"cannot be read: Is a directory"):
        to_hydra_arguments(["status", f"project={folder}"])


# Folders


def test_a_project_is_named_after_its_images() -> None:
    def name(**paths: str) -> str:
        return project_folder_name("csv", paths, "margin", 0, "", people=True)

    assert name(root="/a", file="/a/x.csv") != name(root="/a", file="/a/y.csv")
    assert name(root="/a/b") == name(root="/a/c/../b") == name(root="/a/b/", file="")
    assert name(root="/a/b") == name(root="/a/b", test_root="/t")


def test_only_a_cache_of_ours_is_shared(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    folder = tmp_path / "season"
    assert open_session(f"project={folder}", "batch=3").cache_folder == folder / "cache"
    (tmp_path / "cache" / "contents.sqlite").touch()
    assert open_session(f"project={folder}", "batch=3").cache_folder == tmp_path / "cache"
    assert open_session(f"runs={tmp_path / 'runs'}").cache_folder == tmp_path / "runs" / "cache"


@pytest.mark.parametrize(
    ("pool", "message"),
    [("folder", "pool.root is not given. Add pool.root=FOLDER"), ("csv", "pool.file is not given. Add pool.file=FILE")],
)
def test_what_nobody_can_default_is_asked_for(pool: str, message: str) -> None:
    with pytest.raises(BadParams) as caught:
        open_session(f"pool={pool}")
    assert str(caught.value) == message


def test_a_project_that_does_not_exist_is_not_begun_by_a_slip(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no project in .*sesaon.*pool=folder"):
        to_hydra_arguments([f"project={tmp_path / 'sesaon'}"])


def test_a_failed_start_is_not_the_latest_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = project(tmp_path / "alframe-runs" / "one")
    Ledger.open(tmp_path / "alframe-runs" / "two").close()
    assert latest_project(tmp_path / "alframe-runs") == folder


def test_parameters_of_a_pool_that_was_not_chosen(tmp_path: Path) -> None:
    with pytest.raises(BadParams, match=r"pool\.root is set, but no pool is chosen"):
        to_hydra_arguments([f"pool.root={tmp_path}", "label_source=csv"])


@pytest.mark.parametrize("name", ["rådyr", "hjort (rød)", "red deer, female", "it's", "a: b", "$x"])
def test_names_that_a_message_proposes_are_taken_and_kept(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (typed,) = shlex.split(mapping_argument("exporter.timelapse_csv.names", name, "Cervus elaphus"))
    words = [f"project={tmp_path / 'season'}", "batch=3", "exporter=timelapse_csv", typed]
    names = {name: "Cervus elaphus"}
    assert open_session(*words).recipes["exporter"]["timelapse_csv"]["names"] == names
    (tmp_path / "season").mkdir()
    with saving_choices(tmp_path / "season", to_hydra_arguments(words)):
        pass
    assert open_session(f"project={tmp_path / 'season'}").recipes["exporter"]["timelapse_csv"]["names"] == names


def test_a_start_that_failed_is_no_project(tmp_path: Path) -> None:
    folder = tmp_path / "season"
    Ledger.open(folder).close()  # as it is left where the images were not found
    with pytest.raises(StoreError, match=r"no project in .*season"):
        to_hydra_arguments([f"project={folder}"])
    (folder / "ledger.sqlite").write_bytes(b"not a database, but long enough to look like one" * 50)
    assert to_hydra_arguments([f"project={folder}"]), "what is damaged is for whoever opens it to say"


# What was a default when the project was begun


def begun(
    folder: Path, *choices: str, head: str = "linear", sampler: str = "uherding_bursts", start: str = "random"
) -> Path:
    project(folder, *choices)
    config = {
        "recipes": {"head": {"name": head}, "sampler": {"name": sampler}},
        "settings": {"start_sampler": start},
    }
    with Ledger.open(folder) as ledger, ledger.transaction():
        ledger.add_round(1, config, {}, {}, Selection(np.array([0])), set())
    return folder


def composed(*words: str) -> tuple[str, str, str]:
    config = compose(*words)
    return config.head.name, config.sampler.name, config.start.sampler


def test_a_begun_project_keeps_the_parts_that_were_the_defaults(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    today = composed(f"project={tmp_path / 'new'}", "batch=7")
    assert composed(f"project={begun(tmp_path / 'old', 'batch=7')}") == ("linear", today[1], "random")
    assert "head=linear" in caplog.text and f"head={today[0]}" in caplog.text
    assert "sampler=uherding_bursts" not in caplog.text
    assert composed(f"project={begun(tmp_path / 'uherding', sampler='uherding')}")[1] == "uherding"
    assert composed(f"project={begun(tmp_path / 'same', head=today[0], start=today[2])}") == today


def test_a_part_that_was_uninstalled_is_named_with_its_package(tmp_path: Path) -> None:
    folder = begun(tmp_path / "season", "sampler=margin")
    file = folder / "alframe.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("margin", "staged"), encoding="utf-8")
    with Ledger.open(folder) as ledger, ledger.transaction():
        ledger.add_round(2, {}, {}, {"sampler:staged": "alframe-staged 0.3"}, Selection(np.array([0])), set())
    with pytest.raises(UnknownComponent, match=r"Reinstall the package that provides it \(alframe-staged 0\.3\)"):
        compose(f"project={folder}")


def test_another_choice_replaces_what_was_the_default(tmp_path: Path) -> None:
    folder = begun(tmp_path / "old")
    assert composed(f"project={folder}", "head=mlp", "start.sampler=typiclust")[::2] == ("mlp", "typiclust")
    chosen = begun(tmp_path / "chosen", "head=prototype", "start.sampler=kmeans")
    assert composed(f"project={chosen}")[::2] == ("prototype", "kmeans")
    assert compose(f"project={folder}", "head.c=5").head.c == 5


def test_a_project_with_an_experiment_keeps_what_the_experiment_leaves_open(tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "experiment").mkdir(parents=True)
    (own / "experiment" / "mine.yaml").write_text("# @package _global_\nbatch: 7\n", encoding="utf-8")
    search = f"hydra.searchpath=['file://{own.as_posix()}']"
    folder = begun(tmp_path / "old", "experiment=mine", search, sampler="uherding")
    assert composed(f"project={folder}")[1] == "uherding"
    classic = begun(tmp_path / "classic", "experiment=camera_trap_classic", sampler="margin", head="mlp")
    assert composed(f"project={classic}")[:2] == ("mlp", "margin")
    assert composed(f"project={classic}", "experiment=curves_laplace")[0] == "laplace"


def test_a_ledger_that_cannot_be_read_says_nothing_of_defaults(tmp_path: Path) -> None:
    folder = project(tmp_path / "old")
    (folder / "ledger.sqlite").write_bytes(b"no database" * 100)
    assert recorded_head_and_samplers(folder) == {}
    assert recorded_head_and_samplers(tmp_path / "none") == {}
