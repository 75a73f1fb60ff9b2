"""How good a model is, and learning curves."""
