"""Fits of the analysis ``stopping_muons``: histograms of selected events -> effective areas, unfolded spectra, fluxes, and fits to these."""
