"""Write the table of names at the top of each page on a kind of part: ``python -m tools.tables``.

The needs and results of a part come from the code. Its cost, and when to use it, are the first clauses of **Cost** and
**When** in its section on the page. So nothing is written twice, and a name without a section, cost or advice is an
error.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from alframe.builtins import BUILTIN_PARTS, REGISTRIES
from alframe.contracts import AuditBased, HiddenActivations
from alframe.types import Need, PoolView

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ODD = {"loss": "losses", "stopping": "stopping", "compute": "compute"}
# That of backbones is by hand: its rows are the ready-made choices, and its numbers those of the networks.
PAGES = {kind: DOCS / f"{ODD.get(kind, f'{kind}s')}.md" for kind in BUILTIN_PARTS if kind != "backbone"}
VIEW_START = "<!-- what a view gives: written by tools/tables.py -->\n"
START, END = "<!-- written by tools/tables.py -->\n", "<!-- until here -->\n"
NEEDS = {
    Need.PROBS: "probabilities",
    Need.LABELLED_PROBS: "labelled probabilities",
    Need.PROB_SAMPLES: "draws",
    Need.HIDDEN_ACTIVATIONS: "activations",
    Need.PREDICT: "the head itself",
    Need.FEATURES: "embeddings",
    Need.LABELLED_FEATURES: "labelled embeddings",
    Need.LABELS: "labels",
    Need.CLASS_NAMES: "class names",
    Need.IS_UNSEEN_BY_BACKBONE: "a list that says which labels fine-tuning has used",
    Need.SEQUENCES: "sequences",
    Need.LABELLED_SEQUENCES: "sequences of the labelled images",
    Need.TAKEN: "times",
    Need.LABELLED_TAKEN: "times of the labelled images",
    Need.CAMERAS: "cameras",
    Need.LABELLED_CAMERAS: "cameras of the labelled images",
    Need.IDS: "ids",
    Need.LABELLED_IDS: "ids of the labelled images",
    Need.BATCH_ERROR_RATES: "the model's error rates on earlier batches",
}


def page(kind: str) -> str:
    """Return the new text of the page of this kind."""
    text = PAGES[kind].read_text(encoding="utf-8")
    if kind == "sampler":
        before, _, rest = text.partition(VIEW_START)
        text = f"{before}{VIEW_START}{_view_table()}{END}{rest.partition(END)[2]}"
    table = f"{START}{_table(kind, text)}{END}"
    if START in text:
        before, _, rest = text.partition(START)
        return f"{before}{table}{rest.partition(END)[2]}"
    first = text.index("\n## ")
    return f"{text[: first + 1]}{table}{text[first:]}"


def _view_table() -> str:
    """Return the table of the properties of a view for each need, from their docstrings."""
    rows = [("need", "property of the view", "what it is"), ("---",) * 3]
    for need in Need:
        lazy = f"lazy_{need.value}"
        names = [need.value, *([lazy] if hasattr(PoolView, lazy) else [])]
        (first, *_) = inspect.cleandoc(getattr(PoolView, need.value).__doc__).split("\n\n")
        rows.append((f"`Need.{need.name}`", ", ".join(f"`{name}`" for name in names), " ".join(first.split())))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _table(kind: str, text: str) -> str:
    names = list(BUILTIN_PARTS[kind][1])
    sections = {match[1]: match[2] for match in re.finditer(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.M | re.S)}
    heading, describe = DESCRIBED.get(kind, ("needs", _required))
    cells = [describe(kind, name) for name in names]
    has_cells = any(cells)
    columns = ["name", *([heading] if has_cells else []), "cost", "when"]
    rows = [columns, ["---"] * len(columns)]
    for name, cell in zip(names, cells, strict=True):
        if name not in sections:
            raise SystemExit(f"{PAGES[kind].name} has no section '## {name}'.")
        clauses = [_clause(kind, name, sections[name], label) for label in ("Cost", "When")]
        rows.append([f"[{name}](#{name})", *([cell or "nothing"] if has_cells else []), *clauses])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _clause(kind: str, name: str, section: str, label: str) -> str:
    clause = re.search(rf"\*\*{label}\*\*: (.*?)(?=\s+(?:- )?\*\*[A-Z]\w+\*\*:|\n- |\n\n|\Z)", section, re.S)
    if clause is None:
        raise SystemExit(f"{PAGES[kind].name}: '## {name}' lacks '**{label}**: ...'.")
    text = " ".join(clause[1].split())
    # Up to the first mark that ends a clause, but in code and in brackets it ends none.
    for mark in re.finditer(r"`[^`]*`|\([^)]*\)|([.;:])(?= |$)", text):
        if mark[1]:
            return text[: mark.start()].replace("|", "\\|")
    return text.replace("|", "\\|")


def default_part(kind: str, name: str) -> Any:
    """Build the part with the parameters of its YAML file."""
    recipe: Any = OmegaConf.to_container(_defaults(kind, name), resolve=True)
    return REGISTRIES[kind].build(recipe)


def _defaults(kind: str, name: str) -> Any:
    """Return the settings of this part in its YAML file."""
    config: Any = OmegaConf.load(ROOT / "conf" / "config.yaml")  # what the file refers to, such as the seed
    config[kind] = OmegaConf.load(ROOT / "conf" / kind / f"{name}.yaml")
    return config[kind]


def _needs(kind: str, name: str) -> str:
    needs = default_part(kind, name).needs
    return ", ".join(text for need, text in NEEDS.items() if need in needs)


def _gives(kind: str, name: str) -> str:
    head = default_part(kind, name)
    optional = {"draws": head.stochastic, "activations": isinstance(head, HiddenActivations)}
    return ", ".join(["probabilities", *(text for text, is_given in optional.items() if is_given)])


def _audit(kind: str, name: str) -> str:
    rule = default_part(kind, name)
    return "`audit` above 0" if isinstance(rule, AuditBased) and rule.needs_audit else ""


def _required(kind: str, name: str) -> str:
    """Return the parameters without a default."""
    return ", ".join(f"`{key}`" for key in sorted(OmegaConf.missing_keys(_defaults(kind, name))))


DESCRIBED: dict[str, tuple[str, Callable[[str, str], str]]] = {
    "sampler": ("needs", _needs),
    "head": ("gives", _gives),
    "stopping": ("needs", _audit),
}

if __name__ == "__main__":
    for kind, file in PAGES.items():
        file.write_text(page(kind), encoding="utf-8", newline="\n")
