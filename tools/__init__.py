"""Programs that write parts of the documentation; run them from the root of the repository."""
