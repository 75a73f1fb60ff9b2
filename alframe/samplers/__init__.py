"""Strategies that choose the images most worth labelling."""
