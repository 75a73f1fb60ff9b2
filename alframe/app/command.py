"""Parse the command line: flags, overrides with their values, and the choices with which its project was started.

Hydra's messages on a wrong name, key or type use words of its own code. The messages here say what is allowed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from alframe.app.checks import (
    NAME,
    bare_words,
    check_added_setting,
    misplaced_word_error,
    require_equals_signs,
    require_known_names,
    require_valid_value,
    unknown_setting_error,
)
from alframe.app.grammar import ValueParsing, parse_override, plain_value, quote, to_hydra
from alframe.app.hydra_settings import require_hydra_unchanged
from alframe.app.logging import describe_error
from alframe.app.overrides import (
    CONFIG_DIR,
    SEARCH_PATH,
    Override,
    Overrides,
    expand_option,
    flag_value,
    overrides_by_key,
    split_flags,
)
from alframe.app.parts import GROUPS, MULTIPLE_KINDS, ChosenParts
from alframe.app.projects import (
    CHOOSABLE,
    absolute_user_path,
    has_begun,
    latest_project,
    load_choices,
    recorded_head_and_samplers,
    recorded_owner,
)
from alframe.app.schema import SETTINGS
from alframe.builtins import KINDS, REGISTRIES, current_name
from alframe.commands import command_line, drop_backticks, short_path
from alframe.contracts import TakesWords
from alframe.errors import BadParams, StoreError, UnknownComponent
from alframe.registry import unknown_name_message
from alframe.settings import RENAMED, Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ParsedCommand:
    """A parsed command: its flags, its overrides by key, and the saved choices that stay in force.

    `folder` is the project that an override names. `latest` is the project to use if no override names a project.
    """

    flags: list[str]
    given: Overrides
    saved: Overrides
    folder: Path | None
    latest: Path | None
    parts: ChosenParts

    def hydra_arguments(self) -> list[str]:
        """Return the arguments for Hydra. The saved choices come first, so that the choices of the command win."""
        project = [Override("project", quote(self.latest.as_posix()))] if self.latest else []
        return [*self.flags, *map(str, [*self.saved.values(), *project, *self.given.values()])]


def to_hydra_arguments(words: Sequence[str]) -> list[str]:
    """Return the arguments of a command for Hydra, with the choices with which its project was started.

    Raises UnknownComponent, BadParams, or StoreError for choices that cannot be read.
    """
    try:
        command = parse_command(words)
    except OSError as error:  # a name of 300 characters, a folder that may not be looked into
        raise StoreError(describe_error(error)) from error
    _require_one_campaign(command)
    try:
        for override in command.saved.values():
            require_known_names(override, command.parts)
            require_valid_value(override)
    except UnknownComponent as error:
        project = command.folder or command.latest
        owner = recorded_owner(project, override.key, override.chosen_names) if project else ""
        raise UnknownComponent(
            f"{error} The project was started with it. Reinstall the package that provides it"
            f"{f' ({owner})' if owner else ''}, give the folder of its YAML file with --config-dir, or choose another."
        ) from None
    if SEARCH_PATH in command.saved:
        _check_saved_search_path(command)
    return command.hydra_arguments()


def parse_command(words: Sequence[str]) -> ParsedCommand:
    """Return the parsed command. A first word without `=` means ``task=word``. Names, keys and types are checked.

    Raises UnknownComponent, BadParams, or StoreError for a project's choices that cannot be read.
    """
    flags, typed = split_flags(map(expand_option, map(drop_backticks, words)))
    typed = _name_each_word(typed)
    require_equals_signs(typed)
    if typed and NAME.match(typed[0]):
        typed = [f"task={typed[0]}", *_join_free_words(typed[0], typed[1:])]
    read = overrides_by_key(map(_parse_override, typed, ["", *typed]))
    folder, runs = _folder_from("project", read), _folder_from("runs", read) or absolute_user_path("alframe-runs")
    shows_latest = folder is None and not _is_run(read) and not _configures_campaign(read)
    latest = latest_project(runs) if shows_latest else None
    project = folder or latest
    saved = overrides_by_key(map(_under_new_name, load_choices(project) if project else []))
    if project and "experiment" not in read:
        saved = {**_former_defaults(recorded_head_and_samplers(project), {**saved, **read}), **saved}
    own_folder = flag_value(flags, *CONFIG_DIR)
    if own_folder == "":
        raise BadParams("--config-dir needs the folder of your own YAML files: --config-dir=FOLDER.")
    if own_folder is not None and not Path(own_folder).is_dir():
        raise BadParams(f"--config-dir={own_folder}: there is no such folder. Correct the path.")
    parts = ChosenParts({**saved, **read}, [] if own_folder is None else [own_folder])
    sweep = _is_multirun(flags, read)
    given = overrides_by_key(_qualify_override(override, parts, read, sweep) for override in read.values())
    for override in given.values():
        require_known_names(override, parts)
        require_valid_value(override, sweep)
    standing = overrides_by_key(choice for choice in saved.values() if not _is_overruled(choice, saved, given, parts))
    if own_folder is not None:
        standing.pop(SEARCH_PATH, None)
    return ParsedCommand(flags, given, standing, folder, latest, parts)


def _former_defaults(recorded: Overrides, chosen: Overrides) -> Overrides:
    """Return the `recorded` choices of a project that nobody has `chosen` and that differ from the present defaults."""
    kept, now = {}, ChosenParts(chosen)
    for choice in map(_under_new_name, recorded.values()):
        default = Settings().start.sampler if choice.key in SETTINGS else ChosenParts({}).chosen_names(choice.key)[0]
        by_experiment = "experiment" in chosen and (choice.key in SETTINGS or now.chosen_names(choice.key) != [default])
        if choice.key not in chosen and choice.text != default and not by_experiment:
            log.warning(
                "This project continues with %s, the default when it was started. The default is now %s=%s.",
                *(choice, choice.key, default),
            )
            kept[choice.key] = choice
    return kept


def _name_each_word(words: list[str]) -> list[str]:
    """Return ``new_plugin kind=head part=mine`` for ``new-plugin head mine``: this task names each of its words."""
    verb = words[0].replace("-", "_") if words else ""
    if verb not in REGISTRIES["task"].parts():
        return words
    bare = bare_words(words[1:])
    names = _parameters_of_free_words(verb) if bare else ""
    if isinstance(names, str) or len(bare) > len(names):
        return [verb, *words[1:]]
    named = [f"{name}={word}" for name, word in zip(names[-len(bare) :], bare, strict=True)]
    return [verb, *named, *(word for word in words[1:] if word not in bare)]


def _join_free_words(verb: str, words: list[str]) -> list[str]:
    """Return the words after a verb. Words without `=` become a list: the value of the task's parameter for them."""
    bare = bare_words(words)
    name = _parameters_of_free_words(verb) if bare else ""
    if not name or not isinstance(name, str):
        return words
    value = bare[0] if len(bare) == 1 else f"[{','.join(bare)}]"
    return [f"{name}={value}", *(word for word in words if word not in bare)]


