"""Folding against the exact sum over events, gradients against differences, published expectations."""

from __future__ import annotations

import numpy as np
import pytest
from generated_case import expectation, generated
from hypothesis import given, settings
from hypothesis import strategies as st
from layout_case import account, events, response_hists
from surrogate_case import PUBLISHED, surrogate_response

from configs.errors import InputError
from fits.model import Model
from fits.response import Response
from physics.spectra import BrokenPowerLaw, ExponentialCutoff, FreeBreak, LogParabola, PowerLaw, ShapeParameter, Table
from physics.user_spectra import from_user

INDICES = (2.0, 2.25, 2.5, 2.87, 3.2, 3.5)
WIDER = [
    (LogParabola(), (2.6, 0.2)),
    (ExponentialCutoff(), (2.3, 1.0)),
    (BrokenPowerLaw(2.5e5), (2.2, 3.2)),
    (FreeBreak(), (2.2, 3.2, 5.45)),
]


def relative(ours: np.ndarray, exact: np.ndarray) -> np.ndarray:
    return np.abs(np.divide(ours, exact, out=np.ones_like(ours), where=exact > 0) - 1.0)


@pytest.mark.parametrize("gamma", INDICES)
def test_response_equals_the_exact_sum_over_events_to_1e_5_in_every_bin(gamma: float) -> None:
    """Issue, item 4. 1e5 generated neutrinos through the real processor, 20 nodes per decade, 840 official bins, however few events a bin holds.

    The largest possible difference for any event is |D|^3 h^3/192 = 8e-6 at D = gamma - 2.5 = 1, h = ln(10)/20.
    """
    case = generated()
    theta = np.array([6.0, gamma, 1.0])
    exact, _ = expectation(case, PowerLaw(), theta)
    assert relative(Model(case.response, PowerLaw()).expected(theta), exact).max() < 1e-5
    astro, _ = expectation(case, PowerLaw(), np.array([6.0, gamma, 0.0]))
    assert relative(Model(case.response, PowerLaw()).expected([6.0, gamma, 0.0]), astro).max() < 1e-5


@pytest.mark.parametrize("gamma", INDICES)
def test_variance_equals_the_exact_sum_of_squares(gamma: float) -> None:
    """G10: s2 within 3e-4 in bins that expect more than 1e-4 events (in emptier ones the processor's rounding of squares shows)."""
    case = generated()
    theta = np.array([6.0, gamma, 1.0])
    mu, exact = expectation(case, PowerLaw(), theta)
    ours = Model(case.response, PowerLaw()).variance_and_gradient(theta)[0]
    assert relative(ours, exact)[mu > 1e-4].max() < 3e-4


def test_variance_in_plain_doubles_keeps_the_bound() -> None:
    """Without any rounding of the histogram: |2D|^3 h^3/192 = 6.4e-5."""
    sample = events()
    model = Model(Response.from_hists({"mc": response_hists(sample)}, account(mc=("mc", 1.0, 1.0))), PowerLaw())
    for gamma in INDICES:
        w = 6.0 * sample.astro * (sample.energy / 1e5) ** (2.5 - gamma) + 0.8 * sample.atmo
        ours = model.variance_and_gradient([6.0, gamma, 0.8])[0].sum()
        assert ours == pytest.approx((w * w).sum(), rel=6.4e-5)


@pytest.mark.parametrize(("moments", "tolerance"), [(0, 6e-2), (1, 2e-3), (2, 1e-5)])
def test_each_moment_gains_its_order(moments: int, tolerance: float) -> None:
    case = generated(30_000, moments=moments)
    theta = np.array([6.0, 3.5, 1.0])
    exact, _ = expectation(case, PowerLaw(), theta)
    worst = relative(Model(case.response, PowerLaw()).expected(theta), exact).max()
    assert tolerance / 200 < worst < tolerance


@pytest.mark.parametrize(("spectrum", "theta", "tolerance"), [(LogParabola(), (2.6, 0.2), 2e-5), (ExponentialCutoff(), (2.3, 1.0), 4e-4)])
def test_bent_spectra(spectrum, theta, tolerance: float) -> None:
    case = generated()
    at = np.array([6.0, *theta, 1.0])
    exact, _ = expectation(case, spectrum, at)
    assert relative(Model(case.response, spectrum).expected(at), exact)[exact > 1e-4].max() < tolerance


def test_the_fold_knows_its_error() -> None:
    """The bound holds in every bin that expects more than 0.01 events, kinks inside a node included, and the worst bin is not exaggerated."""
    case = generated()
    for spectrum, theta in [(PowerLaw(), (3.5,)), *WIDER, (BrokenPowerLaw(1e5 * 10**0.474), (2.2, 3.2))]:
        at = np.array([6.0, *theta, 1.0])
        exact, _ = expectation(case, spectrum, at)
        model = Model(case.response, spectrum)
        big = exact > 0.01
        error, bound = relative(model.expected(at), exact)[big], model.fold_error(at)[big]
        assert bound.max() < 20 * error.max()
        assert np.all(error < bound + 1e-9), type(spectrum)


