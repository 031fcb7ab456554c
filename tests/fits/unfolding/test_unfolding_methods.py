"""Iterative and singular-value unfolding, templates, flux: closed forms, limits, toys, and one problem by all methods."""

from __future__ import annotations

import numpy as np
import pytest
from golden_problem import G, W, golden
from hypothesis import given, settings
from hypothesis import strategies as st
from smeared_problem import EDGES, smeared

from configs.errors import InputError
from fits.unfolding import NuisanceTemplate, profile
from fits.unfolding.coverage import reference_truth
from fits.unfolding.flux import Exposure, fit_covariances, to_flux
from fits.unfolding.penalty import differences
from fits.unfolding.posterior import Posterior
from fits.unfolding.templates import Variation, VariedMoments, from_moments, from_sets


def test_iterative_covariance_is_its_derivative() -> None:
    """Adye's full recursion, against differences in every count."""
    found = golden().ibu(iterations=7)
    h = 1e-3
    slope = np.array(
        [(golden().replace(g=G + h * e).ibu(iterations=7).f - golden().replace(g=G - h * e).ibu(iterations=7).f) / (2 * h) for e in np.eye(6)]
    )
    assert found.covariance == pytest.approx(slope.T * G @ slope, rel=1e-5, abs=1e-3)


def test_iterative_keeps_the_sum_and_ends_at_the_maximum() -> None:
    assert golden().ibu(iterations=1).f.sum() == pytest.approx(G.sum())
    from fits.unfolding import iterative

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(iterative, "CHANGE", 1e-12)
        patch.setattr(iterative, "LARGEST", 20_000)
        assert golden().ibu().f == pytest.approx(golden().map().f, rel=1e-3)


def test_g22_flat_start_stopped_early_is_biased() -> None:
    """Toy of arrays: the last bins come out far too high from a flat start; from the reference all bins are within 15 %."""
    problem = smeared(resolution=0.5, simulated=1_000_000)
    truth = reference_truth(problem)
    problem = problem.replace(g=np.round(truth.expected))
    with pytest.warns(UserWarning, match="biased towards flat"):
        flat = problem.ibu(iterations=6, start="flat").f / truth.f
    assert flat[1:-1].max() > 1.5
    assert problem.ibu().f[1:-1] / truth.f[1:-1] == pytest.approx(np.ones(10), abs=0.15)


def test_all_singular_values_are_least_squares() -> None:
    weight = 1 / np.sqrt(G)
    exact, *_ = np.linalg.lstsq(golden().A * weight[:, None], G * weight, rcond=None)
    found = golden().tsvd()
    assert found.f == pytest.approx(exact, rel=1e-9)
    inverse = np.linalg.pinv(golden().A * weight[:, None]) * weight
    assert found.covariance == pytest.approx((inverse * G) @ inverse.T, rel=1e-9, abs=1e-9)
    assert golden().tsvd(tau=1e12).f == pytest.approx(exact, rel=1e-6)
    assert golden().tsvd(tau=1e-3).filters[-1] < 0.01


def test_singular_values_around_the_reference_leave_the_reference_alone() -> None:
    """Counts of the reference give the reference with any number of values; with all of them the two ways are one."""
    problem = golden()
    exact = problem.replace(g=problem.expected(problem.f_reference))
    for k in (1, 2, 4):
        assert exact.tsvd(k=k, around_reference=True).f == pytest.approx(exact.f_reference, rel=1e-9)
    assert exact.tsvd(k=2).f != pytest.approx(exact.f_reference, rel=0.05)
    assert problem.tsvd(around_reference=True).f == pytest.approx(problem.tsvd().f, rel=1e-9)


def test_differences_by_hand() -> None:
    assert (differences(5) @ np.arange(5.0)).tolist() == [1, 0, 0, 0, 1]
    assert (differences(4) @ np.ones(4)).tolist() == [0, 0, 0, 0]


