"""Measure models, and compute learning curves."""
