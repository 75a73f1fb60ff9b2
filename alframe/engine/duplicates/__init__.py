"""Near-duplicates: finding them and choosing one representative of each group."""
