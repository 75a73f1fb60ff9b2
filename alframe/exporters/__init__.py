"""Exporters: results written for other programs, such as a table of predictions or the trained model."""
