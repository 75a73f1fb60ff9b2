"""Compare finished runs: their different settings, their learning curves as tables, statistics, and a page."""
