"""Rounds, one after the other, until enough is labelled."""
