"""Completion for bash: as in Hydra, and also for tasks and after ``python -m alframe``."""

from __future__ import annotations

import os

from alframe.app.conf_folders import config_files, config_folders

# Hydra's script knows `python FILE`, not `python -m MODULE`.
_INSTALL = """_alframe_complete()
{
    local line=${COMP_LINE:0:COMP_POINT} program=${COMP_WORDS[0]}
    if [[ $line =~ ^[[:space:]]*([^[:space:]]*python[0-9.]*)[[:space:]]+-m[[:space:]]+alframe([[:space:]].*)$ ]]; then
        program="${BASH_REMATCH[1]} -m alframe" line="alframe${BASH_REMATCH[2]}"
    elif [[ $program == *python* ]]; then
        return
    fi
    COMPREPLY=($(compgen -W "$(COMP_LINE="$line" $program -sc query=bash 2>/dev/null)" -- "${line##* }"))
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -o nospace -o default -F _alframe_complete alframe python python3
"""
SCRIPTS = {
    "install=bash": _INSTALL,
    "uninstall=bash": "complete -r alframe python python3; unset -f _alframe_complete\n",
}


def completion_text(hydra_option: str) -> str:
    """Return the output that precedes Hydra's own; rewrite COMP_LINE so that Hydra understands the command."""
    if not hydra_option.startswith("query="):
        return SCRIPTS.get(hydra_option, "")
    _, _, typed = os.environ.get("COMP_LINE", "").lstrip().partition(" ")
    first, space, others = typed.lstrip().partition(" ")
    tasks = config_files("task", config_folders())
    if space and first in tasks:
        os.environ["COMP_LINE"] = f"alframe task={first} {others}"
    return "" if space else "".join(f"{name}\n" for name in sorted(tasks) if name.startswith(first))
