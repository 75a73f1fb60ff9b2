"""Small classifiers on top of the embedding."""
