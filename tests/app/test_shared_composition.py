"""The configurations of a sweep's jobs are those that Hydra composes for each of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from alframe.app import schema, search_path
from alframe.app.conf_folders import conf_folder
from alframe.app.shared_composition import SharedComposition

JOBS = [
    ["seed=1"],
    ["seed=2", "sampler=margin"],
    ["sampler=margin", "seed=3", "++sampler.chosen=7"],
    ["head=mlp", "++head.hidden=[8,4]", "++head.dropout=0.5", "batch=5"],
    ["sampler=random", "~stopping", "start.labels=30"],
    ["experiment=curves_linear", "seed=4"],
    ["exporter=[predictions]", "seed=5"],
    ["finetune={start:0,every:10}", "audit=null"],
    ["+exporter.other={name:predictions}", "runs='a, b'"],
    ["seed=6", "hydra.job.name=other", "hydra.verbose=true"],
]


Loaders = tuple[ConfigLoaderImpl, SharedComposition, DictConfig]


@pytest.fixture
def loaders() -> Iterator[Loaders]:
    """Hydra's own loader, the one that shares, and the configuration of the sweep."""
    search_path.register()
    schema.register()
    with initialize_config_dir(conf_folder().as_posix(), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        master = loader.load_configuration("config", ["seed=1,2"], RunMode.MULTIRUN)
        yield loader, SharedComposition(loader), master
    GlobalHydra.instance().clear()


def plain(config: DictConfig) -> object:
    return OmegaConf.to_container(config, resolve=False)


def test_each_job_has_the_configuration_that_hydra_composes(loaders: Loaders) -> None:
    loader, shared, master = loaders
    for words in [*JOBS, *reversed(JOBS)]:
        assert plain(shared(master, words)) == plain(loader.load_sweep_config(master, words)), words


def test_jobs_do_not_see_the_values_of_others(loaders: Loaders) -> None:
    loader, shared, master = loaders
    first = shared(master, ["seed=1"])
    first.batch, first.exporter.predictions = 999, None
    assert plain(shared(master, ["seed=2"])) == plain(loader.load_sweep_config(master, ["seed=2"]))


def test_files_are_composed_once_for_each_choice_of_parts(loaders: Loaders, monkeypatch: pytest.MonkeyPatch) -> None:
    _, shared, master = loaders
    loads: list[list[str]] = []
    load = ConfigLoaderImpl.load_sweep_config

    def noted(loader: ConfigLoaderImpl, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        loads.append(sweep_overrides)
        return load(loader, master_config, sweep_overrides)

    monkeypatch.setattr(ConfigLoaderImpl, "load_sweep_config", noted)
    for sampler, seed in itertools.product(("random", "margin"), range(3)):
        shared(master, [f"sampler={sampler}", f"seed={seed}"])
    assert loads == [["sampler=random"], ["sampler=margin"]]


def test_a_bad_value_is_refused_as_hydra_does(loaders: Loaders) -> None:
    loader, shared, master = loaders
    for words in (["seed=x"], ["batch.more=1"], ["~seed=8"]):
        with pytest.raises(ConfigCompositionException) as expected:
            loader.load_sweep_config(master, words)
        with pytest.raises(ConfigCompositionException) as error:
            shared(master, words)
        assert str(error.value) == str(expected.value)
