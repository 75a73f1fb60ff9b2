"""The command line: words to overrides, overrides to a session, the session's task, and what it has to say."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from hydra.conf import ConfigSourceInfo
from hydra.errors import CompactHydraException
from omegaconf import DictConfig

from alframe.app import projects, schema, search_path
from alframe.app.command import hydra_words
from alframe.app.conf_root import conf_root
from alframe.app.flags import COMPLETION
from alframe.builtins import alframe_version
from alframe.errors import AlframeError


class CommandFailed(BaseException):
    """An AlframeError on its way past Hydra, which catches every Exception and adds words about itself."""


class ReaderGone(BaseException):
    """A closed pipe on its way past Hydra."""


class JobFailed(CompactHydraException):
    """An AlframeError in a sweep: Hydra goes on with the next job, and in the end reports it without a traceback."""


def main(words: Sequence[str] | None = None) -> None:
    """Entry point of ``alframe`` and ``python -m alframe``."""
    words = list(sys.argv[1:] if words is None else words)
    if words[:1] == ["--version"]:
        sys.stdout.write(f"alframe {alframe_version()}\n")
        return
    try:
        if words[:1] == ["plugins"]:
            from alframe.app.inspect import plugins

            sys.stdout.write(plugins() + "\n")
            return
        if set(COMPLETION) & set(words):
            from alframe.app.completion import answer, is_answered

            sys.stdout.write(answer(words))
            if is_answered(words):
                return
            _run_hydra(words)
            return
        _run_hydra(hydra_words(words))
    except (AlframeError, CommandFailed) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    except ReaderGone:
        raise BrokenPipeError from None


def _run_hydra(words: Sequence[str]) -> None:
    import hydra

    from alframe.app.sweep import tell_results

    search_path.register()
    schema.register()
    sys.argv = [sys.argv[0], *words]
    try:
        hydra.main(version_base="1.3", config_path=conf_root(), config_name="config")(run_task)()
    finally:
        tell_results()


def run_task(config: DictConfig) -> float | None:
    """One job: build the session and run its task. What it returns is what a sweep may optimise."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from alframe.app.logging import in_words, logged_to
    from alframe.app.session_from import session_from

    hydra_config = HydraConfig.get()
    sweep = hydra_config.mode is RunMode.MULTIRUN
    try:
        session = session_from(config, Path(hydra_config.runtime.cwd), sweep)
        task = session.task
        if not session.read_only:
            from alframe.loop.checks import check_campaign

            check_campaign(session)
        with session:
            if session.read_only:
                outcome = task.run(session)
            else:
                own = _own_folders(hydra_config.runtime.config_sources)
                choices = projects.choices_kept(session.folder, hydra_config.overrides.task, own)
                with logged_to(session.folder), choices:
                    outcome = task.run(session)
    except Exception as error:
        if not isinstance(error, AlframeError) and os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        raise (JobFailed if sweep else CommandFailed)(in_words(error)) from error
    try:
        sys.stdout.write(f"\n{outcome.message}\n")
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error
    return outcome.value


def _own_folders(sources: Iterable[ConfigSourceInfo]) -> list[str]:
    """Given with --config-dir, or with hydra.searchpath as a project keeps it."""
    return list(dict.fromkeys(one.path for one in sources if "command-line" in one.provider and one.schema == "file"))
