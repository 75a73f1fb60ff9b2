"""Label efficiency: every sampler over several seeds on whole image sets, from sweeps to a page of results."""
