"""The composition fit in pyhf's and zfit's words: the same numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from composition_case import generated
from numpy.testing import assert_allclose

from configs.errors import InputError
from fits.composition import Composition
from fits.fractions import yields
from fits.frontends import iwcd_pyhf
from fits.minimise import Minimum, minimise

GROUPS = {"shower": ["e-", "gamma"], "mu": ["mu-"], "pi0": ["pi0"]}
MIXTURE = {"e-": 350, "gamma": 350, "mu-": 200, "pi0": 100}


def compare(likelihood: Composition, theirs: Minimum, ours: Minimum, of_an_error: float) -> None:
    assert theirs.valid
    values, covariance = yields(likelihood, ours)
    errors = np.sqrt(np.diag(covariance))
    assert_allclose((yields(likelihood, theirs)[0] - values) / errors, 0, atol=of_an_error)
    assert_allclose(np.sqrt(np.diag(yields(likelihood, theirs)[1])), errors, rtol=0.02)


@pytest.mark.parametrize("template_errors", [True, False])
def test_pyhf_agrees(template_errors: bool) -> None:
    likelihood = replace(generated(GROUPS, MIXTURE, templates=200), template_errors=template_errors)
    compare(likelihood, iwcd_pyhf.minimise(likelihood), minimise(likelihood), 0.01)


def test_pyhf_has_our_likelihood_at_any_point() -> None:
    # With all factors of bins at the values that minimise, -2 ln L of pyhf above its saturated value is ours.
    likelihood = generated(GROUPS, MIXTURE, templates=100)
    model = iwcd_pyhf.build(likelihood)
    counts = np.concatenate([likelihood.binned.counts, model.config.auxdata])

    def pyhf_value(theta: np.ndarray) -> float:
        bins, _, _ = likelihood.at(theta)
        point = np.array(model.config.suggested_init())
        for place, name in enumerate(likelihood.names):
            point[model.config.par_slice(name)] = theta[place]
        for place, name in enumerate(likelihood.binned.groups):
            point[model.config.par_slice(f"template_{name}")] = bins.gamma[place]
        return -float(np.asarray(model.logpdf(point, counts)).item())

    first, second = np.array([1.8, 0.7, 0.3, 0.4]), np.array([2.2, 0.5, 0.6, -1.3])
    assert pyhf_value(first) - pyhf_value(second) == pytest.approx(likelihood.value(first) - likelihood.value(second), abs=1e-6)


def test_workspace_states_no_pseudo_experiment() -> None:
    likelihood = generated(GROUPS, MIXTURE)
    with pytest.raises(InputError, match="cannot be written into a workspace"):
        iwcd_pyhf.workspace(likelihood.with_counts(likelihood.binned.counts, likelihood.binned.events, 0.3))


@pytest.mark.zfit
def test_zfit_agrees_with_exact_templates() -> None:
    from fits.frontends import iwcd_zfit

    likelihood = replace(generated(GROUPS, MIXTURE), template_errors=False)
    compare(likelihood, iwcd_zfit.minimise(likelihood), minimise(likelihood), 0.02)
