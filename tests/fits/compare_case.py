"""Results of a made-up fit with everything that is compared: parameters, a Gaussian scan with a published one, contour points, segments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fits.comparison import ExternalScan, compare_scans, external_json
from fits.contours import Surface, contours
from fits.goodness import goodness_of_fit
from fits.intervals import ONE_SIGMA, delta_nll_level
from records.diffuse import SpectrumResult
from records.results import FitResult, Parameter, ScanResult

BEST, SIGMA = (2.9, 6.0), (0.2, 1.4)
PUBLISHED = {"astro_gamma": (2.87, 0.19, 0.20), "astro_norm": (6.37, 1.62, 1.46)}
POINTS = 19


def gaussian(best: tuple[float, float], points: int = 45) -> Surface:
    """A likelihood of two uncorrelated parameters with the errors ``SIGMA``."""
    x, y = np.linspace(1.8, 4.0, points), np.linspace(0.0, 14.0, points)
    u, v = np.meshgrid((x - best[0]) / SIGMA[0], (y - best[1]) / SIGMA[1], indexing="ij")
    return Surface(x, y, 0.5 * (u**2 + v**2))


def fit_result(**changes: Any) -> FitResult:
    parameters = {
        "astro_norm": Parameter(BEST[1], 1.4, (-1.3, 1.5), "1e-18 / (GeV cm2 s sr)"),
        "astro_gamma": Parameter(BEST[0], 0.2),
        "atmos_norm": Parameter(1.1, 0.3),
        "epsilon_dom": Parameter(0.955, 0.053),
    }
    content: dict[str, Any] = {
        "valid": True, "reason": "", "parameters": parameters, "correlation": [[1.0]], "nll": 120.0, "nll_data": 119.0, "nll_prior": 0.5,
        "nll_prior_constant": 0.5, "n_observed": 60.0, "n_bins": 441, "expected": {}, "likelihood": "poisson", "engine": "native",
        "model": "power_law", "axes": ("energy",), "starts_tried": 1, "edm": 0.0, "livetime_s": 2.3e8, "published": PUBLISHED, **changes,
    }  # fmt: skip
    return FitResult(**content)


def scan_result(published: tuple[float, float] = BEST, **changes: Any) -> ScanResult:
    """Our scan beside one whose minimum is ``published``, with points on the 68 % contour of that one."""
    ours, theirs = gaussian(BEST), gaussian(published)
    external = ExternalScan(theirs.x, theirs.y, theirs.delta_nll + 123.0, "scan.txt")
    turn, radius = np.linspace(0.0, 2.0 * np.pi, POINTS, endpoint=False), math.sqrt(2 * delta_nll_level(ONE_SIGMA, 2))
    points = np.column_stack([published[0] + radius * SIGMA[0] * np.cos(turn), published[1] + radius * SIGMA[1] * np.sin(turn)])
    content: dict[str, Any] = {
        "x_name": "astro_gamma", "y_name": "astro_norm", "x": ours.x.tolist(), "y": ours.y.tolist(), "delta_nll": ours.delta_nll.tolist(),
        "nuisances": {}, "best": BEST, "contours": contours(ours), "comparison": compare_scans(ours, external),
        "external": external_json(external, points), **changes,
    }  # fmt: skip
    return ScanResult(**content)


def segments_result(**changes: Any) -> SpectrumResult:
    content: dict[str, Any] = {
        "valid": True, "reason": "", "edges_gev": [4.2e4, 8.83e4, 1.86e5], "e2_flux": [2.0e-8, 0.0], "low": [1.6e-8, 0.0], "high": [2.3e-8, 8.0e-10],
        "at_bound": [False, True], "upper_limit": [math.nan, 1.2e-9], "cl": 0.9, "expected": [7.0, 0.0], "parameters": {}, "correlation": [],
        "nll": 1.0, "axes": ("energy",), "n_shared": 0, "published": [(3.0e-8, 0.4e-8, 9.0e-8), (6.0e-10, 6.0e-10, 0.0)],
        "published_source": "hese/icecube_segmentedfit_hese.json", **changes,
    }  # fmt: skip
    return SpectrumResult(**content)


def results(**changes: Any) -> dict[str, Any]:
    """Everything of one fit, ``main``."""
    gof = goodness_of_fit({"all": 100.0}, [{"all": 90.0}, {"all": 110.0}, {"all": 95.0}, {"all": 120.0}], seed=1, n_failed=0)
    return {"main": fit_result(), "main.scan": scan_result(), "main.segments": segments_result(), "main.gof": gof, **changes}
