"""Project folders: the folder that a command uses, and the choices with which a project was started."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from alframe.app.grammar import ValueParsing, quote, quote_list
from alframe.app.overrides import SEARCH_PATH, Override, overrides_by_key
from alframe.app.parts import GROUPS, ChosenParts
from alframe.app.schema import SETTINGS
from alframe.errors import StoreError
from alframe.settings import RENAMED
from alframe.store.files import remove_file, write_text
from alframe.store.ledger import LEDGER_NAME, Ledger

CHOICES_NAME = "alframe.yaml"
MAX_CHOICES_BYTES = 1_000_000
TRANSIENT = ("project", "runs", "task", "hydra", "compute")
CHOOSABLE = {name.partition(".")[0] for name in SETTINGS}.union(GROUPS).difference(TRANSIENT)

log = logging.getLogger(__name__)


def absolute_user_path(path: str, cwd: Path | None = None) -> Path:
    """Return the absolute path of a path that a user wrote: relative to here (or `cwd`), or with ``~``."""
    with suppress(RuntimeError):  # ~name of nobody: a folder may be called so
        return (cwd or Path.cwd()) / Path(path).expanduser()
    return (cwd or Path.cwd()) / path


def latest_project(runs: Path) -> Path | None:
    """Return the project below `runs` that was used last, among those with a request or a label."""
    ledgers = sorted(runs.glob(f"*/{LEDGER_NAME}"), key=_last_used, reverse=True)
    return next((file.parent.resolve() for file in ledgers if has_begun(file.parent)), None)


def has_begun(folder: Path, if_unreadable: bool = False) -> bool:
    """Return whether this project has a request or a label. If its ledger cannot be read, return `if_unreadable`."""
    if not (folder / LEDGER_NAME).exists():
        return False
    try:
        with Ledger.open(folder, read_only=True) as ledger:
            return bool(ledger.stored_rounds() or ledger.last_label_number())
    except StoreError:
        return if_unreadable


def _last_used(ledger: Path) -> float:
    # In WAL mode the newest changes are in a file beside the ledger.
    beside = [ledger, ledger.with_name(ledger.name + "-wal")]
    return max(file.stat().st_mtime for file in beside if file.exists())


def load_choices(folder: Path) -> list[Override]:
    """Return the overrides with which a project was started, none if it is new. Raises StoreError for a damaged file.

    The file may come from anybody. So only settings, parts with their parameters, and folders of the user's parts are
    taken from it. All other lines are left out with a warning, because Hydra's settings can run any program.
    """
    file = folder / CHOICES_NAME
    if not file.exists():
        return []
    overrides = overrides_by_key(map(Override.read, _read_choices(file)))
    if strange := [str(choice) for choice in overrides.values() if not is_choice(choice)]:
        shown = ", ".join(strange)[:200]
        log.warning("%s: left out %s. A project may only choose parts and their settings.", file, shown)
    return [choice for choice in overrides.values() if is_choice(choice)]


def recorded_owner(folder: Path, kind: str, names: Sequence[str]) -> str:
    """Return the first distribution of the parts with these names in the project's last round; "" if not known."""
    with suppress(StoreError), Ledger.open(folder, read_only=True) as ledger:
        owners = ledger.part_owners()
        return next((owners[f"{kind}:{name}"] for name in names if f"{kind}:{name}" in owners), "")
    return ""


def recorded_head_and_samplers(folder: Path) -> dict[str, Override]:
    """Return the head and the samplers of the project's last run, as choices by key; none if it is new.

    A project keeps them, even if it did not choose them and a default has changed since.
    """
    config: dict[str, Any] = {}
    # Of a new project there is no ledger; and the command itself says what is wrong with one.
    with suppress(StoreError), Ledger.open(folder, read_only=True) as ledger:
        config = ledger.latest_config() or {}
    recipes, settings = config.get("recipes", {}), config.get("settings", {})
    names = {kind: (recipes.get(kind) or {}).get("name") for kind in ("head", "sampler")}
    names["start.sampler"] = settings.get("start_sampler")
    return {key: Override(key, name) for key, name in names.items() if name}


def _read_choices(file: Path) -> list[str]:
    try:
        if file.stat().st_size > MAX_CHOICES_BYTES:
            raise ValueError(f"it has more than {MAX_CHOICES_BYTES:,} bytes")
        words = yaml.safe_load(file.read_text(encoding="utf-8"))["choices"]
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ValueError("its choices are not a list of texts")
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}. Make it readable, or delete it.") from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise StoreError(
            f"{file} is damaged: {reason}. Delete it, and give all settings on the command line."
        ) from None
    return words


