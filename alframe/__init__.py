"""Active learning for images."""
