"""Benchmarks of single steps, one file for each, compared with other programs."""