def is_choice(override: Override) -> bool:
    """Return whether the saved choices of a project may contain this override."""
    if override.key == SEARCH_PATH:
        folders = override.parsed_value
        return isinstance(folders, list) and all(str(folder).startswith("file://") for folder in folders)
    return override.kind in CHOOSABLE or override.key in RENAMED


@contextmanager
def saving_choices(folder: Path, words: Sequence[str], user_config_folders: Sequence[str] = ()) -> Iterator[None]:
    """Save the overrides that define this campaign, with absolute paths; if the command fails, restore the old file.

    `words` are the overrides for Hydra. `user_config_folders` are the user's configuration folders, which contain some
    of the choices. A project keeps all choices with which it was started, and later all choices of `run`. From `export`
    it keeps the exporters, and from other tasks all choices except an experiment, which has many choices for `run`.
    """
    overrides = overrides_by_key(map(Override.read, words))
    parts = ChosenParts(overrides, user_config_folders)
    kept = [override for override in overrides.values() if is_choice(override) and override.key != SEARCH_PATH]
    given = [_with_absolute_path(override, parts.find_value_parsing(override.key)) for override in kept]
    if user_config_folders:
        given.append(Override(SEARCH_PATH, quote_list([f"file://{own}" for own in user_config_folders])))
    file = folder / CHOICES_NAME
    before = file.read_text(encoding="utf-8") if file.exists() else None
    task = overrides["task"].text if "task" in overrides else "run"
    choices = given if before is None or task == "run" else _merge_choices(load_choices(folder), given, task or "")
    text = yaml.safe_dump({"choices": list(map(str, choices))}, allow_unicode=True, width=1000)
    if text != before:
        write_text(file, text)
    try:
        yield
    except Exception:
        if before is None and not has_begun(folder):
            remove_file(file)
        elif before is not None and text != before:
            write_text(file, before)
        raise


def _merge_choices(saved: Sequence[Override], given: Sequence[Override], task: str) -> list[Override]:
    """Return the saved choices, updated by the given choices that a task other than `run` may change."""

    def may_change(choice: Override) -> bool:
        return choice.kind == "exporter" if task == "export" else choice.kind not in ("experiment", "hydra")

    changed = [choice for choice in given if may_change(choice)]
    if set(map(str, changed)) <= set(map(str, saved)):
        return [choice for choice in saved if not may_change(choice) or choice in changed]
    folders = [choice for choice in given if choice.key == SEARCH_PATH]  # a choice may lie in one of them
    standing = [choice for choice in saved if not may_change(choice) and not (folders and choice.key == SEARCH_PATH)]
    return [*standing, *changed, *folders]


def project_folder_name(pool: str, paths: Mapping[str, str], sampler: str, seed: int, digest: str, people: bool) -> str:
    """Return the name of a project's folder below `runs`; `paths` are the pool's, `digest` is the configuration's.

    If people label, the folder is named only after the pool, so that no other option hides their labels. The folder of
    a simulation is named after everything that decides its result, so that two simulations never share a ledger.
    """
    if not people:
        return f"{_slug(pool)}-{_slug(sampler)}-seed{seed}-{digest[:8]}"
    # A set of test images apart (test_root) may be added to a campaign later on.
    lasting = {key: path for key, path in sorted(paths.items()) if path and not key.startswith("test_")}
    normal = {key: os.path.normcase(os.path.normpath(path)) for key, path in lasting.items()}
    pool_digest = hashlib.blake2b(repr(normal or pool).encode(), digest_size=4).hexdigest()
    return f"{_slug(Path(str(lasting.get('root') or lasting.get('file') or pool)).stem)}-{pool_digest}"


def _with_absolute_path(override: Override, value_parsing: ValueParsing) -> Override:
    value = override.parsed_value
    if not value_parsing.is_path or not value or "${" in (override.text or ""):
        return override
    if isinstance(value, list):
        return replace(override, text=quote_list([absolute_user_path(str(path)).as_posix() for path in value]))
    return replace(override, text=quote(absolute_user_path(str(value)).as_posix()))


def _slug(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text).strip("._")[:60] or "pool"
