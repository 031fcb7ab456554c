"""The release's 11-parameter model event by event: every weight, and its derivative in every parameter, at any point (specification diffuse 4.2).

No histogram, no node, no cell average: NumPy over events, SciPy's splines at each event's reconstructed quantities.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import NdBSpline

from readers.photospline import read_spline_table

Array = NDArray[np.float64]

LIVETIME_S = 227708167.68
PUBLISHED = {
    "cr_delta_gamma": -0.05309302, "nunubar_ratio": 0.99815326, "anisotropy_scale": 1.000683, "astro_gamma": 2.87375956, "astro_norm": 6.36488608,
    "conv_norm": 1.00621679, "epsilon_dom": 0.95192328, "epsilon_head_on": -0.0548763, "muon_norm": 1.18706341, "kpi_ratio": 1.00013744,
    "prompt_norm": 0.0,
}  # fmt: skip
POINT_B = {
    "cr_delta_gamma": 0.02, "nunubar_ratio": 1.15, "anisotropy_scale": 0.7, "astro_gamma": 2.5, "astro_norm": 6.0, "conv_norm": 0.8,
    "epsilon_dom": 1.08, "epsilon_head_on": 0.4, "muon_norm": 0.7, "kpi_ratio": 1.2, "prompt_norm": 1.5,
}  # fmt: skip
NOMINAL = {"epsilon_dom": 0.99, "epsilon_head_on": 0.0, "anisotropy_scale": 1.0}
FOLDERS = {
    "epsilon_dom": "DOMEffSplines/domefficiency",
    "epsilon_head_on": "HoleIceSplines/holeice",
    "anisotropy_scale": "AnisotropySplines/tauanisotropy",
}
MORPHOLOGY = ("shower", "track", "doublebang")
HAND_MADE = """
12  1.2e5 1.0e5 1.27 nan 0 2.0e9 0       2.0e-21 1.1e-20 2.0e-19 1.0 1.0
-14 2.5e5 1.6e5 1.66 nan 1 1.5e9 0       1.0e-20 4.0e-20 8.0e-21 1.0 1.0
16  4.0e5 3.2e5 0.62 18. 2 3.0e9 0       0       0       1.0e-22 0.3 0.6
14  9.0e4 6.5e4 0.85 nan 0 8.0e8 0       3.0e-19 1.2e-18 2.5e-19 0.2 0.3
-12 6.4e6 5.9e6 1.22 nan 0 5.0e9 0       1.0e-28 5.0e-28 1.0e-24 0.1 0.2
13  5.0e5 7.0e4 0.41 nan 1 0     3.0e-10 0       0       0       1.0 1.0
"""
COLUMNS = (
    "primaryType", "primaryEnergy", "recoDepositedEnergy", "recoZenith", "recoLength", "recoMorphology", "weightOverFluxOverLivetime",
    "muonWeightOverLivetime", "pionFlux", "kaonFlux", "promptFlux", "conventionalSelfVetoCorrection", "promptSelfVetoCorrection",
)  # fmt: skip


def hand_made() -> dict[str, Array]:
    """The six events of the specification's golden check G6."""
    rows = np.array([[float(word) for word in line.split()] for line in HAND_MADE.strip().splitlines()])
    return dict(zip(COLUMNS, rows.T, strict=True))


class DetectorFactor:
    """10^(S(value) - S(nominal)) of the events for one parameter and one component; what does not change with the value is evaluated once."""

    def __init__(self, folder: Path, parameter: str, component: str, events: Mapping[str, Array]) -> None:
        self.nominal = NOMINAL[parameter]
        n = len(events["primaryType"])
        self.parts = []
        for number, word in enumerate(MORPHOLOGY):
            for flavour in (12, 14, 16):
                chosen = np.flatnonzero((events["recoMorphology"] == number) & (np.abs(events["primaryType"]) == flavour))
                if not len(chosen):
                    continue
                name = {12: "diffuseAstro_e", 14: "diffuseAstro_mu", 16: "diffuseAstro_tau"}[flavour] if component == "astro" else component
                table = read_spline_table(folder / f"{FOLDERS[parameter]}_{name}_{word}.fits")
                energy, length = np.log10(events["recoDepositedEnergy"][chosen]), np.log10(events["recoLength"][chosen])
                places = [energy, np.cos(events["recoZenith"][chosen])]
                if parameter == "epsilon_head_on" and number == 2:
                    places = [energy, length]
                if parameter == "anisotropy_scale":
                    places = [length if number == 2 else energy]
                inside = np.all([(x >= low) & (x <= high) for x, (low, high) in zip(places, table.ranges, strict=False)], axis=0)
                if parameter == "anisotropy_scale" and number == 2:
                    inside &= length <= 2.3
                spline = NdBSpline(table.knots, table.coefficients, table.orders)
                places = [np.minimum(x[inside], high - 1e-9) for x, (_, high) in zip(places, table.ranges, strict=False)]
                self.parts.append((chosen[inside], spline, places, self._at(spline, places, self.nominal)))
        self.n = n

    @staticmethod
    def _at(spline: NdBSpline, places: list[Array], value: float, derivative: int = 0) -> Array:
        points = np.column_stack([*places, np.full(len(places[0]), value)])
        return np.asarray(spline(points, nu=(0,) * len(places) + (derivative,)))

    def at(self, value: float) -> tuple[Array, Array]:
        """Factors (events,), and their logarithmic derivatives."""
        factor, slope = np.ones(self.n), np.zeros(self.n)
        for chosen, spline, places, nominal in self.parts:
            factor[chosen] = 10.0 ** (self._at(spline, places, value) - nominal)
            slope[chosen] = np.log(10.0) * self._at(spline, places, value, 1)
        return factor, slope


