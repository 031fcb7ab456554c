"""Performance of classifiers: joins with proof, intervals, curves, dependence on position; and classifiers of our own."""
