"""Finished runs side by side: what varies between them, their learning curves as tables, statistics, and one page."""
