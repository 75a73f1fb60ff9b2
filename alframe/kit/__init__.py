"""What a part may use of alframe: public, documented in docs/kit.md, and versioned with the contracts.

Import from the modules, e.g. ``from alframe.kit.scoring import select_top_k``. No module imports torch or Hydra when it
is imported. Built-in parts use the same modules.
"""
