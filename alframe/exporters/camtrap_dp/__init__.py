"""Camtrap DP packages: the standard in which camera-trap data is exchanged."""
