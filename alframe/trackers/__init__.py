"""Trackers, which record the results of each round for people and for other programs."""
