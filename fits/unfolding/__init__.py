"""Unfolding of binned counts: a Poisson problem with a response from finite simulation, nuisance parameters and a smoothness prior.

Nothing here knows what is measured. Start with ``UnfoldingProblem`` (arrays) or ``UnfoldingProblem.from_hists``; ``docs/unfolding.md`` has an
example of ten lines.
"""

from fits.unfolding.problem import UnfoldingProblem
from fits.unfolding.templates import NuisanceTemplate

__all__ = ["NuisanceTemplate", "UnfoldingProblem"]
