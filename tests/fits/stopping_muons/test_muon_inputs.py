"""Roles of data sets, exposure, and what is refused: histograms that do not fit the configuration, weights in another unit, missing sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from muon_hists import configuration, run_hists

from configs.errors import InputError
from fits.stopping_muons.inputs import ALL, Inputs
from fits.stopping_muons.measurement import livetime_of, measurement
from fits.stopping_muons.targets import ENERGY, RANGE

DATA = {"is_sim": False}


def inputs(folder: Path, **sections) -> Inputs:
    hists, account = run_hists()
    return Inputs(configuration(folder, hists, **sections), hists, account)


def without(found: Inputs, **changes) -> Inputs:
    """The same with other accounts or histograms."""
    return Inputs(found.config, changes.get("hists", found.hists), changes.get("account", found.account))


def scaled(found: Inputs, dataset: str, factor: float, names: str = "") -> Inputs:
    hists = {name: dict(one) for name, one in found.hists.items()}
    hists[dataset] = {name: one * factor if names in name else one for name, one in hists[dataset].items()}
    return without(found, hists=hists)


def test_roles(tmp_path: Path) -> None:
    found = inputs(tmp_path)
    assert (found.nominal, found.level0, found.data) == ("mc_l2", "mc_l0", ["data_l2"])
    assert found.systematic == {"ice_abs": [(0.95, "ice_abs_0.95"), (1.05, "ice_abs_1.05")]}


def test_flow_of_truth_is_kept_and_sectors_add_up(tmp_path: Path) -> None:
    found = inputs(tmp_path)
    whole = found.cells("mc_l2", "response_range", sector=ALL)
    parts = [found.cells("mc_l2", "response_range", sector=name) for name in ("upper", "lower")]
    assert whole.W.shape[1] == 12
    inside = sum(part.W for part in parts)
    assert np.all(inside <= whole.W * (1 + 1e-9))
    assert inside.sum() / whole.W.sum() > 0.95  # some reconstructed stops lie outside both


def test_rates_of_a_part_are_those_of_the_whole(tmp_path: Path) -> None:
    """Half of the files lost: half of the weights, the same flux."""
    found = inputs(tmp_path, unfolding=DATA)
    halved = scaled(found, "mc_l2", 0.5)
    sets = {**found.account["datasets"], "mc_l2": {**found.account["datasets"]["mc_l2"], "fraction": 0.5}}
    partial = without(halved, account={**found.account, "datasets": sets})
    assert np.allclose(
        partial.cells("mc_l2", "aeff_num_range", sector=ALL, replica=0).W, found.cells("mc_l2", "aeff_num_range", sector=ALL, replica=0).W
    )


def test_livetime_of_a_part_of_the_data(tmp_path: Path) -> None:
    found = inputs(tmp_path, unfolding=DATA)
    sets = {**found.account["datasets"], "data_l2": {**found.account["datasets"]["data_l2"], "fraction": 0.25}}
    assert livetime_of(found) == 2.0
    assert livetime_of(without(found, account={**found.account, "datasets": sets})) == 0.5


@pytest.mark.parametrize("factor", [1e-11, 1e5])
def test_weights_in_another_unit(tmp_path: Path, factor: float) -> None:
    with pytest.raises(InputError, match=r"mc_l2: the weights GaisserToy .* add up to .*; Hz expected"):
        measurement(scaled(inputs(tmp_path), "mc_l2", factor, "response"), RANGE)


def test_missing_histogram_axis_and_set(tmp_path: Path) -> None:
    found = inputs(tmp_path)
    with pytest.raises(InputError, match=r"no histogram respons_range.*did you mean 'response_range'"):
        found.hist("mc_l2", "respons_range")
    with pytest.raises(InputError, match=r"axis sector has no bin 'middle' \(found all, upper, lower\)"):
        found.cells("mc_l2", "response_range", sector="middle")
    alone = found.config.model_copy(update={"datasets": {"mc_l2": found.config.datasets["mc_l2"]}})
    with pytest.raises(InputError, match="needs untriggered MC"):
        _ = Inputs(alone, found.hists, found.account).level0
    twice = {**found.config.datasets, "mc_more": found.config.datasets["mc_l2"]}
    with pytest.raises(InputError, match="nominal simulation at level 2: found mc_l2, mc_more; give their paths in one entry"):
        _ = Inputs(found.config.model_copy(update={"datasets": twice}), found.hists, found.account).nominal


def test_data_without_livetime_or_events(tmp_path: Path) -> None:
    found = inputs(tmp_path, unfolding=DATA)
    sets = {**found.account["datasets"], "data_l2": {**found.account["datasets"]["data_l2"], "livetime_s": None}}
    with pytest.raises(InputError, match="data set data_l2 of type data has no livetime"):
        measurement(without(found, account={**found.account, "datasets": sets}), ENERGY)
    with pytest.raises(InputError, match=r"energy, sector all: no event of data \(data_l2\) is selected"):
        measurement(scaled(found, "data_l2", 0), ENERGY)


def test_empty_truth_bin_is_named_with_its_column(tmp_path: Path) -> None:
    found = inputs(tmp_path)
    response = found.hists["mc_l2"]["response_range"].copy()
    response.view(flow=True)["value"][:, :, 4] = 0.0  # under- and three bins before
    hists = {**found.hists, "mc_l2": {**found.hists["mc_l2"], "response_range": response}}
    with pytest.raises(
        InputError, match=r"label ToyLabels.propagation_length of data set mc_l2\): no simulated event in truth bin 3 \[2378.64, 2714.77\)"
    ):
        measurement(without(found, hists=hists), RANGE)


def test_too_few_proxy_bins(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"range: .* proxy bins are populated, fewer than 12 truth bins"):
        measurement(inputs(tmp_path, options={"min_expected": 2000.0}), RANGE)
