"""Words that several tasks use: how paths and commands are shown to people."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def command(*words: str) -> str:
    """A command line that can be copied into the terminal, on Windows too."""
    quoted = [f'"{word}"' if sys.platform == "win32" and " " in word else word for word in words]
    return " ".join(["python -m alframe", *(quoted if sys.platform == "win32" else map(shlex.quote, words))])


def project_argument(folder: Path) -> str:
    """The override that names a project folder."""
    return f"project={shown(folder)}"


def predict_command(model: Path) -> str:
    """The command that uses an exported model on other images."""
    return command("predict", "images=FOLDER", f"model={shown(model)}")


def no_project(folder: Path, verb: str) -> str:
    """What to say where there is nothing to look at: mostly the project is another folder."""
    return (
        f"There is no project in {shown(folder)}. If yours is elsewhere, say where: "
        f"{command(verb, 'project=FOLDER')}. To start one: {command()}"
    )
