"""Derive an independent random generator for every purpose from one seed."""

from alframe.seeding import generator, integer_seed

__all__ = ["generator", "integer_seed"]
