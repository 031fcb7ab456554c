"""Figures of a fit whose spectrum is segments: points instead of a band, rows of pulls, lines for every parameter with a relative error."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import diffuse_case
import numpy as np
import pytest
from figure_content import legend_words, texts_outside

from configs.schema import DiffuseConfig
from fits.diffuse import fit_all
from plotting.canvas import Caption
from plotting.diffuse import plan
from plotting.diffuse_studies import exposures
from plotting.style import style
from plotting.symbols import axis_label, measured, symbol
from plotting.toys import PullSet, toy_pulls
from records.diffuse_studies import AsimovStudy, Exposure
from records.results import Parameter
from records.summary import rows


@functools.cache
def case() -> tuple[DiffuseConfig, dict[str, Any]]:
    unified = [{"parameter": name, "grid": [0.0, 0.3, 0.8], "toys": 3} for name in ("phi_6", "phi_7")]
    options = {"model": {"astro": "segmented"}, "upper_limits": [{"parameter": "phi_7"}], "asimov": True, "feldman_cousins": unified}
    common = diffuse_case.config().model_dump()
    common["fits"], common["plots"]["figures"] = {"main": options}, ["energy", "spectrum", "correlation", "feldman_cousins"]
    config = DiffuseConfig.model_validate(common)
    return config, fit_all(config, diffuse_case.hists(), diffuse_case.account())


def test_the_spectrum_is_the_parameters_with_their_intervals() -> None:
    config, results = case()
    drawn = plan(config, diffuse_case.hists(), diffuse_case.account(), results).figures["spectrum"]()
    (ours,) = drawn.numbers["segments"]
    assert drawn.numbers["bands"] == []
    parameters = [results["main"].parameters[f"phi_{i}"] for i in range(1, 8)]
    np.testing.assert_allclose(ours["e2_flux"], [1e-8 * one.value for one in parameters])
    np.testing.assert_allclose(ours["e2_flux_high"], [1e-8 * (one.value + one.minos[1]) for one in parameters])
    np.testing.assert_allclose(ours["e2_flux_low"], [1e-8 * (one.value + one.minos[0]) for one in parameters], atol=1e-16)
    assert "This fit" in legend_words(drawn.figure.axes[0])


def test_projections_and_correlations_are_drawn() -> None:
    """The band of the fit is that of errors at bounds, not of a degenerate covariance: above 3 PeV fewer than some events."""
    config, results = case()
    figures = plan(config, diffuse_case.hists(), diffuse_case.account(), results).figures
    assert {"energy", "correlation", "feldman_cousins_phi_6", "feldman_cousins_phi_7"} <= set(figures)
    assert results["main.feldman_cousins.phi_6"].parameter == "phi_6"
    bounded = [f"phi_{i}" for i in range(1, 8) if results["main"].parameters[f"phi_{i}"].at_bound]
    assert bounded
    names = list(results["main"].parameters)
    correlation = np.asarray(results["main"].correlation)
    assert all(correlation[names.index(name)].sum() == pytest.approx(1.0) for name in bounded)  # with themselves alone
    assert results["main.limit.phi_7"].observed > 0.0
    said = dict(row[:2] for row in rows(results["main"]))
    assert said[bounded[0]].endswith("(at its bound)")
    assert " -" not in said[bounded[0]].partition("1e-8")[0]  # one side only


def test_segments_have_symbols_and_units() -> None:
    assert symbol("phi_3") == r"$\phi_{3}$"
    assert axis_label("phi_3").startswith(r"$\phi_{3}$ [10$^{-8}$ GeV cm")
    assert symbol("phi_x") == "phi_x"
    assert measured("phi_6", Parameter(1e-9, 0.3, minos=(-1e-9, 0.39), at_bound=True)).startswith(r"$\phi_{6}$ = $0.00^{+0.39}")


def test_eight_panels_of_pulls_come_in_two_rows() -> None:
    random = np.random.default_rng(2)
    sets = [PullSet(f"p{i}", random.normal(size=50), 0.0, 1.0, 0.1 * i) for i in range(8)]
    drawn = toy_pulls(sets, style=style("dynode"), caption=Caption("Test", "2635 days"))
    axes = drawn.figure.axes
    assert len(axes) == 8
    assert len({round(one.get_position().y0, 3) for one in axes}) == 2
    assert [one.get_ylabel() != "" for one in axes] == [True, False, False, False] * 2
    assert not texts_outside(drawn.figure)
    assert len(toy_pulls(sets[:6], style=style("dynode")).figure.axes) == 6


def test_errors_over_exposure_leave_out_what_is_zero() -> None:
    """Seven norms: each with its own pair of colour and marker; one at its bound has no relative error."""

    def exposure(factor: float) -> Exposure:
        parameters = {f"phi_{i}": Parameter(1.0, 0.3 / factor, (-0.3 / factor, 0.3 / factor)) for i in range(1, 7)}
        parameters["phi_7"] = Parameter(0.0, 0.1, (0.0, 0.1), at_bound=True)
        return Exposure(factor, factor * 2e8, True, "", parameters, 60.0, 9.0, 3.0)

    others = {"exposures": AsimovStudy({}, [exposure(1.0), exposure(2.0)])}
    view: Any = SimpleNamespace(others=others, style=style("dynode"), caption=Caption("Test"), inputs=SimpleNamespace(livetime_s=2e8))
    drawn = exposures(view)["exposures"]()
    assert list(drawn.numbers["relative_error"]) == [symbol(f"phi_{i}") for i in range(1, 7)]
    lines = [line for line in drawn.figure.axes[0].lines if str(line.get_gid()).startswith("error")]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 6
    assert "phi_7 +0.1; no flux" in rows(others["exposures"])[0][1]
