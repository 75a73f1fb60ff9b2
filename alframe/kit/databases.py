"""Keep rows in a SQLite file of one's own: connections, transactions, and errors that say what to do."""

from alframe.store.database import connect, explain_errors, transaction

__all__ = ["connect", "explain_errors", "transaction"]
