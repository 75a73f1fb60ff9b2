"""Label efficiency: run every sampler with several seeds on whole image sets, and write a page of results."""
