"""Read tables that people save with any program: a bad row costs that row and nothing else."""

from alframe.formats.tables import SEPARATORS, TableRow, has_columns, read_table, require_encoding

__all__ = ["SEPARATORS", "TableRow", "has_columns", "read_table", "require_encoding"]
