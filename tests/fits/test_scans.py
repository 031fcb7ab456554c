"""Two-dimensional scans: the vectorised profile against Minuit point by point, and the real events against the release's scan."""

from __future__ import annotations

import numpy as np
import pytest
from reference.scan_numbers import extent
from surrogate_case import PUBLISHED, likelihood, observed_counts, toy_counts

from configs.diffuse import ParameterOptions, Prior
from configs.errors import InputError
from fits import scans
from fits.comparison import read_contour, read_scan
from fits.minimise import minimise
from fits.nll import NegativeLogLikelihood
from fits.parameters import configure
from fits.scans import linear_nuisance_alone, scan, scan_general, scan_linear
from physics.spectra import LogParabola

GAMMA, NORM = (2.2, 3.8, 5), (0.0, 12.0, 5)


def both(nll: NegativeLogLikelihood, x: str, y: str, x_grid: tuple[float, float, int], y_grid: tuple[float, float, int]):
    x_values, y_values = np.linspace(*x_grid), np.linspace(*y_grid)
    fast = scan_linear(nll, x, y, x_values, y_values)
    slow = scan_general(nll, minimise(nll), x, y, x_values, y_values)
    return fast, slow


@pytest.mark.parametrize("prior", [True, False])
def test_vectorised_profile_equals_minuit(prior: bool) -> None:
    (fast, fast_theta), (slow, slow_theta) = both(likelihood(toy_counts(1), prior=prior), "astro_gamma", "astro_norm", GAMMA, NORM)
    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-6)
    np.testing.assert_allclose(fast_theta, slow_theta, rtol=0, atol=2e-3)
    assert (fast <= slow + 1e-9).all()


def test_axes_may_be_swapped_and_other_parameters_scanned() -> None:
    nll = likelihood(toy_counts(2))
    (fast, _), (slow, _) = both(nll, "astro_norm", "astro_gamma", NORM, GAMMA)
    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-6)
    transposed, _ = scan_linear(nll, "astro_gamma", "astro_norm", np.linspace(*GAMMA), np.linspace(*NORM))
    np.testing.assert_allclose(fast, transposed.T, rtol=1e-12)
    curved = configure(likelihood(spectrum=LogParabola()).parameters, {"astro_norm": ParameterOptions(fixed=True, start=6.0)})
    fixed_norm = NegativeLogLikelihood(likelihood(spectrum=LogParabola()).model, toy_counts(2), parameters=curved)
    (fast, _), (slow, _) = both(fixed_norm, "astro_gamma", "beta", GAMMA, (-0.4, 0.4, 5))
    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-6)


def test_a_parameter_of_several_starts_is_searched_for_lower_valleys_and_one_valley_stays_as_it_is(monkeypatch) -> None:
    options = {"atmos_norm": ParameterOptions(start=[0.2, 9.0], prior=Prior(gaussian=(1.0, 0.4)))}
    nll = NegativeLogLikelihood(likelihood().model, toy_counts(1), parameters=configure(likelihood().parameters, options))
    fixed = []
    original = scans.conditional
    monkeypatch.setattr(
        scans, "conditional", lambda nll, held, *near, **more: fixed.append(tuple(held.values())) or original(nll, held, *near, **more)
    )
    values, _ = scan_general(nll, minimise(nll), "astro_gamma", "astro_norm", np.linspace(*GAMMA), np.linspace(*NORM))
    assert len(fixed) == 25 + 4  # every fourth point in both directions from the other start too
    assert fixed[25:] == [(2.2, 0.0), (2.2, 12.0), (3.8, 0.0), (3.8, 12.0)]
    np.testing.assert_allclose(values, scan_linear(nll, "astro_gamma", "astro_norm", np.linspace(*GAMMA), np.linspace(*NORM))[0], atol=1e-6)


def test_asimov_counts_are_profiled_like_integers() -> None:
    (fast, _), (slow, _) = both(likelihood(), "astro_gamma", "astro_norm", GAMMA, NORM)
    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-6)


def test_priors_of_scanned_parameters_count() -> None:
    options = {"astro_gamma": ParameterOptions(prior=Prior(gaussian=(2.6, 0.3)))}
    nll = NegativeLogLikelihood(likelihood().model, toy_counts(3), parameters=configure(likelihood().parameters, options))
    assert linear_nuisance_alone(nll, "astro_gamma", "astro_norm")
    (fast, theta), (slow, _) = both(nll, "astro_gamma", "astro_norm", GAMMA, NORM)
    np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-6)
    assert fast[1, 2] == pytest.approx(nll.value(theta[1, 2]), rel=1e-12)


