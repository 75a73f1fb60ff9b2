"""A sampler for alframe that tosses a coin between the least certain images and any others."""