def _parameters_of_free_words(verb: str) -> str | tuple[str, ...]:
    """Return the parameters that a task has for words without `=`, or "" if it has none."""
    task = REGISTRIES["task"]
    factory: object = task.get(verb).load() if verb in task.parts() else None
    return factory.words_are if isinstance(factory, TakesWords) else ""


def _parse_override(word: str, before: str = "") -> Override:
    """Read the override that follows the word `before`; its value stays as typed, except for choices of groups."""
    override = Override.read(word)
    if override is None:
        raise misplaced_word_error(word, before)
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
    """Return the override with the new name of its setting or parts, and warn if it had an old name."""
    if override.key in KINDS and override.text:
        names = re.sub(r"[\w:-]+", lambda name: current_name(override.key, name[0]), override.text)
        return replace(override, text=names)
    if override.key not in RENAMED:
        return override
    log.warning("The setting %s has been renamed: use %s.", override.key, RENAMED[override.key])
    return replace(override, key=RENAMED[override.key])


def _qualify_override(override: Override, parts: ChosenParts, read: Overrides, sweep: bool) -> Override:
    """Return the override under its full key, with its value in Hydra's grammar."""
    key, sign, text = override.key, override.sign, override.text
    if key in GROUPS or text is None:
        return override
    if override.kind in KINDS:
        sign = sign or "++"  # a part's own constructor says which parameters it takes; Hydra lets any key through to it
    elif key not in SETTINGS and override.kind != "hydra" and not set("/@") & set(key):
        if sign in ("+", "++"):
            check_added_setting(override)
            return replace(override, text=to_hydra(text, parts.find_value_parsing(key), sweep))
        key = _full_task_key(key, read["task"].text or "" if "task" in read else "run", parts)
    value_parsing = parts.find_value_parsing(key)
    if key in SETTINGS and value_parsing.is_list:
        return Override(key, "[]" if text in ("", "null") else to_hydra(text, value_parsing), sign)
    return Override(key, to_hydra(text, value_parsing, sweep), sign)


