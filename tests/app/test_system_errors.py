"""What a person is told of an error that ended a task."""

from __future__ import annotations

import errno
import logging
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from alframe.app.logging import describe_error, log_to_folder
from tests.command_line import CommandLine


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (OSError(errno.ENOSPC, "9 MB are needed and 0 MB are free", "runs"), "9 MB are needed and 0 MB are free: runs"),
        (PermissionError(errno.EACCES, "Permission denied", "a", None, "b"), "Permission denied: a -> b"),
        (OSError("the drive is gone"), "the drive is gone"),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), "timed out"),
    ],
)
def test_a_system_error_is_said_without_its_number(error: OSError, what: str) -> None:
    rest = "The work done so far is kept. Fix this, and run the same command again to continue."
    assert describe_error(error) == f"{what}. {rest}"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("batch=1e999", "batch=inf: must be a whole number"),
        ("seed=nan", "seed=nan: must be a whole number"),
        ("finetune=null", "finetune=null: must be given by the settings in it"),
        ("batch=${oc.env:NO_SUCH_VARIABLE}", "batch has no value: .*'NO_SUCH_VARIABLE' not found"),
        ("sampler.x=${oc.env:NO_SUCH_VARIABLE}", "sampler.x has no value: .*'NO_SUCH_VARIABLE' not found"),
        ("seed=${seed}", "seed has no value"),
        ("sampler=null", "sampler=null: a campaign needs a sampler"),
        (f"seed={'9' * 5000}", "must be a whole number"),
        (f"seed={'[' * 2000}", "cannot be parsed"),
        ("seed=range(0,1e12)", "has several values"),
        (f"project={'x' * 300}", "File name too long: .*Choose a shorter name"),
        (f"runs={'x' * 300}", "File name too long: .*Choose a shorter name"),
    ],
)
def test_a_value_that_cannot_be_is_named(word: str, said: str, alframe: CommandLine) -> None:
    ended = alframe("status", word)
    assert ended.code == 1
    assert re.search(said, ended.err), ended.err
    assert "Traceback" not in ended.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("redirected", "code", "said"),
    [(">/dev/full", 1, "No space left on device: standard output."), (">&-", 0, ""), (">&- 2>&-", 0, "")],
)
def test_standard_output_is_full_or_closed(redirected: str, code: int, said: str, tmp_path: Path) -> None:
    command = f"{shlex.quote(sys.executable)} -m alframe new_plugin part=mine {redirected}"
    ended = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.partition(" The work")[0].strip()) == (code, said)


def test_a_log_that_cannot_be_written_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "alframe.log").symlink_to("/dev/full")
    with log_to_folder(tmp_path):
        logging.getLogger("alframe").warning("first")
        logging.getLogger("alframe").warning("second")
    assert caplog.text.count("alframe.log cannot be written: [Errno 28]") == 1
    assert "Logging error" not in capsys.readouterr().err


def test_the_log_file_holds_no_token(tmp_path: Path) -> None:
    """Who can read the project must not be let in by it; the terminal shows the whole link."""
    with log_to_folder(tmp_path):
        logging.getLogger("alframe").warning("Label in the browser: %s", "http://127.0.0.1:8000/#token=Ab-_9")
    assert "http://127.0.0.1:8000/#token=...\n" in (tmp_path / "alframe.log").read_text(encoding="utf-8")
