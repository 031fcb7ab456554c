"""The likelihood as a whole: identities, gradients, priors, bins without simulation."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from generated_case import expectation, generated
from hypothesis import given, settings
from hypothesis import strategies as st
from layout_case import account, events, response_hists
from reference.folding_loops import bincount_nll_and_gradient
from scipy.stats import poisson
from surrogate_case import PUBLISHED, likelihood, surrogate_response, toy_counts

from configs.errors import InputError
from fits.likelihood import say
from fits.model import Model
from fits.nll import FLOOR, NegativeLogLikelihood
from fits.parameters import ATMOSPHERIC_PRIOR, configure
from fits.priors import Gaussian
from fits.response import Response
from physics.spectra import LogParabola, PowerLaw

THETA = np.array([6.0, 2.8, 1.1])


def small(likelihood_name: str = "poisson", *, counts=None, spectrum=None, pairs: bool = True) -> NegativeLogLikelihood:
    response = Response.from_hists({"mc": response_hists(events(), pairs=pairs)}, account(mc=("mc", 1.0, 1.0)))
    model = Model(response, spectrum or PowerLaw())
    return NegativeLogLikelihood(model, np.arange(12) % 4 if counts is None else counts, likelihood_name)


def test_merging_empty_bins_is_an_identity() -> None:
    nll = likelihood(toy_counts(1), prior=False)
    assert nll.value(THETA) == pytest.approx(-poisson.logpmf(nll.counts, nll.model.expected(THETA)).sum(), rel=1e-13)


def test_poisson_against_one_pass_over_all_events() -> None:
    """The NLL differs from the per-event sum by less than 1e-7 (specification 3.2), its gradient likewise."""
    case = generated()
    random = np.random.default_rng(8)
    mu, _ = expectation(case, PowerLaw(), THETA)
    counts = random.poisson(mu)
    nll = NegativeLogLikelihood(Model(case.response, PowerLaw()), counts)
    value, gradient = nll.value_and_gradient(THETA)
    slow_value, slow_gradient = bincount_nll_and_gradient(counts, case.bin, case.x, case.weights, THETA)
    assert value == pytest.approx(slow_value, abs=1e-6)
    np.testing.assert_allclose(gradient, slow_gradient, atol=2e-5)


def test_hand_made_case_to_1e_12() -> None:
    """ln L = sum k ln mu - mu - lnGamma(k+1) with mu written out."""
    nll = small()
    mu = nll.model.expected(THETA)
    by_hand = math.fsum(m - k * math.log(m) + math.lgamma(k + 1) for k, m in zip(nll.counts.tolist(), mu.tolist(), strict=True))
    assert nll.value(THETA) == pytest.approx(by_hand, rel=1e-12)


def test_effective_likelihood_of_the_model_is_the_kernels() -> None:
    nll = small("say")
    mu, s2 = nll.model.expected(THETA), nll.model.variance_and_gradient(THETA)[0]
    assert nll.value(THETA) == pytest.approx(float(say(nll.counts, mu, s2)[0].sum()), rel=1e-13)


def test_effective_likelihood_uses_the_variance_of_the_events() -> None:
    case = generated(30_000)
    counts = np.random.default_rng(8).poisson(case.response.total("astro")[0].sum(axis=1))
    mu, s2 = expectation(case, PowerLaw(), THETA)
    ours = NegativeLogLikelihood(Model(case.response, PowerLaw()), counts, "say", empty_bins="floor").value(THETA)
    assert ours == pytest.approx(float(say(counts, mu, s2)[0].sum()), abs=1e-5)


@pytest.mark.parametrize("name", ["poisson", "say", "bb_lite"])
@settings(max_examples=20, deadline=None)
@given(norm=st.floats(0.5, 15.0), gamma=st.floats(1.5, 4.0), beta=st.floats(-0.3, 0.3), atmos=st.floats(0.05, 3.0))
def test_gradients(name: str, norm: float, gamma: float, beta: float, atmos: float) -> None:
    """Against central differences to 1e-6 (specification 4.4)."""
    nll = small(name, spectrum=LogParabola())
    theta = np.array([norm, gamma, beta, atmos])
    _, gradient = nll.value_and_gradient(theta)
    for i in range(4):
        h = 1e-5 * max(1.0, abs(theta[i]))
        step = h * np.eye(4)[i]
        numeric = (nll.value(theta + step) - nll.value(theta - step)) / (2 * h)
        assert gradient[i] == pytest.approx(numeric, rel=1e-6, abs=1e-6 * max(1.0, np.abs(gradient).max()))


def test_three_parts_add_up() -> None:
    nll = likelihood(toy_counts(2))
    data, quadratic, constant = nll.parts(THETA)
    assert data + quadratic + constant == pytest.approx(nll.value(THETA), rel=1e-14)
    assert quadratic == pytest.approx(0.5 * (0.1 / 0.4) ** 2, rel=1e-12)
    assert constant == pytest.approx(math.log(0.4) + 0.5 * math.log(2 * math.pi), rel=1e-14)
    assert data == pytest.approx(likelihood(toy_counts(2), prior=False).value(THETA), rel=1e-14)


def test_toys_take_new_counts_and_new_prior_means() -> None:
    nll = likelihood(toy_counts(1))
    toy = nll.with_counts(toy_counts(2), {"atmos_norm": 1.3})
    assert toy.priors["atmos_norm"] == Gaussian(1.3, 0.4)
    assert nll.priors["atmos_norm"] == Gaussian(1.0, 0.4)
    expected = likelihood(toy_counts(2), prior=False).value(THETA) + 0.5 * (0.2 / 0.4) ** 2 + Gaussian(1.0, 0.4).constant
    assert toy.value(THETA) == pytest.approx(expected, rel=1e-13)
    with pytest.raises(InputError, match=r"prior_means: 'atmo_norm' has no prior; did you mean 'atmos_norm'"):
        nll.with_counts(toy_counts(2), {"atmo_norm": 1.3})


def test_data_without_expectation_are_impossible_and_the_gradient_points_inside() -> None:
    value, gradient = small().value_and_gradient(np.array([0.0, 2.5, 0.0]))
    assert value == math.inf
    assert gradient[0] < 0
    assert gradient[2] < 0


def emptied(counts, policy: str) -> NegativeLogLikelihood:
    """A response whose bin 7 (track, 200..600 TeV, up-going) has no simulated event."""
    sample = events()
    gone = (sample.channel == "track") & (sample.edep >= 2e5) & (sample.edep < 6e5) & (sample.cosine < 0)
    kept = type(sample)(*(column[~gone] for column in sample))
    response = Response.from_hists({"mc": response_hists(kept)}, account(mc=("mc", 1.0, 1.0)))
    return NegativeLogLikelihood(Model(response, PowerLaw()), counts, empty_bins=policy)


def test_an_event_vanishes_in_a_bin_without_simulation() -> None:
    """Defect of the reference program (specification 9): such bins were skipped even when data fall there. Ours names the bin and refuses."""
    counts = np.zeros(12)
    counts[[3, 7]] = 1
    with pytest.raises(InputError, match=r"1 events lie in 1 bins without any simulated event \(track, 200..600 TeV, cos zenith -1..0\)"):
        emptied(counts, "refuse")


def test_skip_leaves_the_events_out_and_says_so() -> None:
    counts = np.zeros(12)
    counts[[3, 7]] = 1, 2
    with pytest.warns(UserWarning, match=r"2 events lie in 1 bins .* left out of the fit"):
        nll = emptied(counts, "skip")
    assert nll.n_dropped == 2
    assert nll.dropped_bins == ("track, 200..600 TeV, cos zenith -1..0",)
    assert nll.counts.sum() == 1
    assert counts.sum() == 3  # the argument is not modified


@pytest.mark.parametrize("name", ["poisson", "say"])
def test_floor_sets_a_small_expectation_and_says_so(name: str) -> None:
    counts = np.zeros(12)
    counts[[3, 7]] = 1, 2
    model = emptied(np.zeros(12), "refuse").model
    with pytest.warns(UserWarning, match=r"2 events lie in 1 bins .* set to 1e-09"):
        floor = NegativeLogLikelihood(model, counts, name, empty_bins="floor")
    with pytest.warns(UserWarning, match="left out"):
        skip = NegativeLogLikelihood(model, counts, name, empty_bins="skip")
    lost = FLOOR - 2 * math.log(FLOOR) + math.lgamma(3)
    assert floor.value(THETA) - skip.value(THETA) == pytest.approx(lost, rel=1e-8)


def test_no_data_in_empty_bins_no_complaint() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nll = emptied(np.eye(12)[3], "refuse")
    assert nll.dropped_bins == ()


def test_wrong_shapes_names_and_missing_pairs_are_refused() -> None:
    with pytest.raises(InputError, match=r"counts have shape \(3,\), the model has 12 bins"):
        small(counts=np.zeros(3))
    with pytest.raises(InputError, match=r"no pair moments"):
        small("say", pairs=False)
    with pytest.raises(InputError, match=r"likelihood 'chi2' does not exist"):
        small("chi2")
    model = Model(surrogate_response(), PowerLaw())
    with pytest.raises(InputError, match=r"empty_bins: 'skipp' is not a policy; did you mean 'skip'"):
        NegativeLogLikelihood(model, np.zeros(model.n_bins), empty_bins="skipp")
    with pytest.raises(InputError, match=r"are not those of the model"):
        NegativeLogLikelihood(model, np.zeros(model.n_bins), parameters=model.parameters[:2])


def test_the_likelihood_needs_no_plotting_and_no_other_fit_program() -> None:
    """zfit alone takes some 17 s to import: no native fit may pay for it."""
    code = "import sys, fits.nll, fits.minimise; print(*sorted({'matplotlib', 'zfit', 'pyhf', 'tensorflow', 'numba', 'coffea'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == ""


def test_asimov_counts_have_their_minimum_at_the_truth() -> None:
    """Gradient zero at the truth, for non-integer counts, with the prior at its mean."""
    truth = list(PUBLISHED.values())
    for name in ("poisson", "say"):
        model = small().model if name == "say" else Model(surrogate_response(), PowerLaw())
        nll = NegativeLogLikelihood(model, model.expected(truth), parameters=configure(model.parameters, {}, {"atmos_norm": ATMOSPHERIC_PRIOR}))
        assert np.abs(nll.value_and_gradient(truth)[1]).max() < 1e-9
