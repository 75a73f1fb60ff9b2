"""Results for other programs: a table of predictions, the trained model."""
