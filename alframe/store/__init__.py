"""Everything that outlasts a run: the ledger (SQLite), the feature store (arrays) and atomically replaced files."""