class PerEvent:
    """Weights of release events; ``detector``: folder of the tables."""

    def __init__(self, events: Mapping[str, Array], detector: Path) -> None:
        self.events = {name: np.asarray(events[name], float) for name in COLUMNS}
        self.factors = {
            (parameter, component): DetectorFactor(detector, parameter, component, self.events)
            for parameter in NOMINAL
            for component in ("astro", "atmConv", "atmPrompt")
        }

    def weights_and_gradient(self, point: Mapping[str, float]) -> tuple[Array, dict[str, Array]]:
        """Expected number of every event (events,), and its derivative in every parameter."""
        e = self.events
        energy, exposure = e["primaryEnergy"], LIVETIME_S * e["weightOverFluxOverLivetime"]
        astro_flux = 1e-18 / 6 * (energy / 1e5) ** -point["astro_gamma"]
        sign = np.sign(e["primaryType"])
        rho = 1.0 + sign * (point["nunubar_ratio"] - 1.0)
        tilt_conv = (energy / 2020.0) ** -point["cr_delta_gamma"] * e["conventionalSelfVetoCorrection"]
        tilt_prompt = (energy / 7887.0) ** -point["cr_delta_gamma"] * e["promptSelfVetoCorrection"]
        det, slopes = {}, {}
        for component in ("astro", "atmConv", "atmPrompt"):
            found = {name: self.factors[name, component].at(point[name]) for name in NOMINAL}
            det[component] = np.prod([factor for factor, _ in found.values()], axis=0)
            slopes[component] = {name: slope for name, (_, slope) in found.items()}
        astro = exposure * astro_flux * det["astro"]
        pion = exposure * tilt_conv * e["pionFlux"] * det["atmConv"]
        kaon = exposure * tilt_conv * e["kaonFlux"] * det["atmConv"]
        prompt = exposure * tilt_prompt * e["promptFlux"] * det["atmPrompt"]
        muon = LIVETIME_S * e["muonWeightOverLivetime"]
        conventional = pion + point["kpi_ratio"] * kaon
        parts = {
            "astro": point["astro_norm"] * astro,
            "atmConv": point["conv_norm"] * rho * conventional,
            "atmPrompt": point["prompt_norm"] * rho * prompt,
        }
        gradient = {
            "astro_norm": astro,
            "astro_gamma": -np.log(energy / 1e5) * parts["astro"],
            "conv_norm": rho * conventional,
            "kpi_ratio": point["conv_norm"] * rho * kaon,
            "nunubar_ratio": sign * (point["conv_norm"] * conventional + point["prompt_norm"] * prompt),
            "prompt_norm": rho * prompt,
            "muon_norm": muon,
            "cr_delta_gamma": -np.log(energy / 2020.0) * parts["atmConv"] - np.log(energy / 7887.0) * parts["atmPrompt"],
            **{name: sum(slopes[component][name] * part for component, part in parts.items()) for name in NOMINAL},
        }
        return sum(parts.values()) + point["muon_norm"] * muon, gradient

    def expected(self, point: Mapping[str, float], bins: NDArray[np.intp], n_bins: int) -> tuple[Array, Array]:
        """mu and s2 (bins,); ``bins``: flat bin of every event, -1 for none."""
        inside = bins >= 0
        weights = self.weights_and_gradient(point)[0][inside]
        return np.bincount(bins[inside], weights, n_bins), np.bincount(bins[inside], weights**2, n_bins)

    def nll_and_gradient(self, counts: Array, point: Mapping[str, float], bins: NDArray[np.intp]) -> tuple[float, dict[str, float]]:
        """Data part of the effective likelihood (arXiv:1901.04645) and its gradient, from all events."""
        from fits.likelihood import say

        inside = bins >= 0
        where, n_bins = bins[inside], len(counts)
        weights, gradient = self.weights_and_gradient(point)
        weights = weights[inside]
        mu, s2 = np.bincount(where, weights, n_bins), np.bincount(where, weights**2, n_bins)
        nll, in_mu, in_s2 = say(counts, mu, s2)
        in_weight = in_mu[where] + 2.0 * weights * in_s2[where]
        return float(nll.sum()), {name: float(in_weight @ slope[inside]) for name, slope in gradient.items()}
