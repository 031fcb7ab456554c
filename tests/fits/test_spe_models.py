"""Characteristic functions and their Fourier engine against series and quadrature in direct space."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.spe_series import bellamy_density, cut_gaussian, gamma_bin, gauss_bins

from configs.errors import InputError
from fits.compound_poisson import Grid, bin_probabilities, component_probabilities, density
from fits.spe_models import MODELS, spe_model

EDGES = np.arange(-105, 1801) * 0.01 + 0.005  # bins of 0.01 pC centred at whole hundredths
CENTRES = 0.5 * (EDGES[1:] + EDGES[:-1])
OWN = {"gauss": (0.8, 0.4), "gamma": (0.8, 0.4), "dossi": (0.15, 0.25, 0.85, 0.30), "bellamy": (0.8, 0.4, 0.1, 2.0)}
GOLDEN = {
    "gauss": (2.42066136, 0.08258660, 0.21365308, 0.48677828, 0.23395453, 0.04064240),
    "gamma": (2.39935852, 0.04232982, 0.26493489, 0.47599680, 0.24685225, 0.04028187),
    "dossi": (2.49914048, 0.15087194, 0.19755898, 0.47649998, 0.21545829, 0.03683104),
}
# Bellamy et al., figure 5: (Q0, s0, mu, Q1, s1, w, a)
PUBLISHED = {"q0": 23.26, "s0": 0.192, "mu": 1.68, "q1": 35.04, "s1": 11.73, "w": 0.383, "a": 0.034}


def probabilities(name: str, q0: float = 0.0, s0: float = 0.05, mu: float = 1.2, *, light: bool = True) -> np.ndarray:
    grid = Grid.covering(EDGES, s0, q0 - 8 * s0, 20.0)
    return bin_probabilities(grid, spe_model(name), (q0, s0, mu, *OWN[name]), light=light)[0]


class TestEngine:
    @pytest.mark.parametrize("name", GOLDEN)
    def test_golden_densities(self, name: str) -> None:
        found = probabilities(name)[1:-1]
        at = [found[np.argmin(np.abs(CENTRES - q))] / 0.01 for q in (0.0, 0.2, 0.4, 0.8, 1.6, 3.2)]
        assert at == pytest.approx(GOLDEN[name], abs=1e-7)

    def test_equals_the_gaussian_series(self) -> None:
        assert probabilities("gauss")[1:-1] == pytest.approx(gauss_bins(EDGES, 0, 0.05, 1.2, 0.8, 0.4), abs=2e-15)

    @settings(max_examples=20, deadline=None)
    @given(mu=st.floats(0.05, 12), delta=st.floats(0.1, 0.9), s0=st.floats(0.004, 0.3), q0=st.floats(-0.3, 0.3))
    def test_equals_the_gaussian_series_everywhere(self, mu: float, delta: float, s0: float, q0: float) -> None:
        """Also for bins wider than the noise, where the grid is finer than the bins, and for much light."""
        edges = np.linspace(-2, 20, 441)
        grid = Grid.covering(edges, s0, -8.0, 30.0)
        found, _ = bin_probabilities(grid, spe_model("gauss"), (q0, s0, mu, 0.8, delta), light=True)
        assert found[1:-1] == pytest.approx(gauss_bins(edges, q0, s0, mu, 0.8, delta), abs=1e-10)
        assert found.sum() == pytest.approx(1.0, abs=1e-12)

    @pytest.mark.parametrize("q", [-0.1, 0.05, 0.4, 0.81, 2.3])
    def test_gamma_equals_quadrature(self, q: float) -> None:
        found = probabilities("gamma")[1:-1][np.argmin(np.abs(CENTRES - q))]
        assert found == pytest.approx(gamma_bin(q - 0.005, q + 0.005, 0, 0.05, 1.2, 0.8, 0.4), abs=1e-10)

    def test_bellamy_equals_direct_space(self) -> None:
        p = PUBLISHED
        edges = np.linspace(0, 600, 1201)
        grid = Grid.covering(edges, p["s0"], -50, 1500)
        theta = (p["q0"], p["s0"], p["mu"], p["q1"], p["s1"] / p["q1"], p["w"], p["a"])
        found, _ = bin_probabilities(grid, spe_model("bellamy"), theta, light=True)
        nodes, weights = np.polynomial.legendre.leggauss(8)
        q = 0.5 * (edges[:-1] + edges[1:])[:, None] + 0.25 * nodes
        direct = (bellamy_density(q.ravel(), **p).reshape(q.shape) * weights).sum(axis=1) * 0.25
        # narrow bins in the noise peak, 2.6 sigma wide, are integrated to 1e-7
        assert found[1:-1] == pytest.approx(direct, abs=1e-6)
        away = np.abs(q.mean(axis=1) - p["q0"]) > 3
        assert found[1:-1][away] == pytest.approx(direct[away], abs=1e-11)

    @pytest.mark.parametrize("name", MODELS)
    @pytest.mark.parametrize("light", [True, False])
    def test_derivatives(self, name: str, light: bool) -> None:
        theta = np.array((0.01, 0.05, 1.2, *OWN[name]))
        grid = Grid.covering(EDGES, 0.05, -0.4, 20.0)
        _, slopes = bin_probabilities(grid, spe_model(name), theta, light=light)
        for i in range(theta.size):
            step = np.zeros(theta.size)
            step[i] = 1e-6
            up, down = (bin_probabilities(grid, spe_model(name), theta + sign * step, light=light)[0] for sign in (1, -1))
            assert slopes[i] == pytest.approx((up - down) / 2e-6, abs=2e-9)

    @pytest.mark.parametrize("name", MODELS)
    def test_moments_of_the_spectrum(self, name: str) -> None:
        """Mean Q0 + mu E[q] (+ w/a), variance s0^2 + mu E[q^2] + dq^2/12 (+ (2w - w^2)/a^2)."""
        inside = probabilities(name, q0=0.1)[1:-1]
        mean = inside @ CENTRES
        variance = inside @ (CENTRES - mean) ** 2
        one, spread = spe_model(name).moments(OWN[name])
        w, a = OWN[name][2:] if name == "bellamy" else (0.0, 1.0)
        assert mean == pytest.approx(0.1 + 1.2 * one + w / a, abs=1e-6)
        assert variance == pytest.approx(0.05**2 + 1.2 * (spread + one**2) + (2 * w - w**2) / a**2 + 0.01**2 / 12, abs=2e-5)

    @pytest.mark.parametrize("name", MODELS)
    def test_parts_sum_to_the_whole(self, name: str) -> None:
        grid = Grid.covering(EDGES, 0.05, -0.4, 20.0)
        theta = (0.0, 0.05, 1.2, *OWN[name])
        parts = sum(component_probabilities(grid, spe_model(name), theta, n) for n in range(25))
        assert parts == pytest.approx(probabilities(name)[1:-1], abs=1e-14)

    def test_without_light_is_the_noise(self) -> None:
        assert probabilities("dossi", light=False)[1:-1] == pytest.approx(gauss_bins(EDGES, 0, 0.05, 0.0, 0.8, 0.4), abs=1e-15)

    def test_flow_holds_what_lies_outside(self) -> None:
        edges = np.linspace(0.5, 1.5, 51)
        grid = Grid.covering(edges, 0.05, -4.0, 20.0)
        found, slopes = bin_probabilities(grid, spe_model("gamma"), (0, 0.05, 1.2, 0.8, 0.4), light=True)
        assert found.sum() == pytest.approx(1.0, abs=1e-14)
        fine = gauss_bins(np.array([-9.0, 0.5]), 0, 0.05, 1.2, 0.8, 0.4)[0]
        gauss, _ = bin_probabilities(grid, spe_model("gauss"), (0, 0.05, 1.2, 0.8, 0.4), light=True)
        assert gauss[0] == pytest.approx(fine, abs=1e-9)
        assert slopes.sum(axis=1) == pytest.approx(np.zeros(5), abs=1e-12)

    def test_density_is_that_of_the_bins(self) -> None:
        grid = Grid.covering(EDGES, 0.05, -0.4, 20.0)
        charge, height = density(grid, spe_model("gamma"), (0, 0.05, 1.2, 0.8, 0.4), light=True)
        assert height[np.argmin(np.abs(charge - 0.8))] == pytest.approx(GOLDEN["gamma"][3], abs=1e-7)

    def test_refuses_unequal_bins(self) -> None:
        with pytest.raises(InputError, match="bins of equal width"):
            Grid.covering([0.0, 0.1, 0.3], 0.05, -0.4, 1.0)


class TestModels:
    @pytest.mark.parametrize("name", MODELS)
    def test_moments_from_the_characteristic_function(self, name: str) -> None:
        """phi1'(0) = i E[q], phi1''(0) = -E[q^2]."""
        model, h = spe_model(name), 1e-4
        phi, _ = model.photoelectron(np.array([-h, 0.0, h]), OWN[name])
        mean, variance = model.moments(OWN[name])
        assert phi[1] == pytest.approx(1.0, abs=1e-14)
        assert ((phi[2] - phi[0]) / (2 * h)).imag == pytest.approx(mean, rel=1e-6)
        assert -((phi[2] - 2 * phi[1] + phi[0]) / h**2).real == pytest.approx(variance + mean**2, rel=1e-5)

    @pytest.mark.parametrize("omega", [0.0, 0.7, 5.0, 40.0])
    def test_cut_gaussian_is_the_quadrature(self, omega: float) -> None:
        p_e, a, x0, sg = OWN["dossi"]
        phi, _ = spe_model("dossi").photoelectron(np.array([omega]), OWN["dossi"])
        assert (phi[0] - p_e / (1 - 1j * omega * a)) / (1 - p_e) == pytest.approx(cut_gaussian(omega, x0, sg), abs=1e-11)

    def test_dossi_mean_is_the_golden_one(self) -> None:
        assert spe_model("dossi").moments(OWN["dossi"])[0] == pytest.approx(0.7618418, abs=5e-8)

    def test_bellamy_without_background_is_gauss(self) -> None:
        grid = Grid.covering(EDGES, 0.05, -0.4, 20.0)
        plain, _ = bin_probabilities(grid, spe_model("gauss"), (0, 0.05, 1.2, 0.8, 0.4), light=True)
        none, _ = bin_probabilities(grid, spe_model("bellamy"), (0, 0.05, 1.2, 0.8, 0.4, 0.0, 2.0), light=True)
        assert none == pytest.approx(plain, abs=1e-16)

    def test_unknown_model(self) -> None:
        with pytest.raises(InputError, match=r"'gama' is not a model .* 'gamma'"):
            spe_model("gama")


