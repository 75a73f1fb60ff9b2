"""The command line, parsed once: flags, overrides with their values, and the choices its project was started with.

Hydra refuses a wrong name, key or type with a message about its own internals; here it is named, with what is allowed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from alframe.app.flags import CONFIG_DIR, expand_option, flag_value, split_flags
from alframe.app.grammar import ValueKind, parse_override, plain_value, quote, sweep_values, to_hydra
from alframe.app.overrides import SEARCH_PATH, Override, search_folders
from alframe.app.parts import GROUPS, SETTINGS, SEVERAL, ChosenParts
from alframe.app.projects import TRANSIENT, absolute, latest_project, load_choices
from alframe.builtins import KINDS, current_name
from alframe.errors import BadParams, StoreError, UnknownComponent
from alframe.registry import did_you_mean, unknown_name
from alframe.settings.checks import InvalidSetting
from alframe.settings.fields import SettingType
from alframe.settings.renamed import RENAMED

log = logging.getLogger(__name__)

_VERB = re.compile(r"^[\w-]+$")


@dataclass(frozen=True)
class Command:
    """What a command says: its flags, its overrides, and the saved choices of the project it is about.

    `project` is the folder if no override names it: that of the project that was worked on last.
    """

    flags: list[str]
    given: list[Override]
    saved: dict[str, Override]
    project: Path | None
    parts: ChosenParts

    def words(self) -> list[str]:
        """Return the words for Hydra: a project's own choices come before the command's, so that the command wins."""
        given = {override.key: override for override in self.given}
        kept = [override for override in self.saved.values() if not self._is_overruled(override, given)]
        project = [Override("project", quote(self.project.as_posix()))] if self.project else []
        return [*self.flags, *map(str, [*kept, *project, *self.given])]

    def check_saved(self) -> None:
        """Raise UnknownComponent if the project was started with a name that does not exist any more."""
        given = {override.key: override for override in self.given}
        try:
            for override in self.saved.values():
                if not self._is_overruled(override, given):
                    _check_names(override, self.parts)
        except UnknownComponent as error:
            raise UnknownComponent(
                f"{error} The project was started with it. Install again what brings it, name the folder of its YAML "
                f"file with --config-dir, or choose another."
            ) from None

    def _is_overruled(self, saved: Override, given: Mapping[str, Override]) -> bool:
        """Also by the choice of another part: the old one's parameters are not the new one's."""
        if saved.key == SEARCH_PATH and flag_value(self.flags, *CONFIG_DIR) is not None:
            return True
        if saved.key in given or saved.key == saved.kind or not {saved.kind, "experiment"} & given.keys():
            return saved.key in given
        if saved.kind not in KINDS:
            return False
        chosen = self.parts.names(saved.kind)
        if saved.kind in SEVERAL:
            return saved.key.split(".")[1] not in chosen
        return chosen != ChosenParts(self.saved, search_folders(self.saved)).names(saved.kind)


def hydra_words(words: Sequence[str]) -> list[str]:
    """Return the words of a command as Hydra takes them, with the choices that its project was started with.

    Raises UnknownComponent, BadParams, or StoreError for choices that cannot be read.
    """
    command = parse(words)
    _check_campaign(command)
    command.check_saved()
    return command.words()


def parse(words: Sequence[str]) -> Command:
    """Parse a command: a bare verb first means ``task=verb``, and names, keys and types are checked.

    Raises UnknownComponent, BadParams, or StoreError for a project's choices that cannot be read.
    """
    flags, typed = split_flags(map(expand_option, words))
    if typed and _VERB.match(typed[0]):
        typed[0] = f"task={typed[0]}"
    read = [_read(word) for word in typed]
    by_key = {override.key: override for override in read}
    folder = _project_folder(by_key)
    is_about_latest = folder is None and _task(by_key) != "run" and not _chooses_campaign(by_key)
    latest = latest_project(_path(by_key.get("runs")) or absolute("alframe-runs")) if is_about_latest else None
    project = folder or latest
    saved = {one.key: one for one in map(_under_new_name, load_choices(project) if project else [])}
    folders = _config_folders(flags) + search_folders({**saved, **by_key})
    parts = ChosenParts({**saved, **by_key}, folders)
    given = [_with_value(override, parts, _task(by_key), is_sweep(flags, by_key)) for override in read]
    for override in given:
        _check_names(override, parts)
        if override.text is not None and parse_override(str(override)) is None:
            raise BadParams(f"{override} cannot be read: put texts with special characters in quotes of their own.")
        _check_type(override)
    return Command(flags, given, saved, latest, parts)


def is_sweep(flags: Sequence[str], overrides: Mapping[str, Override]) -> bool:
    """Whether several runs are asked for."""
    return "-m" in flags or ("hydra.mode" in overrides and overrides["hydra.mode"].value == "MULTIRUN")


def _read(word: str) -> Override:
    """Read one override; the value is still as it was typed, except for the choices of groups."""
    override = Override.read(word)
    if override is None:
        raise BadParams(f"'{word}' is not of the form key=value. A verb comes first: alframe {word} ...")
    override = _under_new_name(override)
    if override.key not in GROUPS:
        is_baseline = override.key == "compare" and not (override.text or "{").startswith("{")
        return replace(override, key="compare.sampler") if is_baseline else override
    if override.text is None:  # ~exporter: none of it
        return Override(override.key, "[]")
    # An empty list is how Hydra says "none of this group". Every group has a default, which is replaced, not added to.
    names = ["[]" if name.lower() in ("null", "none") else name for name in override.text.split(",")]
    return Override(override.key, ",".join(names), "~" if override.sign == "~" else "")


def _under_new_name(override: Override) -> Override:
    """Return the override with the present name of its setting, or of the parts that it chooses; a warning says so."""
    if override.key in KINDS and override.text:
        names = re.sub(r"[\w:-]+", lambda name: current_name(override.key, name[0]), override.text)
        return replace(override, text=names)
    if override.key not in RENAMED:
        return override
    log.warning("The setting %s is called %s now.", override.key, RENAMED[override.key])
    return replace(override, key=RENAMED[override.key])


def _with_value(override: Override, parts: ChosenParts, task: str, sweep: bool) -> Override:
    """Return the override under its full key, with its value in Hydra's grammar."""
    key, sign = override.key, override.sign
    if key in GROUPS or override.text is None:
        return override
    if override.kind in KINDS:
        sign = sign or "++"  # a part's own constructor says which parameters it takes; Hydra lets any key through to it
    elif key not in SETTINGS and override.kind != "hydra" and not (set("/@") & set(key) or sign in ("+", "++")):
        key = _task_parameter(key, task, parts)
    kind = parts.value_kind(key)
    if key in SETTINGS and kind.is_list:
        none = override.text in ("", "null")
        return Override(key, "[]" if none else to_hydra(override.text, kind), sign)
    return Override(key, to_hydra(override.text, kind, sweep), sign)


