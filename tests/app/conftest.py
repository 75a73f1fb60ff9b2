"""The command line in this process."""

from tests.command_line import alframe, pool

__all__ = ["alframe", "pool"]
