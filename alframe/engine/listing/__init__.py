"""Which items a pool has, with their boxes, sequences and groups."""
