"""Find folders that a cloud client synchronises between computers."""

from __future__ import annotations

import os
import re
from pathlib import Path

# As OneDrive, Dropbox, Google Drive, iCloud Drive and Nextcloud call their folders; macOS keeps all below CloudStorage.
_NAME = re.compile(
    r"onedrive( ?- ?.+)?|dropbox( \(.+\))?|google ?drive.*|my drive|icloud ?drive|mobile documents|cloudstorage"
    r"|nextcloud",
    re.IGNORECASE,
)
_VARIABLES = ("OneDrive", "OneDriveConsumer", "OneDriveCommercial")


def find_synced_folder(folder: Path) -> Path | None:
    """Return the synchronised folder that contains `folder`, found by names and environment variables, or None."""
    own = {Path(os.environ[name]) for name in _VARIABLES if os.environ.get(name)}
    parents = (folder, *folder.parents)
    return next((parent for parent in parents if parent in own or _NAME.fullmatch(parent.name)), None)
