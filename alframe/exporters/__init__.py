"""Exporters, which write results for other programs, such as a table of predictions or the trained model."""