def test_what_the_vectorised_profile_may_not_do() -> None:
    assert linear_nuisance_alone(likelihood(), "astro_gamma", "astro_norm")
    assert not linear_nuisance_alone(likelihood(), "astro_gamma", "atmos_norm")  # the slope of astro_norm depends on gamma
    assert not linear_nuisance_alone(likelihood(spectrum=LogParabola()), "astro_gamma", "astro_norm")
    lognormal = configure(likelihood().parameters, {"atmos_norm": ParameterOptions(prior=Prior(lognormal=(1.0, 0.4)))})
    assert not linear_nuisance_alone(NegativeLogLikelihood(likelihood().model, toy_counts(1), parameters=lognormal), "astro_gamma", "astro_norm")


def test_scan_result_holds_the_profile() -> None:
    nll = likelihood(toy_counts(4))
    best = minimise(nll)
    result = scan(nll, best, "astro_gamma", "astro_norm", (1.8, 4.0, 45), (0.0, 14.0, 41))
    delta = np.array(result.delta_nll)
    assert delta.shape == (45, 41)
    assert 0.0 < delta.min() < 0.02
    assert result.best == (best.values["astro_gamma"], best.values["astro_norm"])
    i, j = np.unravel_index(delta.argmin(), delta.shape)
    theta = [result.y[j], result.x[i], result.nuisances["atmos_norm"][i][j]]
    assert nll.value(theta) - best.nll == pytest.approx(delta[i, j], abs=1e-9)
    assert list(result.contours) == ["0.6827", "0.9545", "0.9973"]
    sizes = [np.subtract(*extent(lines)[0][::-1]) for lines in result.contours.values()]
    assert sizes == sorted(sizes)


def test_two_nuisances_are_profiled_by_minuit_and_reported() -> None:
    nll = likelihood(toy_counts(5), spectrum=LogParabola())
    seen = []
    result = scan(
        nll, minimise(nll), "astro_gamma", "astro_norm", (2.4, 3.2, 3), (4.0, 8.0, 3), progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(n, 9) for n in range(1, 10)]
    assert set(result.nuisances) == {"beta", "atmos_norm"}
    free = minimise(nll, fixed={"astro_gamma": 2.8, "astro_norm": 6.0})
    assert np.array(result.delta_nll)[1, 1] == pytest.approx(free.nll - minimise(nll).nll, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("astro_gama", "astro_norm", (2.0, 4.0, 5), (0.0, 12.0, 5)), "did you mean 'astro_gamma'"),
        (("astro_gamma", "astro_gamma", (2.0, 4.0, 5), (0.0, 12.0, 5)), "x and y are both"),
        (("astro_gamma", "astro_norm", (2.0, 4.0, 2), (0.0, 12.0, 5)), "at least 3 points"),
        (("astro_gamma", "astro_norm", (4.0, 2.0, 5), (0.0, 12.0, 5)), "low < high"),
        (("astro_gamma", "astro_norm", (2.0, 4.0, 5), (-1.0, 12.0, 5)), "leaves the parameter's bounds"),
    ],
)
def test_impossible_scans_are_refused(arguments, message: str) -> None:
    nll = likelihood(toy_counts(1))
    with pytest.raises(InputError, match=message):
        scan(nll, minimise(nll), *arguments)


@pytest.mark.public_data
def test_real_events_beside_the_release_scan(public_data) -> None:
    """Surrogate against the official eleven-parameter scan: no agreement in detail is promised, but the regions are the same place."""
    nll = likelihood(observed_counts(public_data))
    external = read_scan(public_data / "hese" / "astro_scan_data.txt")
    points = read_contour(public_data / "hese" / "icecube_spl_hese_contour1sigma.json")
    result = scan(nll, minimise(nll), "astro_gamma", "astro_norm", (2.0, 4.0, 51), (0.0, 12.0, 41), external=external, contour=points)
    assert result.comparison["iou_68"] > 0.7
    assert result.comparison["iou_95"] > 0.7
    assert result.external is not None
    assert np.shape(result.external["contour_points"]) == (19, 2)
    (low, high), _ = extent(result.contours["0.6827"])
    assert low < PUBLISHED["astro_gamma"] < high
