"""Read tables that people save with any program: a bad row costs that row and nothing else."""

from alframe.formats.tables import SEPARATORS, Row, check_encoding, has_columns, rows

__all__ = ["SEPARATORS", "Row", "check_encoding", "has_columns", "rows"]
