"""The surrogate's response split by flavour, and likelihoods of any composition: what the tests of compositions work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from surrogate_case import PUBLISHED, surrogate_response

from data_info.hese_tables import NODE_CENTRES_GEV, load_tables
from fits.flavour import EQUAL, with_composition
from fits.model import Model
from fits.nll import NegativeLogLikelihood
from fits.parameters import ATMOSPHERIC_PRIOR, configure
from fits.response import Response
from physics.binning import binning
from physics.spectra import PowerLaw
from simulation.surrogate import astro_response

THETA = list(PUBLISHED.values())


def by_flavour() -> Response:
    """The surrogate's response with a class for each flavour."""
    whole = surrogate_response()
    moments = {("atmosphere", "atmo"): whole.moments["all", "atmo"]}
    astro = astro_response(load_tables())
    for f, label in enumerate(("nue", "numu", "nutau")):
        blocks = [astro[name][f].transpose(2, 1, 0).reshape(-1, NODE_CENTRES_GEV.size) for name in binning("surrogate")]
        array = np.zeros_like(whole.moments["all", "astro"])
        array[0] = np.concatenate(blocks)
        moments[label, "astro"] = array
    return Response(whole.bins, whole.ln_energy, whole.width, moments, {}, 2.5, whole.livetime_s)


RESPONSE = by_flavour()


def likelihood_of(counts, fractions=EQUAL) -> NegativeLogLikelihood:
    """Poisson, with the prior of the atmosphere."""
    model = Model(with_composition(RESPONSE, fractions), PowerLaw())
    return NegativeLogLikelihood(model, counts, parameters=configure(model.parameters, {}, {"atmos_norm": ATMOSPHERIC_PRIOR}))


def expected(fractions) -> np.ndarray:
    """Events at the published point."""
    return Model(with_composition(RESPONSE, fractions), PowerLaw()).expected(THETA)


@dataclass(frozen=True)
class Projected:
    """Likelihoods in energy and topology for counts there; picklable."""

    counts: np.ndarray
    prior: bool = True

    def __call__(self, fractions) -> NegativeLogLikelihood:
        model = Model(with_composition(PROJECTED, fractions), PowerLaw())
        priors = {"atmos_norm": ATMOSPHERIC_PRIOR} if self.prior else {}
        return NegativeLogLikelihood(model, self.counts, parameters=configure(model.parameters, {}, priors))


PROJECTED = RESPONSE.project(["energy", "topology"])
