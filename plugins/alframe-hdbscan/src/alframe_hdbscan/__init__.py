"""Samplers for alframe that cluster the pool by density: `clusters` and `glosh`."""
