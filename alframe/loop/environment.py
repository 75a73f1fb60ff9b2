"""The environment of a request: the system, the version of the source code, and the data."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from functools import cache
from pathlib import Path

import alframe
from alframe.loop.phase_results import EmbeddedPool
from alframe.store.events import RequestEnvironment


def collect_environment(data_digest: str) -> RequestEnvironment:
    """Return the event for the ledger; `data_digest` is the digest of the data."""
    return RequestEnvironment(
        python=platform.python_version(),
        system=platform.platform(),
        processors=os.cpu_count() or 0,
        git=_describe_commit(Path.cwd()),
        alframe_git=_describe_commit(Path(alframe.__file__).parent),
        data=data_digest,
    )


def digest_data(embedded: EmbeddedPool) -> str:
    """Return a digest of the present images: the content, id and class of each, and whether it is held out."""
    digest = hashlib.blake2b(digest_size=16)
    listing, items, contents = embedded.listing, embedded.listing.items, embedded.embedding.content_hashes
    for key in listing.is_present.nonzero()[0].tolist():
        digest.update(repr((items.ids[key], items.labels[key], bool(listing.is_held_out[key]))).encode())
        digest.update(contents[key] or b"")
    return digest.hexdigest()


@cache  # a sweep runs many campaigns in one process
def _describe_commit(folder: Path) -> str:
    """Return the commit of the repository of a folder, with "-dirty" if files differ, or "" without a repository."""
    commit = _run_git(folder, "rev-parse", "HEAD")
    changes = _run_git(folder, "status", "--porcelain", "--untracked-files=no") if commit else ""
    return f"{commit}-dirty" if changes else commit


def _run_git(folder: Path, *words: str) -> str:
    # Without optional locks nothing is written: a git command of the user's at the same time must not fail.
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", *words]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):  # no git, or a repository on a drive that does not answer
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
