"""From bins to projections: sums are kept, the band is the propagated covariance."""

from __future__ import annotations

import diffuse_case
import numpy as np
import pytest

from fits.bins import Bin
from fits.diffuse import prepare_all
from fits.intervals import poisson_interval
from plotting.projections import Expectation, count_bars, covariance


@pytest.fixture(scope="module")
def expectation() -> Expectation:
    inputs, prepared = prepare_all(diffuse_case.config(), diffuse_case.hists(), diffuse_case.account())
    fit = diffuse_case.results()["main"]
    return Expectation.of(prepared["main"].whole, [one.value for one in fit.parameters.values()], fit=fit, counts=inputs.counts)


@pytest.mark.parametrize("channels", [["cascade"], ["track"], ["cascade", "track", "dcascade"]])
def test_a_projection_keeps_every_event(expectation: Expectation, channels: list[str]) -> None:
    chosen = np.array([one.channel in channels for one in expectation.bins])
    energy = expectation.along("energy", channels)
    for name, values in expectation.components.items():
        assert energy.components[name].sum() == pytest.approx(values[chosen].sum(), rel=1e-12)
    assert energy.counts.sum() == expectation.counts[chosen].sum()
    assert energy.counts.sum() == sum(diffuse_case.hists()["data"][f"data_{name}"].sum() for name in channels)


def test_the_expectation_by_channel_is_that_of_the_results(expectation: Expectation) -> None:
    by_channel = diffuse_case.results()["main"].expected
    for channel in ("cascade", "track", "dcascade"):
        projection = expectation.along("energy", [channel])
        assert projection.total.sum() == pytest.approx(by_channel["total"][channel], rel=1e-9)
        assert projection.components["astro"].sum() == pytest.approx(by_channel["astro"][channel], rel=1e-9)


def test_zenith_counts_are_the_histogram_s(expectation: Expectation) -> None:
    data = diffuse_case.hists()["data"]
    zenith = expectation.along("reco_coszen", ["cascade", "track"])
    np.testing.assert_array_equal(zenith.counts, sum(data[f"data_{name}"].project("reco_coszen").values() for name in ("cascade", "track")))
    np.testing.assert_allclose(zenith.edges, np.linspace(-1.0, 1.0, 11), atol=1e-12)


def test_double_cascades_of_the_surrogate_have_no_zenith(expectation: Expectation) -> None:
    assert expectation.channels("reco_coszen") == ["cascade", "track"]
    assert expectation.channels("reco_length") == []
    assert expectation.channels() == ["cascade", "track", "dcascade"]


def test_the_band_is_the_spread_of_parameters_thrown_from_the_covariance(expectation: Expectation) -> None:
    prepared = prepare_all(diffuse_case.config(), diffuse_case.hists(), diffuse_case.account())[1]
    fit = diffuse_case.results()["main"]
    centre = np.array([one.value for one in fit.parameters.values()])
    small = 1e-2  # of the errors, where the expectation is linear
    thrown = np.random.default_rng(5).multivariate_normal(centre, small**2 * covariance(fit), 400)
    totals = np.array([Expectation.of(prepared["main"].whole, theta).along("energy", ["track"]).total for theta in thrown])
    projection = expectation.along("energy", ["track"])
    sigma = projection.band[1] - projection.total
    np.testing.assert_allclose(totals.std(axis=0) / small, sigma, rtol=0.15)  # 400 throws: 3.5 % each
    assert (projection.band[0] >= 0.0).all()


def test_simulation_statistics_add_in_quadrature() -> None:
    bins = (Bin("track", (1.0, 10.0), None, None), Bin("track", (10.0, 100.0), None, None), Bin("cascade", (1.0, 10.0), None, None))
    components = {"astro": np.array([5.0, 2.0, 4.0])}
    known = Expectation(bins, components, np.ones((1, 3)), np.array([[0.09]]), np.array([0.16, 0.0, 0.0]))
    projection = known.along("energy", ["track"])
    np.testing.assert_allclose(projection.band[1] - projection.total, [0.5, 0.3])
    assert Expectation(bins, components, np.ones((1, 3))).along("energy", ["track"]).band is None


def test_covariance_of_a_fixed_parameter_is_zero() -> None:
    fit = diffuse_case.results()["main"]
    table = covariance(fit)
    np.testing.assert_allclose(np.sqrt(np.diag(table)), [one.error for one in fit.parameters.values()])
    np.testing.assert_allclose(table / np.sqrt(np.outer(np.diag(table), np.diag(table))), fit.correlation)


def test_bars_of_counts_are_the_unified_intervals() -> None:
    low, high = count_bars([0, 3, 7])
    assert [(a, b) for a, b in zip(low, high, strict=True)] == [poisson_interval(k) for k in (0, 3, 7)]
    assert low[0] == 0.0
    assert high[0] > 1.0
    assert [len(side) for side in count_bars([])] == [0, 0]
