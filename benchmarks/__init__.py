"""Benchmarks: time, memory and numbers of labels, compared with other programs."""
