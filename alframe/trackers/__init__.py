"""Trackers: records of how a run goes, for people and for other programs."""
