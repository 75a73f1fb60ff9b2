"""Rounds, one after another, until enough images are labelled."""
