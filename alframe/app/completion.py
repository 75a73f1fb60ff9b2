"""Completion for bash: Hydra's own, for ``python -m alframe`` as well, and with the verbs."""

from __future__ import annotations

import os
from collections.abc import Sequence

from alframe.app.search_path import options

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
_UNINSTALL = "complete -r alframe python python3; unset -f _alframe_complete\n"
_SCRIPTS = {"install=bash": _INSTALL, "uninstall=bash": _UNINSTALL}


def answer(words: Sequence[str]) -> str:
    """Return what is printed for these words after ``-sc`` before Hydra answers, and leave a line it understands.

    Hydra has nothing to add to the scripts for bash.
    """
    if words[-1] in _SCRIPTS:
        return _SCRIPTS[words[-1]]
    _, _, typed = os.environ.get("COMP_LINE", "").lstrip().partition(" ")
    first, space, others = typed.lstrip().partition(" ")
    tasks = options("task")
    if space and first in tasks:
        os.environ["COMP_LINE"] = f"alframe task={first} {others}"
    return "" if space else "".join(f"{name}\n" for name in sorted(tasks) if name.startswith(first))


def is_answered(words: Sequence[str]) -> bool:
    """Whether `answer` is all there is to print."""
    return words[-1] in _SCRIPTS
