"""What a plugin may import of alframe."""

from __future__ import annotations

import ast

PUBLIC = ("contracts", "errors", "kit", "testing", "types")  # as docs/plugins.md says


def find_private_imports(code: str) -> list[str]:
    """Return the modules of alframe that Python code imports and that are not public, each with its line."""
    found = []
    for node in ast.walk(ast.parse(code)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        parts = [name.split(".") for name in names]
        found += [
            f"line {node.lineno}: {'.'.join(part)}"
            for part in parts
            if part[0] == "alframe" and part[1:2] and part[1] not in PUBLIC
        ]
    return found
