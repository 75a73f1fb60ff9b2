"""The command line: it composes the configuration, opens the session, runs its task and prints the outcome."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from hydra.errors import CompactHydraException
from omegaconf import DictConfig, OmegaConf

from alframe.app import projects, schema, search_path
from alframe.app.command import to_hydra_arguments
from alframe.app.conf_folders import conf_root
from alframe.app.overrides import COMPLETION
from alframe.builtins import REGISTRIES, alframe_version
from alframe.errors import AlframeError

_PARAGRAPH_BREAK = "\n\n"
PART_CHOICE = re.compile(rf"(?:{'|'.join((*REGISTRIES, 'experiment'))})=\w+")  # `sampler=kcenter`


class CommandFailed(BaseException):
    """An AlframeError that passes Hydra, which catches every Exception and adds messages of its own."""


class OutputClosed(BaseException):
    """A closed pipe that passes Hydra."""


class JobFailed(CompactHydraException):
    """An AlframeError in a sweep: Hydra runs the next job, and reports this one at the end without a traceback."""


def main(words: Sequence[str] | None = None) -> None:
    """Run a command: the entry point of ``alframe`` and ``python -m alframe``."""
    try:
        _run_words(list(sys.argv[1:] if words is None else words))
        sys.stdout.flush()
    except (BrokenPipeError, OutputClosed):
        raise BrokenPipeError from None
    except (Exception, CommandFailed) as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1" and not isinstance(error, AlframeError | CommandFailed):
            raise
        from alframe.app.logging import describe_error

        sys.stderr.write(f"{describe_error(error) if isinstance(error, Exception) else error}\n")
        drop_output_that_cannot_be_written()
        sys.exit(1)


def drop_output_that_cannot_be_written() -> None:
    """Leave nothing in the buffer of standard output that would fail again, with a traceback, when Python ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run_words(words: list[str]) -> None:
    if words[:1] == ["--version"]:
        sys.stdout.write(f"alframe {alframe_version()}\n")
        return
    if words in (["--help"], ["-h"]):
        from alframe.app.help import HELP

        sys.stdout.write(HELP)
        return
    if len(words) == 2 and words[1] in ("--help", "-h"):
        if words[0] in REGISTRIES["task"].parts():
            words = ["plugins", f"task={words[0]}"]
        elif PART_CHOICE.fullmatch(words[0]):
            words = ["plugins", words[0]]
    if words[:1] == ["plugins"]:
        if {"--help", "-h"} & {*words[1:]}:
            from alframe.app.help import PLUGINS_HELP

            sys.stdout.write(PLUGINS_HELP)
            return
        if words[1:2] == ["--check"]:
            from alframe.app.plugin_check import check_parts_named

            text, passed = check_parts_named(words[2:])
            sys.stdout.write(text + "\n")
            if not passed:
                sys.exit(1)
            return
        if words[1:]:
            from alframe.app.part_details import describe_parts_named

            sys.stdout.write("\n\n".join(map(describe_parts_named, words[1:])) + "\n")
            return
        from alframe.app.inspect import describe_plugins

        sys.stdout.write(describe_plugins() + "\n")
        return
    if set(COMPLETION) & set(words):
        from alframe.app.completion import SCRIPTS, completion_text

        sys.stdout.write(completion_text(words[-1]))
        if words[-1] in SCRIPTS:
            return
    else:
        words = to_hydra_arguments(["--help" if word == "--help-all" else word for word in words])
    _run_hydra(words)


def _run_hydra(words: Sequence[str]) -> None:
    import hydra

    from alframe.app.hydra_settings import composing_once
    from alframe.app.sweep import print_sweep_results

    search_path.register()
    schema.register()
    sys.argv = [sys.argv[0], *words]
    is_complete = True
    try:
        with composing_once(words):
            hydra.main(version_base="1.3", config_path=conf_root(), config_name="config")(run_task)()
    finally:
        is_complete = print_sweep_results()
    if not is_complete:
        sys.exit(1)


def run_task(config: DictConfig) -> float | None:
    """Run one job: open the session and run its task. Return the value that a sweep may optimise."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from alframe.app.logging import describe_error, log_to_folder, show_warnings_once
    from alframe.app.session_from import session_from
    from alframe.app.sweep import chooses_exporters, end_worker_with_sweep, write_run_note
    from alframe.commands import short_path
    from alframe.engine.broken_contract import broken_contract
    from alframe.tasks.messages import COMPLETE_MESSAGE
    from alframe.types import Outcome

    hydra_config = HydraConfig.get()
    sweep = hydra_config.mode is RunMode.MULTIRUN
    if sweep:
        end_worker_with_sweep()
        show_warnings_once(hydra_config.sweep.dir)
    # As they were given: what one refers to may change.
    words = cast(list[str], OmegaConf.to_container(hydra_config.overrides.task, resolve=False))
    try:
        exports = not sweep or chooses_exporters(words, config.exporter or ())
        session = session_from(config, Path(hydra_config.runtime.cwd), sweep, exports)
        task = session.task_to_run
        if not session.read_only:
            from alframe.loop.experiment import check_parts

            check_parts(session)
        with session:
            if session.read_only:
                outcome = task.run(session)
            else:
                # Given with --config-dir, or with hydra.searchpath as a project keeps it.
                sources = [each for each in hydra_config.runtime.config_sources if "command-line" in each.provider]
                own = list(dict.fromkeys(source.path for source in sources if source.schema == "file"))
                with log_to_folder(session.folder), projects.saving_choices(session.folder, words, own):
                    outcome = task.run(session)
        if not isinstance(outcome, Outcome):
            raise broken_contract("task", task, f"ends with {outcome!r} ({type(outcome).__name__}), not an Outcome")
        if sweep:
            write_run_note(Path(hydra_config.sweep.dir), session.folder, words, outcome.failures)
    except Exception as error:
        if not isinstance(error, AlframeError) and os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        raise (JobFailed if sweep else CommandFailed)(describe_error(error)) from error
    message = f"\n{outcome.message}"
    if sweep and outcome.value is not None:  # the sweep's own table says the rest, of all runs side by side
        project = f"Project: {short_path(session.folder)}"
        is_repeated = outcome.message.startswith(COMPLETE_MESSAGE)
        message = f"Complete. {project}" if is_repeated else f"{message.partition(_PARAGRAPH_BREAK)[0]}\n{project}"
    try:
        sys.stdout.write(f"{message}\n")
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise OutputClosed from error
    except OSError as error:
        raise CommandFailed(describe_error(OSError(error.errno, error.strerror, "standard output"))) from error
    if outcome.failures:
        text = "Some steps failed; the others are done:\n" + "\n".join(outcome.failures)
        if not sweep:
            raise CommandFailed(text)
        logging.getLogger(__name__).error(text)  # the run itself counts
    return outcome.value
