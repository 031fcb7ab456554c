"""Events to histograms: a processor for each analysis, and the engine that runs them over files."""
