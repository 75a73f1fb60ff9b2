"""One file for each hot path, against named peers."""