class TestBellamyDirect:
    """The published formula itself: the reference of the engine has to be right too."""

    def test_norm_mean_and_variance(self) -> None:
        points = [-80.0, 22.0, 23.0, 23.26, 23.5, 25.0, 40.0, 80.0, 200.0, 600.0, 1200.0]
        nodes, weights = np.polynomial.legendre.leggauss(200)
        half = 0.5 * np.diff(points)[:, None]
        q = (0.5 * (np.array(points[1:]) + points[:-1])[:, None] + half * nodes).ravel()
        measure = (half * weights).ravel() * bellamy_density(q, **PUBLISHED)
        norm, first, second = (float(measure @ q**k) for k in range(3))
        assert norm == pytest.approx(1.0, abs=1e-9)
        assert first == pytest.approx(93.391906, abs=1e-5)
        assert second - first**2 == pytest.approx(2829.63578, abs=1e-3)
        w, a = PUBLISHED["w"], PUBLISHED["a"]
        assert first == pytest.approx(23.26 + 1.68 * 35.04 + w / a, abs=1e-5)

    def test_golden_densities(self) -> None:
        found = bellamy_density(np.array([30, 58.3, 93.34, 150]), **PUBLISHED)
        assert found == pytest.approx([2.3193999e-3, 9.3037098e-3, 7.1617415e-3, 3.3326729e-3], rel=1e-7)

    def test_copied_exponent_is_not_normalised(self) -> None:
        """a^2 sn^2 instead of half of it multiplies E_n by exp(a^2 sn^2 / 2): 5.7 % too much at the published point."""
        p, extra = PUBLISHED, 0.0
        for n in range(60):
            weight = math.exp(n * math.log(p["mu"]) - p["mu"] - math.lgamma(n + 1))
            extra += weight * p["w"] * math.expm1(0.5 * p["a"] ** 2 * (p["s0"] ** 2 + n * p["s1"] ** 2))
        assert extra == pytest.approx(0.057, abs=0.001)
