"""A project: the folder of a campaign, its lock, and the files below it."""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path

import filelock

from alframe.errors import StoreError
from alframe.loop.cache_folder import FILE_CACHE_NAME
from alframe.store.features import FeatureStore
from alframe.store.file_cache import FileCache
from alframe.store.files import clean_up_after_killed_writers
from alframe.store.known_networks import KnownNetworks
from alframe.store.ledger import LEDGER_NAME, Ledger
from alframe.store.path_lengths import CACHE_CHARACTERS, PROJECT_CHARACTERS, require_path_length
from alframe.store.synced_folders import find_synced_folder

log = logging.getLogger(__name__)


class Project:
    """The stores of a campaign, opened when first read; `lock` it before anything is written.

    `cache_folder` is shared by campaigns side by side: what images held, and their embeddings. People find what they
    are asked in `request_folder`; `done_file` is there when the campaign has ended, with the message it ended with.
    """

    def __init__(self, folder: Path, cache_folder: Path, read_only: bool, waits_for_lock: bool = False) -> None:
        self.folder, self.cache_folder = folder, cache_folder
        self.read_only, self.waits_for_lock = read_only, waits_for_lock
        self.done_file = folder / "done.json"
        self.export_folder = folder / "export"
        self.model_folder = self.export_folder / "model"
        self.request_folder = folder / "to_label"
        self._lock: filelock.BaseFileLock | None = None

    def lock(self) -> None:
        """Make the folder and lock it, unless it is only read.

        If another process has the lock, wait for it if `waits_for_lock`, as in a sweep, else raise StoreError.
        """
        if self.read_only:
            return
        require_path_length(self.folder, PROJECT_CHARACTERS, "project")
        require_path_length(self.cache_folder, CACHE_CHARACTERS, "runs")
        self._warn_if_synced()
        self._lock = filelock.FileLock(self.folder / ".lock")
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            if not self.waits_for_lock:
                raise StoreError(
                    f"Another alframe process is using {self.folder}. Wait until it ends, or press Ctrl-C in its "
                    "window; no label is lost. Then run this command again. Two at once could request the same images "
                    "twice."
                ) from None
            log.info("Another alframe process is using %s: waiting for it, to share its results.", self.folder)
            self._lock.acquire()
        self._clear_temporary_files()

    def _warn_if_synced(self) -> None:
        if (synced := find_synced_folder(self.folder)) is not None:
            log.warning(
                "The project %s lies in %s, which a cloud client synchronises. The client may lock files while they "
                "are written, or replace the labels by an older state. Pause it while alframe runs, or choose "
                "another folder with project=FOLDER.",
                *(self.folder, synced),
            )

    def _clear_temporary_files(self) -> None:
        # Folders of earlier rounds are not written to any more.
        rounds = [folder for folder in sorted(self.request_folder.glob("round-*"))[-2:] if folder.is_dir()]
        annotators = [inside for folder in rounds for inside in folder.iterdir() if inside.is_dir()]
        own = (self.folder, self.export_folder, self.folder / "models", self.request_folder)
        for folder in (*own, *rounds, *annotators):
            clean_up_after_killed_writers(folder)

    def close(self) -> None:
        """Close the stores and give the lock back."""
        for name in ("ledger", "file_cache"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
        if self._lock is not None:
            self._lock.release()

    @property
    def has_begun(self) -> bool:
        return (self.folder / LEDGER_NAME).exists()

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger.open(self.folder, self.read_only)

    @cached_property
    def file_cache(self) -> FileCache:
        """What each file held when it was last read."""
        return FileCache(self.cache_folder / FILE_CACHE_NAME)

    @property
    def known_networks(self) -> KnownNetworks:
        return KnownNetworks(self.cache_folder / "networks")

    def feature_store(self, fingerprint: str) -> FeatureStore:
        return FeatureStore(self.cache_folder / "features" / fingerprint)
