"""What people type becomes what Hydra takes, and slips are explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hydra._internal.hydra import Hydra

from alframe.app.api import compose, open_session
from alframe.app.command import parse_command, to_hydra_arguments
from alframe.app.hydra_settings import composing_once
from alframe.app.projects import CHOICES_NAME
from alframe.builtins import REGISTRIES
from alframe.errors import BadParams, UnknownComponent
from alframe.settings import RENAMED
from tests.each import check_each


def prepare(typed: list[str]) -> list[str]:
    command = parse_command(typed)
    return [*command.flags, *map(str, command.given.values())]


@pytest.mark.parametrize("content", [b"name: [", b"name: \xff\xfe"])
def test_an_unreadable_file_of_a_part_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "sampler").mkdir()
    (tmp_path / "sampler" / "broken.yaml").write_bytes(content)
    with pytest.raises(BadParams, match=r"sampler=broken: .*broken\.yaml cannot be read"):
        to_hydra_arguments(["sampler=broken", f"--config-dir={tmp_path}"])
    assert "sampler=margin" in to_hydra_arguments(["sampler=margin", f"--config-dir={tmp_path}"])


def test_a_file_of_a_part_without_its_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "sampler").mkdir()
    (tmp_path / "sampler" / "mine.yaml").write_text("names: margin\n", encoding="utf-8")
    words = ["sampler=mine", "--config-dir", str(tmp_path), f"project={(tmp_path / 'p').as_posix()}"]
    with pytest.raises(BadParams, match="the YAML file of the chosen sampler has no line 'name: NAME'"):
        open_session(*words)
    assert open_session(*words, "sampler.name=margin").parts.name_of("sampler") == "margin"


@pytest.mark.parametrize(("kind", "attribute"), [("stopping", "stopping"), ("exporter", "exporters")])
def test_a_part_that_may_be_left_out_and_whose_file_lacks_its_name(tmp_path: Path, kind: str, attribute: str) -> None:
    (tmp_path / kind).mkdir()
    head = "# @package exporter.mine\n" if kind == "exporter" else ""
    (tmp_path / kind / "mine.yaml").write_text(f"{head}labels: 3\n", encoding="utf-8")
    words = [f"{kind}=mine", "seed=1", "--config-dir", str(tmp_path), f"project={(tmp_path / 'p').as_posix()}"]
    with pytest.raises(BadParams, match="labels is set, but its YAML file has no line 'name: NAME'"):
        getattr(open_session(*words).parts, attribute)


def test_words_come_one_by_one() -> None:
    with pytest.raises(BadParams, match=r"must be a string: compose"):
        compose(["sampler=margin"])


PREPARED = (
    (["status"], ["task=status"]),
    (["sampler=kcenter", "-m", "seed=0,1"], ["-m", "sampler=kcenter", "seed=0,1"]),
    (["sampler.draws=3"], ["++sampler.draws=3"]),
    (["+sampler.draws=3"], ["+sampler.draws=3"]),
    (["predict", "images=x"], ["task=predict", "task.images=x"]),
    (["stopping=null"], ["stopping=[]"]),
    (["-m", "stopping=null,budget"], ["-m", "stopping=[],budget"]),
    (["-m", "stopping=null,budget,target"], ["-m", "stopping=[],budget,target"]),
    (["tracker=[console]"], ["tracker=[console]"]),
    (["-m", "sampler=random,margin"], ["-m", "sampler=random,margin"]),
    (["batch=3", "--cfg", "job"], ["--cfg", "job", "batch=3"]),
    (["stopping=None"], ["stopping=[]"]),
    (["~exporter"], ["exporter=[]"]),
    (["~exporter.model"], ["~exporter.model"]),
    (["compare=null"], ["compare.sampler=null"]),
    (["+experiment=camera_trap_classic"], ["experiment=camera_trap_classic"]),
    (["classes=roe"], ["classes=[roe]"]),
    (["classes=roe deer,Grevy's zebra"], [r"classes=[roe deer,'Grevy\'s zebra']"]),
    (["classes=[roe,fox]"], ["classes=[roe,fox]"]),
    (["classes=1e3,007,true,'null'"], ["classes=['1e3',007,'true','null']"]),
    (["classes=[1e3, 007,true,'null']"], ["classes=['1e3',007,'true','null']"]),
    (["classes=null"], ["classes=[]"]),
    (["classes="], ["classes=[]"]),
    (["boxes.category=2026_05"], ["boxes.category='2026_05'"]),
    (["finetune.first.lr=1e-3"], ["finetune.first.lr=1e-3"]),
    (["-m", "batch=1,2", "boxes.use=all,best"], ["-m", "batch=1,2", "boxes.use=all,best"]),
    (["-m", "head=mlp", "head.hidden=[64],[64,32]"], ["-m", "head=mlp", "++head.hidden=[64],[64,32]"]),
    (["head=mlp", "head.hidden=64,32"], ["head=mlp", "++head.hidden=[64,32]"]),
    (["finetune={start: 5}"], ["finetune={start: 5}"]),
    (["audit=${enough}"], ["audit=${enough}"]),
    (["hydra.job.env_set.FOO-BAR=1"], ["hydra.job.env_set.FOO-BAR=1"]),
    (["label_source.annotator=O'Neil"], [r"++label_source.annotator='O\'Neil'"]),
    (["label_source.separator=;"], ["++label_source.separator=';'"]),
    (["-m", "label_source.annotator=O'Neil,Bob"], ["-m", r"++label_source.annotator='O\'Neil',Bob"]),
    (["-m", "seed=range(0,3)"], ["-m", "seed=range(0,3)"]),
    (["-m", "sampler=glob(*)"], ["-m", "sampler=glob(*)"]),
    (["-m", "pool.root=a (1),b (2)"], ["-m", "++pool.root='a (1)','b (2)'"]),
    ([r"pool.root=D:\camera traps\2026 (north)"], [r"++pool.root='D:\camera traps\2026 (north)'"]),
    (["pool.root=2026"], ["++pool.root='2026'"]),
    (["-m", "pool.root=2025_11,2026_05"], ["-m", "++pool.root='2025_11','2026_05'"]),
    (["predict", "images=007"], ["task=predict", "task.images=007"]),
    (["project=2026.10", "sampler.draws=20"], ["project='2026.10'", "++sampler.draws=20"]),
    (["pool.root=D:\\"], ["++pool.root=D:\\"]),
)


def test_words_become_overrides() -> None:
    def check(typed: list[str], prepared: list[str]) -> None:
        assert prepare(typed) == prepared

    check_each(PREPARED, check)


SLIPS = (
    (["sampler=kcentre"], UnknownComponent, "no sampler 'kcentre'. Did you mean 'kcenter'?"),
    (["-m", "sampler=random,kcentre"], UnknownComponent, "Did you mean 'kcenter'?"),
    (["statsu"], UnknownComponent, "no task 'statsu'. Did you mean 'status'?"),
    (["sed=1"], BadParams, "no setting 'sed'. Did you mean 'seed'?"),
    (["batch=3", "status"], BadParams, "'status' is not of the form key=value. A command such as 'export' must come"),
    (
        ["pool.root=/My", "Season"],
        BadParams,
        'If it belongs to the value before it, use quotes: "pool.root=/My Season"',
    ),
    (["-m", "sampler=random", "margin"], BadParams, "write a comma without a blank: -m sampler=random,margin"),
    (["-m", "--cfg", "job"], BadParams, "-m and --cfg cannot be combined"),
    (["predict", "image=x"], BadParams, "Did you mean 'images'?"),
    (["--config-dir", "nowhere"], BadParams, "--config-dir=nowhere: there is no such folder"),
    (["pool.species=[fox, {zebra]"], BadParams, "cannot be parsed"),
    (["batch=[1"], BadParams, "batch=[1 cannot be parsed"),
    (["seed=abc"], BadParams, "seed=abc: must be a whole number"),
    (["seed=true"], BadParams, "seed=true: must be a whole number"),
    (["start.labels=null"], BadParams, "start.labels=null: must be a whole number"),
    (["audit=much"], BadParams, "audit=much: must be a number or null"),
    (["classes=[null]"], BadParams, "classes=[null]: must be a list of strings"),
    (["finetune=3"], BadParams, "finetune=3: must be given by the settings in it: finetune.start, finetune.every,"),
    (["batch=1,2"], BadParams, "batch=1,2 has several values: add -m for a sweep."),
    (["sampler=margin,random"], BadParams, "sampler=margin,random has several values: add -m for a sweep."),
    (["sampler=[margin,random]"], BadParams, 'choose one sampler; -m "sampler=A,B" tries several.'),
    (["batch=1.5"], BadParams, "batch=1.5: must be a whole number"),
    (["propagate=perhaps"], BadParams, "propagate=perhaps: must be true or false"),
    (["boxes.use=null"], BadParams, "boxes.use=null: must be a string"),
    (["finetune={start: x}"], BadParams, "finetune.start=x: must be a whole number or null"),
    (["finetune={strat: 5}"], BadParams, "no setting 'finetune.strat'. Did you mean 'finetune.start'?"),
    (
        ["start.label=5"],
        BadParams,
        "no setting 'start.label'. Did you mean 'start.labels'? Known: start.labels",
    ),
)


def test_slips_are_explained() -> None:
    def check(typed: list[str], error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=re.escape(message)):
            prepare(typed)

    check_each(SLIPS, check)


def test_an_existing_path_with_awkward_characters_survives(tmp_path: Path) -> None:
    folder = tmp_path / "it's (a) test, = {x} ü"
    folder.mkdir()
    config = compose("pool=folder", f"pool.root={folder}")
    assert Path(config.pool.root) == folder


def test_a_path_that_exists_is_one_whatever_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("[a]", "a,b", "1e3", "range(2)"):
        (tmp_path / name).mkdir()
        source = ["label_source=csv", f"label_source.files={name}"]
        assert prepare(source)[1:] == [f"++label_source.files=['{name}']"]
        assert prepare(["-m", "pool=folder", f"pool.root={name}"])[2:] == [f"++pool.root='{name}'"]


def test_ones_own_parts_are_known_by_their_folder(tmp_path: Path) -> None:
    for file, text in {"sampler/mine.yaml": "name: margin", "task/count.yaml": "name: status\nshow: 3"}.items():
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_text(text, encoding="utf-8")
    flags = ["--config-dir", str(tmp_path)]
    assert prepare(["count", "show=4", "sampler=mine", *flags]) == [
        *flags,
        "task=count",
        "task.show=4",
        "sampler=mine",
    ]
    with pytest.raises(UnknownComponent, match="no task 'count'"):
        prepare(["count", "show=4"])


def test_class_names_stay_as_they_were_typed() -> None:
    assert open_session("classes=1e3,007,true,'null',roe deer").settings.classes == (
        *("1e3", "007", "true", "null", "roe deer"),
    )


def test_python_understands_the_flag_for_ones_own_parts(tmp_path: Path) -> None:
    (tmp_path / "sampler").mkdir()
    (tmp_path / "sampler" / "mine.yaml").write_text("name: bald\ndraws: 3\n", encoding="utf-8")
    for flags in (["--config-dir", str(tmp_path)], [f"--config-dir={tmp_path}"], ["-cd", str(tmp_path)]):
        assert compose(*flags, "sampler=mine", "batch=3").sampler.draws == 3
        assert open_session("sampler=mine", *flags).recipes["sampler"] == {"name": "bald", "draws": 3}
    with pytest.raises(BadParams, match="-m works on the command line only"):
        compose("-m", "seed=0,1")


def test_old_names_are_understood_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setitem(RENAMED, "query_size", "batch")
    monkeypatch.setattr(REGISTRIES["sampler"], "renamed", {"coreset": "kcenter"})
    assert prepare(["query_size=3", "sampler=coreset"]) == ["batch=3", "sampler=kcenter"]
    assert "The setting query_size has been renamed: use batch." in caplog.text
    assert "sampler=kcenter" in caplog.text
    (tmp_path / CHOICES_NAME).write_text("choices: [sampler=coreset, query_size=7]", encoding="utf-8")
    config = compose(f"project={tmp_path}")
    assert (config.sampler.name, config.batch) == ("kcenter", 7)


def test_slips_in_files_are_explained_with_the_file(tmp_path: Path) -> None:
    def check(text: str, message: str) -> None:
        (tmp_path / "experiment" / "mine.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(BadParams, match=re.escape(message)) as caught:
            prepare([f"--config-dir={tmp_path}", "experiment=mine"])
        assert "mine.yaml" in str(caught.value)

    (tmp_path / "experiment").mkdir()
    header = "# @package _global_\n"
    slips = (
        ("batch: 3", "its first line must be '# @package _global_'"),
        (f"{header}batch: x", "batch=x: must be a whole number"),
        (f"{header}finetune: {{first: {{epochs: many}}}}", "finetune.first.epochs=many: must be a whole number"),
        (f"{header}finetune: {{strat: 3}}", "no setting 'finetune.strat'. Did you mean 'finetune.start'?"),
        (f"{header}batch: [", "cannot be read"),
    )
    check_each(slips, check)
    (tmp_path / "experiment" / "mine.yaml").write_text(f"{header}batch: ${{start.labels}}", encoding="utf-8")
    assert compose(f"--config-dir={tmp_path}", "experiment=mine").batch == 20


def test_a_slip_in_saved_choices_is_explained(tmp_path: Path) -> None:
    (tmp_path / CHOICES_NAME).write_text("choices: [batch=x]", encoding="utf-8")
    with pytest.raises(BadParams, match="batch=x: must be a whole number"):
        to_hydra_arguments([f"project={tmp_path}"])
    assert to_hydra_arguments([f"project={tmp_path}", "batch=3"])


@pytest.mark.parametrize(
    ("words", "is_read"),
    [
        (["sampler=margin", "pool.root=hydra", "project=experiment"], False),
        (["hydra.mode=MULTIRUN"], True),
        (["++hydra.mode=MULTIRUN"], True),
        (["batch=5", "+experiment=mine"], True),
        (["--config-dir=own"], True),
    ],
)
def test_hydra_reads_its_mode_where_a_word_or_a_file_of_the_user_may_set_it(words: list[str], is_read: bool) -> None:
    before = Hydra.get_mode
    with composing_once(words):
        assert (Hydra.get_mode is before) == is_read
    assert Hydra.get_mode is before
