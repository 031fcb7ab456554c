"""Formulas that more than one room needs, no input or output: spectra, binnings, constants."""
