"""These distributions are tested as their authors would: installed, and from their own folder (tests/packaging)."""

collect_ignore_glob = ["*/*"]