def _task_parameter(key: str, task: str, parts: ChosenParts) -> str:
    """Return the full key of a task's own parameter, which is given without a prefix."""
    if task not in parts.files("task"):
        raise UnknownComponent(unknown_name("task", task, sorted(parts.files("task"))))
    parameters = parts.recipe("task", task).keys() - {"name"}
    if key in parameters:
        return f"task.{key}"
    top, _, _ = key.rpartition(".")
    siblings = [name for name in SETTINGS if top and name.startswith(f"{top}.")]
    tops = [name for name in SETTINGS if "." not in name]
    raise _no_setting(key, siblings or sorted({*tops, *GROUPS, *parameters}))


def _check_names(override: Override, parts: ChosenParts) -> None:
    if override.key in GROUPS:
        known = parts.files(override.key)
        for name in override.names:
            if _VERB.match(name) and name not in known:
                raise UnknownComponent(unknown_name(override.key, name, sorted(known)))


def _check_type(override: Override) -> None:
    if override.key in SETTINGS and override.text is not None:
        for value in sweep_values(override.text):
            _check_value(override.key, value)


def _check_value(key: str, value: object) -> None:
    setting = SETTINGS.get(key)
    inside = [name for name in SETTINGS if name.startswith(f"{key}.")]
    if isinstance(setting, SettingType):
        if not setting.accepts(value):
            raise InvalidSetting(key, value, str(setting))
    elif not isinstance(value, Mapping):
        raise InvalidSetting(key, value, f"given by the settings in it: {', '.join(inside)}")
    elif strange := [name for name in value if f"{key}.{name}" not in SETTINGS]:
        raise _no_setting(f"{key}.{strange[0]}", inside)
    else:
        for name, one in value.items():
            _check_value(f"{key}.{name}", one)


def _no_setting(key: str, known: Sequence[str]) -> BadParams:
    return BadParams(f"There is no setting '{key}'.{did_you_mean(key, list(known))} Known: {', '.join(known)}.")


def _check_campaign(command: Command) -> None:
    """Check that it is clear which campaign the command is about."""
    given = {override.key: override for override in command.given}
    folder = _project_folder(given)
    if folder is not None and is_sweep(command.flags, given):
        raise BadParams(
            "A sweep makes a project folder for each of its runs, below `runs`. Leave project=... out; "
            "runs=FOLDER says where they go."
        )
    if folder is not None and not command.saved and _task(given) == "run" and not _chooses_campaign(given):
        raise StoreError(
            f"There is no project in {folder}. To begin one there, say on which images: "
            f"python -m alframe project=FOLDER pool=folder pool.root=IMAGES label_source=csv"
        )
    key = next((key for key in given if key.startswith("pool.")), None)
    if key and not {"pool", "experiment"} & {*given, *command.saved}:
        raise BadParams(f"{key} is given, but not which kind of pool it is for. Images in a folder: pool=folder.")


def _chooses_campaign(given: Mapping[str, Override]) -> bool:
    return any(override.kind not in TRANSIENT for override in given.values())


def _task(given: Mapping[str, Override]) -> str:
    return given["task"].text or "run" if "task" in given else "run"


def _project_folder(given: Mapping[str, Override]) -> Path | None:
    return _path(given.get("project"))


def _path(override: Override | None) -> Path | None:
    if override is None or not override.text:
        return None
    path = plain_value(to_hydra(override.text, ValueKind(is_text=True, is_path=True)))
    return absolute(str(path)) if path else None


def _config_folders(flags: Sequence[str]) -> list[Path]:
    given = flag_value(flags, *CONFIG_DIR)
    if given is not None and not Path(given).is_dir():
        raise BadParams(f"--config-dir: there is no folder {given}.")
    return [Path(given)] if given else []
