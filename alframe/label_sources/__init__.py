"""Where labels come from: people (a CSV, a folder of images) or a simulated oracle."""