GAMMA = st.floats(1.2, 4.5)
ANY_SPECTRUM = st.one_of(
    st.tuples(st.just(PowerLaw()), st.tuples(GAMMA)),
    st.tuples(st.just(LogParabola()), st.tuples(GAMMA, st.floats(-0.5, 0.5))),
    st.tuples(st.just(ExponentialCutoff()), st.tuples(GAMMA, st.floats(0.0, 10.0))),
    st.tuples(st.builds(BrokenPowerLaw, st.floats(6e4, 3e6)), st.tuples(GAMMA, GAMMA)),
)


@settings(max_examples=25, deadline=None)
@given(drawn=ANY_SPECTRUM, norm=st.floats(0.1, 20.0), atmos=st.floats(0.0, 3.0))
def test_any_spectrum_is_folded_within_the_stated_error(drawn, norm: float, atmos: float) -> None:
    """Against the sum over 3e4 events one by one; a kink between the four places that are looked at may add a tenth to the stated error."""
    case, (spectrum, theta) = generated(30_000), drawn
    at = np.array([norm, *theta, atmos])
    exact, _ = expectation(case, spectrum, at)
    model = Model(case.response, spectrum)
    big = exact > 0.01
    assert np.all(relative(model.expected(at), exact)[big] <= 1.15 * model.fold_error(at)[big] + 1e-9)


def test_a_break_inside_a_node_is_warned_of_and_a_breakpoint_cures_it() -> None:
    case = generated()
    theta = np.array([6.0, 2.2, 3.2, 1.0])
    inside = 1e5 * 10**0.474  # in the middle of a node
    with pytest.warns(UserWarning, match=r"may be wrong by .* in bin .* TeV.*breakpoints"):
        Model(case.response, BrokenPowerLaw(inside)).check_fold(theta)
    on_edge = BrokenPowerLaw(1e5 * 10**0.45)
    assert Model(case.response, on_edge).check_fold(theta) < 1e-3
    exact, _ = expectation(case, on_edge, theta)
    assert relative(Model(case.response, on_edge).expected(theta), exact)[exact > 1e-4].max() < 1e-5


@pytest.mark.parametrize("moments", [0, 1])
def test_without_second_moments_the_error_of_the_fold_is_a_bound(moments: int) -> None:
    case, theta = generated(per_decade=5, moments=moments), np.array([6.0, 3.5, 1.0])
    exact, _ = expectation(case, PowerLaw(), theta)
    model = Model(case.response, PowerLaw())
    with pytest.warns(UserWarning, match=r"a bound for events anywhere in their .* node, .* lacks second moments; set processor.moments: 2"):
        bound = model.check_fold(theta)
    assert relative(model.expected(theta), exact)[exact > 0.01].max() < bound


def test_a_response_of_points_has_no_folding_error() -> None:
    """Surrogate: M_1 = M_2 = 0, nodes are points, whatever the spectrum."""
    assert Model(surrogate_response(), ExponentialCutoff()).fold_error([6.0, 2.3, 5.0, 1.0]).max() == 0.0


@settings(max_examples=25, deadline=None)
@given(norm=st.floats(0.1, 20.0), gamma=st.floats(1.2, 4.5), atmos=st.floats(0.0, 3.0))
def test_golden_10_gradient_of_the_power_law(norm: float, gamma: float, atmos: float) -> None:
    assert worst_gradient(PowerLaw(), np.array([norm, gamma, atmos])) < 1e-6


@pytest.mark.parametrize(("spectrum", "theta"), WIDER)
def test_gradients_of_wider_spectra(spectrum, theta) -> None:
    assert worst_gradient(spectrum, np.array([6.0, *theta, 1.2])) < 1e-6


def worst_gradient(spectrum, theta: np.ndarray) -> float:
    """Largest relative deviation from central differences of value and variance (specification 4.4: 1e-6)."""
    model = Model(Response.from_hists({"mc": response_hists(events())}, account(mc=("mc", 1.0, 1.0))), spectrum)
    deviations = []
    for function in (model.mu_and_gradient, model.variance_and_gradient):
        value, gradient = function(theta)
        for i in range(theta.size):
            h = 1e-5 * max(1.0, abs(theta[i]))
            step = np.zeros_like(theta)
            step[i] = h
            numeric = (function(theta + step)[0] - function(theta - step)[0]) / (2 * h)
            deviations.append(np.abs(gradient[i] - numeric) / (np.abs(numeric) + np.abs(gradient[i]).max()))
        if function == model.mu_and_gradient:
            np.testing.assert_allclose(value, model.expected(theta), rtol=1e-13)
    return float(np.max(deviations))


@pytest.mark.parametrize("moments", [0, 1, 2])
def test_gradients_with_fewer_moments(moments: int) -> None:
    sample = response_hists(events(), moments=moments)
    model = Model(Response.from_hists({"mc": sample}, account(mc=("mc", 1.0, 1.0))), LogParabola())
    theta, h = np.array([6.0, 2.8, 0.1, 1.0]), 1e-6
    numeric = np.array([(model.expected(theta + h * row) - model.expected(theta - h * row)) / (2 * h) for row in np.eye(4)])
    np.testing.assert_allclose(model.mu_and_gradient(theta)[1], numeric, rtol=1e-6, atol=1e-7)


