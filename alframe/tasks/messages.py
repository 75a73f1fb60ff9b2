"""Paths, commands and common messages for people."""

from __future__ import annotations

from pathlib import Path

from alframe.commands import command_line, project_command, short_path
from alframe.loop.campaign import Campaign
from alframe.loop.embedding import load_damaged
from alframe.loop.session import Session

COMPLETE_MESSAGE = "This campaign is complete; these are its results."  # the first line of a run that had ended before


def indented_paths(paths: list[Path]) -> str:
    return "".join(f"\n  {short_path(path)}" for path in paths)


def predict_command(model: Path) -> str:
    """Return the command that uses an exported model on other images."""
    return command_line("predict", "images=FOLDER", f"model={short_path(model)}")


def describe_bad_image_counts(campaign: Campaign) -> list[str]:
    """Return a line with the numbers of unreadable and damaged images, or no line if there are none."""
    unreadable, damaged = len(campaign.ledger.unreadable_reasons()), len(load_damaged(campaign.ledger))
    counts = [
        *([f"Images that cannot be read and are left out: {unreadable:,}."] if unreadable else []),
        *([f"Images that are used although they are incomplete: {damaged:,}."] if damaged else []),
    ]
    which = f"The list with reasons: {project_command(campaign.folder, verb='status')}"
    return [" ".join([*counts, which])] if counts else []


def no_project_message(session: Session, verb: str) -> str:
    """Return the message that there is no project here, and how to give the folder of a project."""
    # The name of a folder that nobody has typed would look like that of a project.
    where = short_path(session.folder if session.runs is None else session.runs)
    which = "" if session.runs is None or not session.runs.is_dir() else " that was started with these settings"
    return (
        f"There is no project in {where}{which}. If yours is elsewhere, give its folder: "
        f"{command_line(verb, 'project=FOLDER')}. To start one: {command_line()}"
    )
