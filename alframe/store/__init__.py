"""Permanent data: the ledger (SQLite), the feature store (arrays) and atomically replaced files."""
