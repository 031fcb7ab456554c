"""Generators of example data in the formats of the experiments."""
