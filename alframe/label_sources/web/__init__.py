"""The label source `web`: people label in the browser."""
