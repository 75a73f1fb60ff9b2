"""The kit is documented, and light to import."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from importlib import import_module

from tools import api_page
from tools.kit_page import MODULES, PAGE, page, public_names


def test_the_page_is_what_the_docstrings_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tools.kit_page"


def test_the_lists_of_the_api_page_are_complete() -> None:
    assert api_page.PAGE.read_text(encoding="utf-8") == api_page.page(), "run: python -m tools.api_page"


def test_signatures_have_types_and_no_bar() -> None:
    text = page()
    assert "`TimeColumn.read(text: str, position: str) -> ReadTime`" in text
    assert "`folder_at_level(folders: list[str], level: int or None) -> str or None`" in text
    assert "self" not in re.findall(r"^\| `[\w.]+\((\w+)", text, re.MULTILINE)


def test_every_public_name_has_a_docstring() -> None:
    bare = []
    for module in (import_module(f"alframe.kit.{name}") for name in MODULES):
        values = [module, *(getattr(module, name) for name in public_names(module))]
        bare += [value for value in values if callable(value) and not inspect.getdoc(value)]
        assert public_names(module), f"{module} offers nothing"
    assert not bare


def test_the_examples_are_true() -> None:
    text = PAGE.read_text(encoding="utf-8").replace("```python", "").replace("```", "")
    examples = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(examples.examples) > 50
    assert doctest.DocTestRunner().run(examples).failed == 0
    assert not [name for name in MODULES if doctest.testmod(import_module(f"alframe.kit.{name}")).failed]


def test_no_module_imports_torch_or_hydra() -> None:
    code = "import sys; from importlib import import_module\n"
    code += "".join(f"import_module('alframe.kit.{name}')\n" for name in MODULES)
    code += "print(sys.modules.keys() & {'torch', 'hydra', 'omegaconf', 'timm', 'faiss'})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "set()", done.stderr
