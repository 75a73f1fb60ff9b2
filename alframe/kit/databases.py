"""Help parts that store rows in a SQLite file: connections, transactions, boxes as text, and errors with a remedy."""

from alframe.store.database import Database, closed_on_error, connect, explain_errors, transaction
from alframe.store.records import dump_box, load_box

__all__ = ["Database", "closed_on_error", "connect", "dump_box", "explain_errors", "load_box", "transaction"]
