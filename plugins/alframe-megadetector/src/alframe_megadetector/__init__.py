"""Boxes around the animals of camera-trap images, by a detector that runs here."""
