"""Drawn camera-trap pictures with known classes, for tests without a download."""
