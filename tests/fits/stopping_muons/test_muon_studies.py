"""Sectors and studies of reconstructions through the stage, with the sample that the preparation leaves."""

from __future__ import annotations

from pathlib import Path

import hist
import numpy as np
import pytest
from muon_hists import configuration, measured_data, run_hists, simulated

from configs.errors import InputError
from configs.schema import StoppingMuonsConfig
from fits.stopping_muons.stage import fit_all
from processors.stopping_muons_preparation import FILE, Preparation

SECTORS = {"data_based_systematics_range": True, "sectors": {"upper": {"stop_z_reco": (0.0, 500.0)}, "lower": {"stop_z_reco": (-500.0, 0.0)}}}
UNFOLDING = {"reg_range": 1e-4, "unfold_energy": False, "is_sim": False}
NO_ENERGY = {"calculate_effective_area_energy": False}


def prepared(config: StoppingMuonsConfig) -> StoppingMuonsConfig:
    """With a sample of selected events beside the results."""
    events = simulated(1, 600_000)
    chosen = np.random.default_rng(1).permutation(len(events["weight"]))[:2000]
    columns = {
        "energy_entry_reco": events["entry"], "energy_surface_proxy": events["surface"], "propagation_length_reco": events["length_reco"],
        "cos_zenith_reco": events["cos_reco"], "stop_z_reco": events["z_reco"], "stopping_score": events["score"],
        "propagation_length": events["length"], "surface_energy": events["energy"],
    }  # fmt: skip
    sample = {name: values[chosen] for name, values in columns.items()}
    config.output.mkdir(parents=True, exist_ok=True)
    Preparation("0", {}, {}, {}, sample, len(chosen), 0, 2890.0, (1.0, 1.0), {}).save(config.output)
    assert (config.output / FILE).is_file()
    return config


def test_sectors_agree_and_their_spread_is_a_source(tmp_path: Path) -> None:
    """One detector for both halves: chi-square of two sectors against the whole about 1 by bin, no large spread."""
    hists, account = run_hists()
    config = prepared(configuration(tmp_path, hists, unfolding=UNFOLDING, systematics=SECTORS, effective_area=NO_ENERGY))
    results = fit_all(config, hists, account)
    compared, flux = results["sectors.range"], results["flux.range"]
    assert compared.overlap == 0
    assert np.isnan(compared.flux["lower"][0])  # from below the centre of the detector to the surface it is 1950 m at least, the bin ends at 1826 m
    assert np.isfinite(compared.flux["upper"]).all()
    assert np.isnan(compared.chi2[0])
    assert np.nanmean(compared.chi2) < 4
    assert np.median(np.array(compared.systematic) / flux.flux) < 0.1
    assert np.allclose(np.sqrt(np.diag(np.array(flux.covariances["data_based"]))), compared.systematic)
    assert "data_based" not in results["flux.range.map"].covariances
    for name in ("upper", "lower"):
        ratio = np.array(compared.flux[name]) / results["flux.range.map"].flux
        assert np.nanmax(np.abs(ratio - 1) / (np.array(compared.statistical[name]) / flux.flux)) < 5


def test_sectors_that_overlap_are_refused(tmp_path: Path) -> None:
    hists, account = run_hists()
    systematics = {**SECTORS, "sectors": {"upper": {"stop_z_reco": (-100.0, 500.0)}, "lower": {"stop_z_reco": (-500.0, 0.0)}}}
    config = prepared(configuration(tmp_path, hists, unfolding=UNFOLDING, systematics=systematics, effective_area=NO_ENERGY))
    with pytest.raises(InputError, match=r"sectors upper and lower overlap: overlap fraction 0\.\d+"):
        fit_all(config, hists, account)


def test_studies_as_asked(tmp_path: Path) -> None:
    """Mutual information of the sample, agreement of data and simulation: the same generator, so chi-square is about its number of bins."""
    hists, account = run_hists()
    axis = hist.axis.Regular(40, 1.5, 4.0, name="value")
    events, data = simulated(1, 600_000), measured_data(2.0)
    observed = {
        "mc_l2": hist.Hist(axis, storage="weight").fill(np.log10(events["entry"]), weight=events["weight"]),
        "data_l2": hist.Hist(axis, storage="int64").fill(np.log10(data["entry"])),
    }
    more = {name: {**one, **({"datamc_energy_entry_reco": observed[name]} if name in observed else {})} for name, one in hists.items()}
    wanted = {"plot_data_mc_agreement": True, "analyse_mi_scores": True}
    unfolding = {"unfold_range": False, "unfold_energy": False, "is_sim": False}
    config = prepared(configuration(tmp_path, hists, unfolding=unfolding, reconstructions=wanted, effective_area=NO_ENERGY))
    results = fit_all(config, more, account)
    agreement = results["data_mc.energy_entry_reco"]
    assert agreement.p_value > 1e-3
    assert agreement.rate_data_hz == pytest.approx(agreement.rate_mc_hz, rel=0.08)
    nats = results["mutual_information"].nats
    assert nats["range"]["propagation_length_reco"] > 1.5 > 0.3 > nats["range"]["stopping_score"]
    assert not [name for name in results if name.startswith(("score", "multiplicity", "correlation", "flux"))]
