"""Histograms -> results: likelihoods, response, intervals, trials; one thin module for each analysis."""
