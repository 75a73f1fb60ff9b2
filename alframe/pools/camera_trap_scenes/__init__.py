"""Drawn camera-trap pictures with a known truth, for trying things out without a download."""
