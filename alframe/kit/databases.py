"""Functions for parts that store rows in SQLite files: connections, transactions, boxes as text, and errors."""

from alframe.store.database import Database, closed_on_error, connect, explain_errors, transaction
from alframe.store.records import dump_box, load_box

__all__ = ["Database", "closed_on_error", "connect", "dump_box", "explain_errors", "load_box", "transaction"]
