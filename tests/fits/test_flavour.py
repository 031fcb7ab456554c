"""Composition by flavour: golden numbers by flavour, the standard model again for equal parts, the profile over the simplex, refused input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flavour_case import RESPONSE, THETA, expected, likelihood_of
from hypothesis import given
from hypothesis import strategies as st
from surrogate_case import PUBLISHED, surrogate_response

from configs.diffuse import FlavourScan
from configs.errors import InputError
from fits.bins import Bin
from fits.flavour import EQUAL, check_flavours, composition, from_sticks, scan_flavours, simplex_contours, to_sticks, with_composition
from fits.minimise import minimise
from fits.model import Model
from fits.nll import NegativeLogLikelihood
from fits.parameters import configure
from fits.response import Response
from physics.spectra import PowerLaw
from records.results import load_results, save_results
from records.summary import rows


@pytest.mark.parametrize(
    ("fractions", "events"),
    [((1.0, 0.0, 0.0), (23.26, 0.389, 0.240)), ((0.0, 1.0, 0.0), (3.144, 6.663, 0.108)), ((0.0, 0.0, 1.0), (14.10, 1.426, 1.007))],
)
def test_golden_11_events_of_each_flavour(fractions, events) -> None:
    """A flux of one flavour gives three times its part of the standard flux; the smallest number is given to three digits."""
    astro = Model(with_composition(RESPONSE, fractions), PowerLaw()).components(THETA)["astro"]
    np.testing.assert_allclose(RESPONSE.project_counts(astro, ["topology"]), 3.0 * np.array(events), rtol=5e-3)


def test_equal_parts_are_the_standard_model_and_compositions_are_linear() -> None:
    np.testing.assert_allclose(expected(composition([1, 1, 1])), Model(surrogate_response(), PowerLaw()).expected(THETA), rtol=1e-12)
    corners = [expected(corner) for corner in np.eye(3)]
    np.testing.assert_allclose(expected((0.2, 0.5, 0.3)), 0.2 * corners[0] + 0.5 * corners[1] + 0.3 * corners[2], rtol=1e-12)


def test_pair_moments_scale_with_each_astrophysical_weight() -> None:
    """One bin, one event of weight 2 with background weight 5: the sum of squared weights for any composition."""
    one = Bin("cascade", (6e4, 1e7), "reco_coszen", (-1.0, 1.0))
    weight = {"astro": 2.0, "atmo": 5.0}
    moments = {("numu", name): np.array([[[value]], [[0.0]], [[0.0]]]) for name, value in weight.items()}
    both = (("astro", "astro"), ("astro", "atmo"), ("atmo", "atmo"))
    pairs = {("numu", a, b): np.array([[[weight[a] * weight[b]]], [[0.0]], [[0.0]]]) for a, b in both}
    response = Response((one,), np.array([math.log(1e5)]), np.array([0.1]), moments, pairs)
    model = Model(with_composition(response, (0.1, 0.6, 0.3)), PowerLaw())
    assert model.expected([1.0, 2.5, 1.0])[0] == pytest.approx(1.8 * 2.0 + 5.0)
    assert model.variance([1.0, 2.5, 1.0])[0] == pytest.approx((1.8 * 2.0 + 5.0) ** 2)


def test_an_asimov_set_gives_its_composition_back(tmp_path) -> None:
    truth = (0.5, 0.3, 0.2)
    counts = 50.0 * expected(truth)
    scaled = {name: 50.0 * value for name, value in PUBLISHED.items() if name != "astro_gamma"} | {"astro_gamma": PUBLISHED["astro_gamma"]}

    def free(fractions) -> NegativeLogLikelihood:
        model = Model(with_composition(RESPONSE, fractions), PowerLaw())
        return NegativeLogLikelihood(model, counts, parameters=configure(model.parameters, {}, {}))

    result = scan_flavours(free, scaled, 0.25, "nufit52_no")
    assert result.valid
    assert result.best == pytest.approx(truth, abs=5e-3)
    assert np.nanmin(result.delta_nll) >= -1e-6
    assert np.isfinite(result.delta_nll).sum() == 15  # (n + 1)(n + 2)/2 of the simplex
    assert result.ts["neutron decay"] > 0.0
    save_results(tmp_path / "results.json", "diffuse", "x", {"main.flavour": result})
    again = load_results(tmp_path / "results.json")["main.flavour"]
    np.testing.assert_array_equal(again.delta_nll, result.delta_nll)
    assert rows(again)[0][:2] == ("e : mu : tau at Earth", "0.50 : 0.30 : 0.20")


def test_profile_at_equal_parts_is_the_fit() -> None:
    counts = np.random.default_rng(5).poisson(expected(EQUAL))
    fit = minimise(likelihood_of(counts))
    progress: list[tuple[int, int]] = []
    result = scan_flavours(lambda f: likelihood_of(counts, f), fit.values, 0.25, "nufit60_no", lambda done, total: progress.append((done, total)))
    assert progress[-1] == (15, 15)
    assert result.nll <= fit.nll + 1e-6
    corner = minimise(likelihood_of(counts, (1.0, 0.0, 0.0)), fixed={})
    assert result.delta_nll[4][0] == pytest.approx(corner.nll - result.nll, abs=1e-4)
    assert result.n_failed == 0


def test_contours_are_levels_of_a_paraboloid() -> None:
    """Delta NLL = r^2/(2 s^2) about a point inside: the 68 % contour is a circle of radius s sqrt(2 * 1.148)."""
    grid, s = np.linspace(0.0, 1.0, 101), 0.08
    x, y = np.meshgrid(grid, grid, indexing="ij")
    delta = np.where(x + y <= 1.0 + 1e-9, ((x - 0.3) ** 2 + (y - 0.35) ** 2) / (2 * s**2), math.nan)
    (line,) = simplex_contours(grid, delta)["0.6827"]
    radius = np.hypot(*(np.array(line) - [0.3, 0.35]).T)
    np.testing.assert_allclose(radius, s * math.sqrt(2 * 1.14787446), rtol=5e-3)
    cut = simplex_contours(grid, np.where(x + y <= 1.0 + 1e-9, x / 0.1, math.nan))["0.6827"][0]
    np.testing.assert_allclose(sorted(point[1] for point in cut)[-1], 1.0 - 0.114787446, atol=1e-6)  # ends on the side f_tau = 0


@given(st.floats(0.01, 0.98), st.floats(0.01, 0.99))
def test_sticks_and_fractions_are_inverses(e: float, share: float) -> None:
    fractions = (e, (1.0 - e) * share, (1.0 - e) * (1.0 - share))
    assert from_sticks(*to_sticks(fractions)) == pytest.approx(fractions, abs=1e-12)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([0.5, 0.6, -0.1], "are not three fractions >= 0 of e, mu, tau; give three that sum to 1"),
        ([0.5, math.nan, 0.5], "are not three fractions >= 0 of e, mu, tau; give three that sum to 1"),
        ([0.2, 0.39, 0.42], r"sum to 1.01; give fractions of e, mu, tau that sum to 1"),
        ([1, 2, 0.5], "sum to 3.5; give fractions"),
    ],
)
def test_vectors_that_are_no_composition_are_refused(given, message: str) -> None:
    with pytest.raises(InputError, match=message):
        composition(given)


def test_a_response_without_flavours_is_refused() -> None:
    with pytest.raises(InputError, match=r"not split by flavour \(its class is 'all'\); set processor.flavours: true"):
        check_flavours(surrogate_response(), "nufit60_no")
    assert with_composition(surrogate_response(), EQUAL) is surrogate_response()
    with pytest.raises(InputError, match="'nufit' is not a set of mixing angles"):
        check_flavours(RESPONSE, "nufit")


def test_a_step_is_enough_and_must_divide_one() -> None:
    assert FlavourScan.model_validate(0.02).step == 0.02
    with pytest.raises(ValueError, match="step: 0.03 does not divide 1 into equal parts"):
        FlavourScan.model_validate(0.03)
