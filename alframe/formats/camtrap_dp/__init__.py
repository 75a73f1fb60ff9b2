"""Camtrap DP, the standard for exchanging camera-trap data: packages read and written."""
