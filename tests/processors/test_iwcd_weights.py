"""Events with weights: histograms with sums of weights and of their squares; unit weights change no value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import hist
import numpy as np
import pytest
from iwcd_case import made, processed, read, written

from configs.errors import InputError
from configs.iwcd import Processor
from configs.schema import load_config
from processors.iwcd import IwcdProcessor
from processors.registry import build

COUNTS = (0, 400, 3, 0, 1, 1200, 770, 0, 35, 90)
NUMBERS_OF_EVENTS = {"cutflow", "problems"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = written(tmp_path / "events.h5", made(COUNTS))
    with h5py.File(file, "r+") as opened:
        opened["one"] = np.ones(len(COUNTS), "f4")
        opened["flux"] = np.linspace(0.2, 3.0, len(COUNTS))[:, None]  # (N, 1), as energies are
        opened["text"] = ["a"] * len(COUNTS)
    return file


def weighted(path: Path, column: str | None, **options: Any) -> dict[str, Any]:
    return processed(path, IwcdProcessor(Processor(**options), weight=column))


def hists(found: dict[str, Any]) -> dict[str, hist.Hist]:
    return {name: one for name, one in found.items() if isinstance(one, hist.Hist) and name not in NUMBERS_OF_EVENTS}


def test_unit_weights_change_no_value(path: Path) -> None:
    plain, unit = weighted(path, None), weighted(path, "one")
    assert hists(plain).keys() == hists(unit).keys()
    for name, one in hists(unit).items():
        assert one.storage_type is hist.storage.Weight, name
        np.testing.assert_array_equal(one.values(flow=True), plain[name].values(flow=True), err_msg=name)
        if plain[name].storage_type is hist.storage.Int64:
            np.testing.assert_array_equal(one.variances(flow=True), one.values(flow=True), err_msg=name)
    np.testing.assert_allclose(unit["hit_angle"].variances(flow=True), plain["hit_angle"].variances(flow=True), rtol=1e-5, atol=1e-4)
    for name in NUMBERS_OF_EVENTS:
        assert unit[name] == plain[name]
    assert unit["events"]["weight"].tolist() == [1.0] * len(COUNTS)
    assert "weight" not in plain["events"].columns


def test_values_scale_with_the_weights_and_variances_with_their_squares(path: Path, tmp_path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["flux_thrice"] = 3 * file["flux"][...]
    once, thrice = hists(weighted(path, "flux")), hists(weighted(path, "flux_thrice"))
    for name, one in once.items():
        np.testing.assert_allclose(thrice[name].values(flow=True), 3 * one.values(flow=True), rtol=1e-12, err_msg=name)
        np.testing.assert_allclose(thrice[name].variances(flow=True), 9 * one.variances(flow=True), rtol=1e-12, err_msg=name)


def test_each_event_and_each_of_its_hits_counts_with_its_weight(path: Path) -> None:
    found = weighted(path, "flux")
    table = found["events"]
    flux = np.linspace(0.2, 3.0, len(COUNTS))
    np.testing.assert_allclose(table["weight"], flux)
    kept = table["selected"]
    assert kept.sum() < len(kept)  # those without hits are not selected
    for name in ("energy", "nhits_evis", "vertex", "feat_beta1"):
        assert found[name].sum(flow=True).value == pytest.approx(flux[kept].sum()), name
        assert found[name].sum(flow=True).variance == pytest.approx(np.square(flux[kept]).sum()), name
    assert found["zero_hits"].sum(flow=True).value == pytest.approx(flux.sum())
    for name in ("hit_charge", "hit_time", "hit_residual", "occupancy", "place"):
        assert found[name].sum(flow=True).value == pytest.approx((flux * COUNTS).sum()), name
        assert found[name].sum(flow=True).variance == pytest.approx((flux**2 * COUNTS).sum()), name
    for name in ("occupancy_charge", "place_charge", "hit_angle"):
        assert found[name].sum(flow=True).value == pytest.approx((flux * table["charge"]).sum(), rel=1e-5), name
    assert found["cutflow"][:, "all"].values().sum() == len(COUNTS)


def test_parts_add_up(path: Path) -> None:
    processor = IwcdProcessor(Processor(time_zero="none"), weight="flux")
    whole = hists(processor.process(read(path)))
    parts = [hists(processor.process(read(path, *ends))) for ends in ((0, 4), (4, 6), (6, len(COUNTS)))]
    for name, one in whole.items():
        total = sum(part[name].view(flow=True)["value"] for part in parts)
        np.testing.assert_allclose(total, one.values(flow=True), rtol=1e-12, err_msg=name)


def test_selection_by_weight(path: Path) -> None:
    found = weighted(path, "flux", selection={"min_hits": -1, "expression": "weight > 1"})
    assert found["events"]["selected"].sum() == np.count_nonzero(np.linspace(0.2, 3.0, len(COUNTS)) > 1)
    with pytest.raises(InputError, match="no event column 'weight'"):
        weighted(path, None, selection={"expression": "weight > 1"})


def test_weights_that_are_none(path: Path) -> None:
    with pytest.raises(InputError, match="missing columns: 'fluxx'; did you mean 'flux'"):
        weighted(path, "fluxx")
    with pytest.raises(InputError, match=r"metadata\.weight: column 'text' holds 10 \* string, not one number for each event"):
        weighted(path, "text")


def test_weights_that_are_not_finite(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["flux"][3] = np.nan
    with pytest.raises(InputError, match="weight: 1 non-finite values, first in event 3"):
        weighted(path, "flux")
    assert weighted(path, "flux", on_nan="drop")["events"]["row"].tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_the_column_of_a_data_set_reaches_its_processor(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "{name: a, analysis: iwcd, datasets: {mc: {files: [a.h5], kind: mc, metadata: {weight: flux}}, data: {files: [b.h5], kind: data}}}"
    )
    config = load_config(tmp_path / "a.yaml")
    assert [build(config, name).processor.weight for name in ("mc", "data")] == ["flux", None]
