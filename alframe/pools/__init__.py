"""Pools: which images exist, and what is known about each before anybody looks at the pixels."""
