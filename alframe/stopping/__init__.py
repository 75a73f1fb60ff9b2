"""Rules that decide when to stop labelling."""