def _full_task_key(key: str, task: str, parts: ChosenParts) -> str:
    """Return the full key of a parameter of the task. On the command line, it has no prefix."""
    if task not in parts.files_by_name("task"):
        raise UnknownComponent(unknown_name_message("task", task, sorted(parts.files_by_name("task"))))
    parameters = parts.inherited_recipe("task", task).keys() - {"name"}
    if key in parameters:
        return f"task.{key}"
    if key in parts.files_by_name("task"):
        raise BadParams(f"There is no setting '{key}'. '{key}' is a command, which comes first: {command_line(key)}")
    raise unknown_setting_error(key, {*(name for name in SETTINGS if "." not in name), *GROUPS, *parameters})


def _is_overruled(saved: Override, all_overrides: Overrides, given: Overrides, parts: ChosenParts) -> bool:
    """Return whether a saved choice is given again, or is a parameter of a part that another part now replaces."""
    if saved.key in given or saved.key == saved.kind or not {saved.kind, "experiment"} & given.keys():
        return saved.key in given
    if saved.kind in MULTIPLE_KINDS:
        return saved.key.split(".")[1] not in parts.chosen_names(saved.kind)
    return saved.kind in KINDS and parts.chosen_names(saved.kind) != ChosenParts(all_overrides).chosen_names(saved.kind)


def _check_saved_search_path(command: ParsedCommand) -> None:
    """Check that the folders of parts that the project names do not change Hydra's settings."""
    parsed = [(override, parse_override(str(override))) for override in command.given.values()]
    own = [override for override, read in parsed if read is None or not read.is_sweep_override()]
    words = list(map(str, [*command.saved.values(), *own]))
    own_words = [str(override) for override in own if override.kind.partition("/")[0] == "hydra"]
    require_hydra_unchanged(words, own_words, f"The project's {command.saved[SEARCH_PATH]}")


def _require_one_campaign(command: ParsedCommand) -> None:
    """Check that it is clear which campaign the command is about."""
    folder, given = command.folder, command.given
    if folder is not None and _is_multirun(command.flags, given):
        raise BadParams(
            "A sweep creates a project folder for each run, below `runs`. Remove project=...; "
            "runs=FOLDER sets where the folders go."
        )
    project = folder or command.latest
    if not (command.saved or _configures_campaign(given) or (project and has_begun(project, if_unreadable=True))):
        project_argument = [f"project={short_path(project)}"] if project else []
        images = command_line(*project_argument, "pool=folder", "pool.root=IMAGES", "label_source=web")
        start = f"To start one, give its images: {images}"
        if folder is not None and _is_run(given):
            raise StoreError(f"There is no project in {folder}. {start}")
        if not _is_run(given) and not REGISTRIES["task"].get(str(given["task"].parsed_value)).declares("read_only"):
            where = f"in {folder}" if folder else "yet"
            raise StoreError(f"There is no project {where}. If yours is elsewhere, add project=FOLDER. {start}")
    key = next((key for key in given if key.startswith("pool.")), None)
    if key and not {"pool", "experiment"} & {*given, *command.saved}:
        raise BadParams(f"{key} is set, but no pool is chosen. For a folder of images, add pool=folder.")


def _configures_campaign(given: Overrides) -> bool:
    """Return whether a setting or a part is chosen. Exporters and parameters of a task do not choose a campaign."""
    return any(override.kind in CHOOSABLE - {"exporter"} for override in given.values())


def _is_run(given: Overrides) -> bool:
    return "task" not in given or given["task"].text == "run"


def _is_multirun(flags: Sequence[str], given: Overrides) -> bool:
    return "-m" in flags or ("hydra.mode" in given and given["hydra.mode"].parsed_value == "MULTIRUN")


def _folder_from(key: str, given: Mapping[str, Override]) -> Path | None:
    text = given[key].text if key in given else None
    path = plain_value(to_hydra(text, ValueParsing(is_text=True, is_path=True))) if text else None
    return absolute_user_path(str(path)) if path else None
