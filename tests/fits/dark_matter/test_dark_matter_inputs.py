"""Seasons and simulations put together, and spectra folded with the response."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from dark_matter_case import as_simulation, measured, process, sample, simulated
from numpy.testing import assert_allclose

from configs.errors import InputError
from configs.schema import ANALYSES
from fits.dark_matter import inputs
from fits.dark_matter.inputs import energy_bins, fold
from physics.annihilation_spectra import line, michel

FEW = {"psi_edges_deg": [0.0, 20.0, 180.0]}


def configuration(**more: Any) -> Any:
    seasons = {f"exp_{season}": {"kind": "data", "files": ["a.npy"], "season": season, "livetime_days": 1.0} for season in (2011, 2016)}
    datasets = {**seasons, **(more or {"mc": {"kind": "mc", "files": ["m.npy"]}})}
    return ANALYSES["dark_matter"].model_validate({"name": "test", "analysis": "dark_matter", "datasets": datasets})


def made(config: Any, fraction: dict[str, float] | None = None, **simulations: np.ndarray) -> tuple[dict, dict, dict]:
    """Histograms, tables and account of small generated seasons (livetimes 1 and 3 s) and the given simulations."""
    hists = {f"exp_{season}": process(measured(season, 200), "data", season) for season in (2011, 2016)}
    hists |= {name: process(events, **FEW) for name, events in simulations.items()}
    tables = {name: {"events": one.pop("events")} for name, one in hists.items() if name.startswith("exp")}
    about = {
        name: {
            "metadata": {"season": config.datasets[name].season},
            "livetime_s": {"exp_2011": 1.0, "exp_2016": 3.0}.get(name),
            "fraction": (fraction or {}).get(name, 1.0),
        }
        for name in hists
    }
    return hists, tables, {"datasets": about}


def test_sum_of_seasons() -> None:
    config = configuration()
    hists, tables, account = made(config, mc=simulated(300))
    found = inputs.sample(config, hists, tables, account)
    assert (found.livetime_s, found.counts.sum(), len(found.sky.ra), found.blind) == (4.0, 400.0, 400, True)
    assert_allclose(found.counts, hists["exp_2011"]["exp_counts"].values() + hists["exp_2016"]["exp_counts"].values())
    assert_allclose(found.psi_edges_rad, np.radians(FEW["psi_edges_deg"]))
    assert_allclose(found.simulation["mu"].response.value, hists["mc"]["response"].view(flow=True)["value"])


def test_unprocessed_entries_count_neither_as_livetime_nor_as_missing_acceptance() -> None:
    config = configuration()
    hists, tables, account = made(config, {"exp_2016": 0.5, "mc": 0.25}, mc=simulated(300))
    found = inputs.sample(config, hists, tables, account)
    assert found.livetime_s == 2.5
    assert_allclose(found.simulation["mu"].response.value, 4.0 * hists["mc"]["response"].view(flow=True)["value"])
    assert_allclose(found.simulation["mu"].response.variance, 16.0 * hists["mc"]["response"].view(flow=True)["variance"])


def test_simulations_of_seasons_count_with_their_livetimes() -> None:
    """Two files are two estimates of the same thing, not twice the events."""
    config = configuration(**{f"mc_{season}": {"kind": "mc", "files": [f"{season}.npy"], "seasons": [season]} for season in (2011, 2016)})
    hists, tables, account = made(config, mc_2011=simulated(300, 1), mc_2016=simulated(300, 2))
    found = inputs.sample(config, hists, tables, account).simulation["mu"]
    one, other = (hists[name]["acceptance"].view(flow=True)["value"] for name in ("mc_2011", "mc_2016"))
    assert_allclose(found.acceptance.value, 0.25 * one + 0.75 * other, rtol=1e-12)


@pytest.mark.parametrize(
    ("simulations", "message"),
    [
        ({"mc": {"kind": "mc", "files": ["m.npy"], "seasons": [2011]}}, "season 2016 needs one simulation of nu_mu; found none"),
        ({"mc": {"kind": "mc", "files": ["m.npy"], "flavour": "e"}}, "season 2011 needs one simulation of nu_mu; found none"),
        ({name: {"kind": "mc", "files": [f"{name}.npy"]} for name in ("m1", "m2")}, "season 2011 needs one simulation of nu_mu; found m1 and m2"),
    ],
)
def test_every_season_has_one_simulation(simulations: dict[str, Any], message: str) -> None:
    config = configuration(**simulations)
    with pytest.raises(InputError, match=message):
        inputs.sample(config, *made(config, **{name: simulated(50) for name in simulations}))


def test_repeated_events_and_absent_data() -> None:
    config = configuration()
    hists, tables, account = made(config, mc=simulated(50))
    with pytest.raises(InputError, match=r"200 event\(s\) of the data are given more than once, .* in exp_2011 and exp_2016"):
        inputs.sample(config, hists, {**tables, "exp_2016": tables["exp_2011"]}, account)
    with pytest.raises(InputError, match="no data could be processed: a limit needs events"):
        inputs.sample(config, {"mc": hists["mc"]}, {}, account)


def test_events_outside_the_good_runs_are_warned_of() -> None:
    config = configuration()
    hists, tables, account = made(config, mc=simulated(50))
    account["datasets"]["exp_2011"]["metadata"] |= {"runs": [[110_200, 110_329]], "events_of_runs": 0}
    with pytest.warns(UserWarning, match=r"exp_2011: \d+ events of \d+ run\(s\) that are not in the good run list, first run 1100\d\d"):
        inputs.sample(config, hists, tables, account)


def test_folding_is_the_sum_over_events() -> None:
    """Every event's weight times the spectrum at its energy; the response holds its mean in bins of 1/100 of a decade."""
    events = simulated(60_000)
    spectrum = michel(100.0).at_earth(None)
    folded = fold(sample().simulation["mu"], spectrum, "mu")
    per_gev = spectrum.per_log10_x(np.log10(events["trueE"] / 100.0))[1] / events["trueE"] / np.log(10.0)
    expected = float((events["ow"] * per_gev).sum())
    assert folded.psf.value.sum() == pytest.approx(expected, rel=2e-3)
    assert folded.acceptance.value.sum() == pytest.approx(expected, rel=5e-3)
    assert folded.psf.variance.sum() == pytest.approx(float(((events["ow"] * per_gev) ** 2).sum()), rel=0.02)
    in_window = 10.0 ** events["logE"] < 50.0
    assert folded.psf.value[:, :50].sum() == pytest.approx(float((events["ow"] * per_gev)[in_window].sum()), rel=5e-3)