def test_all_methods_on_one_problem() -> None:
    """MAP, iterative and singular values within two standard deviations of each other where the response is good."""
    problem = smeared(resolution=0.1, tau=1e-1)
    best, iterated, cut = problem.map(), problem.ibu(), problem.tsvd()
    sigma = np.sqrt(np.diag(best.covariance))
    assert np.all(np.abs(iterated.f - best.f)[1:-1] < 2 * sigma[1:-1])
    assert np.all(np.abs(cut.f - best.f)[1:-1] < 2 * np.maximum(sigma, cut.error)[1:-1])


@settings(max_examples=20, deadline=None)
@given(st.floats(-0.4, 0.4), st.floats(-0.1, 0.1), st.sampled_from([-0.3, 0.0, 1.0]))
def test_template_of_exact_sets_is_exact(alpha: float, beta: float, nominal: float) -> None:
    """A parameter whose nominal value is 0 or negative is one like any other."""
    w = W + 1.0
    sets = [Variation(nominal + 0.05 * d, w * np.exp(alpha * d + beta * d**2), 1e-6 * w) for d in (-1, 1, 2)]
    found = from_sets("x", Variation(nominal, w, 1e-6 * w), sets, sigma=0.05)
    assert found.alpha == pytest.approx(np.full((6, 4), alpha), abs=1e-6)
    assert found.beta == pytest.approx(np.full((6, 4), beta), abs=1e-6)


def test_uncertain_cells_take_the_ratio_of_their_row() -> None:
    w = np.full((6, 4), 1000.0)
    w[:, 3] = 4.0  # known to 70 %
    up = w * 1.1
    up[:, 3] = [1, 9, 2, 7, 0, 5]
    found = from_sets("x", Variation(0.0, w, w), [Variation(1.0, up, up)], sigma=1.0, degree=1)
    row = np.log(up.sum(axis=1) / w.sum(axis=1))
    assert found.alpha[:, 3] == pytest.approx(row)
    assert found.alpha[:, 0] == pytest.approx(np.full(6, np.log(1.1)))


def test_curvature_that_is_an_error_of_the_nominal_set_is_not_believed() -> None:
    """Three sets of the same response, 120 events a cell: a curvature of each cell undoes the nominal set's errors, a common one cannot."""
    random = np.random.default_rng(1)
    true = np.full((12, 4), 120.0)
    zero, low, high = (Variation(x, *[random.poisson(true).astype(float)] * 2) for x in (0.0, -1.0, 1.0))
    free = from_sets("a", zero, [low, high], sigma=1.0)
    shrunk = from_sets("a", zero, [low, high], sigma=1.0, shrink_curvature=True)
    assert free.beta.std() == pytest.approx(np.sqrt(1.5 / 120), rel=0.3)
    assert np.ptp(shrunk.beta) == 0
    assert abs(shrunk.beta[0, 0]) < 3 * np.sqrt(1.5 / true.sum())


def test_one_row_that_fluctuates_does_not_blow_up_towards_the_bounds() -> None:
    """Nominal set of one row 17 % low, four errors: with a curvature of its own it would be 4.4 times as high at both bounds."""
    zero, rate = np.full((40, 4), 150.0), np.full((40, 4), 150.0)
    zero[7] *= 0.83
    slope = np.exp(0.05 * np.array([-1.0, 1.0]))
    sets = [Variation(d, rate * factor, rate / 4) for d, factor in zip((-1.0, 1.0), slope, strict=True)]
    found = from_sets("a", Variation(0.0, zero, zero), sets, sigma=1.0, bounds=(-3.0, 3.0), shrink_curvature=True)
    own = from_sets("a", Variation(0.0, zero, zero), sets, sigma=1.0, bounds=(-3.0, 3.0))
    assert np.max(own.beta) == pytest.approx(-np.log(0.83), rel=1e-6)
    for d in found.d_bounds:
        assert np.exp(own.alpha * d + own.beta * d * d).max() > 4
        assert np.exp(found.alpha * d + found.beta * d * d).max() < 1.3
    assert found.alpha == pytest.approx(np.full((40, 4), 0.05), abs=5e-3)


