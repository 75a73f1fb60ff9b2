"""Rules that say when enough is labelled."""
