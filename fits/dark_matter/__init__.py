"""Limits on dark matter from a stack of sources: densities, likelihood, pseudo-experiments, intervals. Pure functions on arrays."""
