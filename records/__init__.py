"""What a run leaves behind: histograms, results, provenance."""
