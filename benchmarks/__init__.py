"""How fast, how much memory and how many labels, measured against others."""