def test_folding_is_linear_and_knows_flavours() -> None:
    simulation = as_simulation(process(simulated(2000), **FEW))
    one, other = fold(simulation, line(50.0, 0.05), "mu"), fold(simulation, michel(50.0), "mu")
    both = one + other
    assert_allclose(both.psf.value, one.psf.value + other.psf.value)
    assert fold(simulation, michel(50.0), "tau").acceptance.value.sum() == 0.0
    doubled = dataclasses.replace(simulation, response=simulation.response.scaled(2.0))
    assert_allclose(fold(doubled, line(50.0, 0.05), "mu").psf.variance, 4.0 * one.psf.variance)


def test_bins_of_energy_hold_equal_numbers_of_events() -> None:
    counts = sample().counts
    edges = energy_bins(counts, 0, 100, 4)
    of_bins = [counts[:, low:high].sum() for low, high in pairwise(edges)]
    assert (edges[0], edges[-1], len(edges)) == (0, 100, 5)
    assert np.ptp(of_bins) < 0.2 * np.mean(of_bins)
    assert energy_bins(counts, 3, 30, 1).tolist() == [3, 30]
    assert energy_bins(np.zeros((2, 50)), 3, 30, 4).tolist() == [3, 30]
    assert len(energy_bins(counts, 3, 6, 8)) <= 4