def test_a_curvature_that_is_there_is_kept() -> None:
    """Half of the rows curved by 0.3, known to 2 %: they keep theirs, the others the common one."""
    W = np.full((8, 4), 4000.0)
    beta = np.where(np.arange(8) < 4, 0.3, 0.0)[:, None]
    sets = [Variation(d, W * np.exp(0.1 * d + beta * d * d), W) for d in (-1.0, 1.0)]
    found = from_sets("a", Variation(0.0, W, W), sets, sigma=1.0, shrink_curvature=True)
    assert found.beta[:4] == pytest.approx(0.3 * np.ones((4, 4)), abs=1e-9)
    assert found.alpha[:4] == pytest.approx(0.1 * np.ones((4, 4)), abs=1e-9)


def test_limit_of_a_bin_whose_second_fit_ends_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit that began elsewhere ended in another minimum: both ends of the search had one sign, and it stopped with an error of scipy."""
    seen: list[float] = []

    def height(_: profile._Along, value: float) -> float:
        again = value in seen
        seen.append(value)
        return 0.0 if again else value - along._best[1]

    along = profile._Along(Posterior(golden()), golden().map().theta, 1)
    monkeypatch.setattr(profile._Along, "__call__", height)
    assert along.crossing(0.5, 1) - along._best[1] == pytest.approx(0.5, abs=1e-3)


def test_weights_of_the_sets_count() -> None:
    """The reference program fits sets without weights: here the second is a hundred times better known."""
    w = np.full((6, 4), 1e4)
    sets = [Variation(1.0, w * np.exp(0.3), 100 * w), Variation(2.0, w * np.exp(0.2), w)]
    found = from_sets("x", Variation(0.0, w, 1e-3 * w), sets, sigma=1.0, degree=1)
    variance = np.array([100 * np.exp(-0.6), np.exp(-0.4)]) + 1e-3
    d, y = np.array([1.0, 2.0]), np.array([0.3, 0.2])
    assert found.alpha == pytest.approx(np.full((6, 4), np.sum(d * y / variance) / np.sum(d * d / variance)), rel=1e-6)


def test_continuous_sets_agree_with_discrete_ones() -> None:
    """Events kept with a probability that depends on x: alpha from the mean of x in each cell, within its error; 24 pulls of a normal."""
    random = np.random.default_rng(7)
    true = np.linspace(-1.0, 1.0, 24).reshape(6, 4)  # d ln rate / d x
    pulls, sigma = [], 0.05
    for slope in true.ravel():
        x = random.uniform(-0.1, 0.1, 200_000)
        kept = x[random.random(x.size) < 0.5 * np.exp(slope * x)]
        w = np.ones((1, 1))
        sums = VariedMoments(kept.size * w, kept.sum() * w, kept.size * w, kept.sum() * w, (kept**2).sum() * w)
        template, error = from_moments("x", sums, generated_mean=0.0, generated_variance=0.2**2 / 12, nominal=0.0, sigma=sigma)
        pulls.append((template.alpha[0, 0] - sigma * slope) / error[0, 0])
    assert np.abs(np.mean(pulls)) < 3 / np.sqrt(24)
    assert 0.6 < np.std(pulls) < 1.4
    assert np.abs(pulls).max() < 4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NuisanceTemplate("a", np.zeros(6), np.zeros(6), sigma=0.0), "sigma 0.0 must be positive"),
        (lambda: NuisanceTemplate("a", np.zeros(6), np.zeros(6), nominal=2.0, bounds=(0.0, 1.0)), "must enclose the nominal value 2.0"),
        (lambda: NuisanceTemplate("a", np.array([np.nan]), np.zeros(1)), "alpha has 1 values that are not finite"),
        (lambda: from_sets("a", Variation(0, W, W), [Variation(1, W, W)], sigma=1.0), "degree 2 needs at least 2 sets"),
        (lambda: from_sets("a", Variation(0, W, W), [Variation(0, W, W)], sigma=1.0, degree=1), "a varied set has the nominal value 0"),
        (lambda: from_sets("a", Variation(0, W, W), [Variation(1, W[:3], W[:3])], sigma=1.0, degree=1), r"the set at 1 has the shape \(3, 4\)"),
        (lambda: from_sets("a", Variation(0, W, W), [Variation(1, 0 * W, W)], sigma=1.0, degree=1), "proxy bins .* are empty in the set at 1"),
        (lambda: from_sets("a", Variation(0, W, W), [Variation(1, W, W)], sigma=1.0, degree=3), "degree 3 is not 1 or 2"),
        (
            lambda: from_moments("a", VariedMoments(W, W, W, W, W), generated_mean=0, generated_variance=0, nominal=0, sigma=1),
            "the parameter does not vary",
        ),
        (lambda: golden(compat="funfolding", templates=(NuisanceTemplate("a", W, W),)).factors, "has templates for rows only"),
    ],
)
def test_wrong_templates_are_refused(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def exposure(**changes: object) -> Exposure:
    bins = EDGES.size - 1
    return Exposure(**{"area_m2": np.linspace(1e4, 9e4, bins), "widths": np.diff(EDGES), "livetime_s": 3.0, "solid_angle_sr": 5.6, **changes})


def test_flux_and_its_parts() -> None:
    problem = smeared(tau=1e-3, mc_stat="say", nuisances=1)
    fit = problem.map()
    delta = np.linspace(-0.1, 0.1, 10)
    found = to_flux(
        problem, fit, exposure(area_covariance=np.outer(delta, delta), livetime_error_s=0.03), extra={"sectors": np.diag(np.full(10, 1e-4))}
    )
    assert set(found.covariances) == {"statistical", "simulation", "nuisances", "area", "livetime", "sectors"}
    unit = exposure().events_per_flux
    assert found.flux == pytest.approx(fit.f[1:-1] / unit)
    assert found.error("area") == pytest.approx(np.abs(delta) * found.flux, rel=1e-9, abs=1e-30)
    assert found.error("livetime") / found.flux == pytest.approx(np.full(10, 0.01))
    assert found.error("sectors") / found.flux == pytest.approx(np.full(10, 0.01))
    of_fit = sum(found.covariances[key] for key in ("statistical", "simulation", "nuisances"))
    assert of_fit == pytest.approx(fit.covariance[1:-1, 1:-1] / np.outer(unit, unit), rel=1e-9)
    for source in ("statistical", "simulation", "nuisances"):
        assert np.all(np.diag(found.covariances[source]) > 0), source


def test_parts_shrink_with_their_source() -> None:
    """A hundred times the simulation: its part of the variance a hundred times smaller."""
    problem = smeared(tau=1e-3, mc_stat="say")
    rich = problem.replace(S=problem.S / 100)
    few, many = (np.diag(fit_covariances(one, one.map())["simulation"])[1:-1] for one in (problem, rich))
    assert many / few == pytest.approx(np.full(10, 0.01), rel=0.3)


def test_wrong_exposures_are_refused() -> None:
    problem = smeared()
    for changes, message in (
        ({"area_m2": np.ones(9)}, "10 widths, but areas"),
        ({"area_m2": np.zeros(10)}, "must be positive in every bin"),
        ({"livetime_s": 0.0}, "livetime 0.0 s and solid angle"),
    ):
        with pytest.raises(InputError, match=message):
            exposure(**changes)
    with pytest.raises(InputError, match="the problem has 4 in range"):
        golden().to_flux(golden().map(), exposure())
    with pytest.raises(InputError, match="extra covariance 'x' has the shape"):
        problem.to_flux(problem.map(), exposure(), extra={"x": np.eye(3)})
