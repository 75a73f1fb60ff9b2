"""Find out whether a new project has the images of another project, which were only moved."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from alframe.builtins import REGISTRIES
from alframe.commands import project_command
from alframe.errors import AlframeError
from alframe.loop.campaign import Campaign
from alframe.store.ledger import LEDGER_NAME, Ledger
from alframe.types import ItemColumns

log = logging.getLogger(__name__)
SAMPLE_SIZE = 20  # images whose files are compared


def warn_of_project_with_same_images(campaign: Campaign, items: ItemColumns) -> None:
    """Warn if a new campaign without requests has the moved images of a project in the same folder."""
    if campaign.parts.label_source.answers_now or campaign.ledger.stored_rounds():
        return
    position_of = {id_: position for position, id_ in enumerate(items.ids)}
    for folder, labels in _projects_of_people(campaign.folder):
        with Ledger.open(folder, read_only=True) as ledger:
            known = ledger.items()
        shared = [(key, position_of[id_]) for key, id_ in enumerate(known.ids) if id_ in position_of]
        sample = [(known[key].path, items[position].path) for key, position in shared[:SAMPLE_SIZE]]
        if 2 * len(shared) > len(known) and all(_is_moved(before, now) for before, now in sample):
            root = (campaign.recipes.get("pool") or {}).get("root")
            go_on = project_command(folder, *([f"pool.root={root}"] if root else []))
            log.warning(
                "%d of these %d images belong to the project %s, which has %d labels. Only their place has changed. "
                "This new project does not have these labels. To continue the other project: %s",
                *(len(shared), len(items), folder, labels, go_on),
            )


def _projects_of_people(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield the folder of each project beside `folder` that has asked people, and its number of labels."""
    for file in sorted(folder.parent.glob(f"*/{LEDGER_NAME}")):
        if file.parent == folder:
            continue
        try:
            with Ledger.open(file.parent, read_only=True) as ledger:
                rounds = ledger.stored_rounds()
                source = rounds[-1].label_source.get("name") if rounds else None
                if source and not REGISTRIES["label_source"].get(str(source)).declares("answers_now"):
                    yield file.parent, len({label.item for label in ledger.stored_labels()})
        except AlframeError:  # it is damaged, of another version, or by a plugin that is gone
            continue


def _is_moved(before: Path, now: Path) -> bool:
    """Return whether a file was moved, or copied with the same size."""
    if before == now:
        return False
    try:
        return not before.exists() or before.stat().st_size == now.stat().st_size
    except OSError:
        return False