def test_golden_11_expectation_of_the_surrogate() -> None:
    """G11: astrophysical events 40.50, 8.478, 1.355 and atmosphere 10.12 at the published point, 0.3 %."""
    response = surrogate_response()
    parts = Model(response, PowerLaw()).components(list(PUBLISHED.values()))
    by_channel = response.project_counts(parts["astro"], ["topology"])
    np.testing.assert_allclose(by_channel, [40.50, 8.478, 1.355], rtol=3e-3)
    assert parts["atmo"].sum() == pytest.approx(10.12, rel=3e-3)


@pytest.mark.parametrize(
    ("spectrum", "theta", "channels"),
    [
        (PowerLaw(), (6.0, 2.5), (50.10, 11.742, 1.705)),
        (PowerLaw(), (1.0, 2.0), (16.03, 4.153, 0.538)),
        (PowerLaw(), (6.0, 3.5), (30.33, 5.260, 0.980)),
        (ExponentialCutoff(), (6.0, 2.3, 1.0), (40.68, 9.309, 1.394)),
        (LogParabola(), (6.0, 2.6, 0.2), (36.95, 7.733, 1.241)),
        (BrokenPowerLaw(3e5), (6.0, 2.2, 3.2), (49.45, 11.57, 1.700)),
    ],
)
def test_golden_11_expectations_of_other_spectra(spectrum, theta, channels) -> None:
    """G11, 0.3 %."""
    response = surrogate_response()
    astro = Model(response, spectrum).components([*theta, 0.0])["astro"]
    np.testing.assert_allclose(response.project_counts(astro, ["topology"]), channels, rtol=3e-3)


def test_table_and_user_class_fold_like_the_formula() -> None:
    case = generated()
    energy = np.geomspace(2e4, 2e7, 200)
    table = Table(tuple(energy), tuple((energy / 1e5) ** -2.7))
    straight = Model(case.response, PowerLaw()).expected([6.0, 2.7, 1.0])
    model = Model(case.response, table)
    assert model.names == ("astro_norm", "atmos_norm")
    np.testing.assert_allclose(model.expected([6.0, 1.0]), straight, rtol=1e-8)
    np.testing.assert_allclose(model.mu_and_gradient([6.0, 1.0])[1][0], (straight - model.expected([0.0, 1.0])) / 6.0, rtol=1e-6, atol=1e-9)

    class Mine:
        parameters = (ShapeParameter("astro_gamma", 2.5, 1.0, 5.0),)

        def flux(self, energy_gev, theta):
            return energy_gev ** -theta[0]

    np.testing.assert_allclose(Model(case.response, from_user(Mine())).expected([6.0, 2.7, 1.0]), straight, rtol=1e-8)


def test_another_pivot_is_the_same_flux_with_another_norm() -> None:
    response = surrogate_response()
    at_100_tev = Model(response, PowerLaw()).expected([6.0, 2.8, 1.0])
    moved = Model(response, PowerLaw(), pivot_gev=2e5).expected([6.0 * 2.0**-2.8, 2.8, 1.0])
    np.testing.assert_allclose(moved, at_100_tev, rtol=1e-12)


def test_components_add_up_and_follow_the_form_of_the_simulation() -> None:
    case = generated()
    model = Model(case.response, PowerLaw())
    theta = [6.0, 2.8, 1.3]
    parts = model.components(theta)
    assert list(parts) == ["astro", "conventional", "muon"]
    np.testing.assert_allclose(sum(parts.values()), model.expected(theta), rtol=1e-12)
    assert list(Model(surrogate_response(), PowerLaw()).components(theta)) == ["astro", "atmo"]


def test_defaults_of_the_exercise() -> None:
    model = Model(surrogate_response(), PowerLaw())
    assert model.names == ("astro_norm", "astro_gamma", "atmos_norm")
    assert [parameter.start for parameter in model.parameters] == [6.0, 2.5, 1.0]
    assert [(parameter.lower, parameter.upper) for parameter in model.parameters] == [(0.0, np.inf), (1.0, 5.0), (0.0, np.inf)]


def test_a_response_without_pairs_or_without_astro_is_refused() -> None:
    bare = Response.from_hists({"mc": response_hists(events(), pairs=False)}, account(mc=("mc", 1.0, 1.0)))
    assert not Model(bare, PowerLaw()).has_variance
    with pytest.raises(InputError, match=r"the response has no pair moments .* use likelihood: poisson"):
        Model(bare, PowerLaw()).variance_and_gradient([6.0, 2.5, 1.0])
    only_atmosphere = Response(bare.bins, bare.ln_energy, bare.width, {("all", "atmo"): bare.moments["all", "atmo"]}, {})
    with pytest.raises(InputError, match=r"the response has no component astro \(present: atmo\)"):
        Model(only_atmosphere, PowerLaw())
