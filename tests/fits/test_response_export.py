"""The exported response explains itself: the lines of the docs, run on the file, give the expectation of the fit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import generated_case
import h5py
import numpy as np
import pytest
import yaml

import run_fit
from configs.errors import InputError
from configs.schema import DiffuseConfig, load_config
from fits.diffuse import prepare_all
from fits.minimise import minimise
from fits.response_export import export_response, response_file
from physics.binning import binning, flat_index
from processors.stage import process
from records.response_file import save_response

DOCS = Path(__file__).parents[2] / "docs" / "diffuse.md"
LIVETIME_S = 227708167.68


def configured(folder: Path, **changes: Any) -> DiffuseConfig:
    """Generated data beside the surrogate."""
    datasets = {
        "data": {"example": {}, "kind": "data", "format": "hese_json", "metadata": {"livetime_s": LIVETIME_S}},
        "mc": {"kind": "mc", "format": "surrogate", "metadata": {"livetime_s": LIVETIME_S}},
    }
    content = {"name": "small", "analysis": "diffuse", "seed": 3, "datasets": datasets, "processor": {"binning": "surrogate"}}
    (folder / "config.yaml").write_text(yaml.safe_dump({**content, "output_dir": str(folder / "out"), "fits": {"main": {}}, **changes}))
    return load_config(folder / "config.yaml")


@pytest.fixture(scope="module")
def processed(tmp_path_factory: pytest.TempPathFactory) -> DiffuseConfig:
    config = configured(tmp_path_factory.mktemp("export"))
    process(config)
    return config


def folded(path: Path, monkeypatch: pytest.MonkeyPatch, norm: float, gamma: float, atmos: float) -> np.ndarray:
    """What the lines of the docs compute, at other values of the parameters."""
    (lines,) = re.findall(r"```python fold.py\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    lines, changed = re.subn(r"norm, gamma, atmos = .*", f"norm, gamma, atmos = {norm!r}, {gamma!r}, {atmos!r}", lines)
    assert changed == 1
    monkeypatch.chdir(path.parent)
    names: dict[str, Any] = {}
    exec(compile(lines, "fold.py", "exec"), names)
    return names["expected"]


def test_the_lines_of_the_docs_give_the_expectation_of_the_fit(processed: DiffuseConfig, tmp_path: Path, monkeypatch) -> None:
    """At the best fit of the surrogate, to 1e-12."""
    from fits.stage import read_processed

    assert run_fit.main([str(processed.source), "--export-response", str(tmp_path / "response.h5")]) == 0
    assert not (processed.output / "results.json").exists()
    hists, account = read_processed(processed)
    nll = prepare_all(processed, hists, account)[1]["main"].nll
    minimum = minimise(nll)
    assert minimum.valid
    expected = folded(tmp_path / "response.h5", monkeypatch, *map(float, minimum.theta))
    np.testing.assert_allclose(expected, nll.model.expected(minimum.theta), rtol=1e-12)
    with h5py.File(tmp_path / "response.h5") as file:
        np.testing.assert_array_equal(file["bins/observed"][...], nll.counts)


@pytest.fixture(scope="module")
def simulated(processed: DiffuseConfig) -> tuple[DiffuseConfig, generated_case.Generated]:
    options = processed.model_copy(update={"processor": processed.processor.model_copy(update={"binning": "official"})})
    return options, generated_case.generated(20_000)


def test_moments_of_simulated_events_fold_as_the_fit_does(simulated, tmp_path: Path, monkeypatch) -> None:
    """Events spread over their nodes, five components; the same lines, far from the reference index."""
    config, case = simulated
    save_response(tmp_path / "response.h5", response_file(config, case.hists, case.account, {}))
    asimov = config.model_copy(update={"fits": {"main": config.fits["main"].model_copy(update={"data": "asimov"})}})
    model = prepare_all(asimov, case.hists, case.account)[1]["main"].whole
    expected = folded(tmp_path / "response.h5", monkeypatch, 6.4, 3.3, 0.9)
    np.testing.assert_allclose(expected, model.expected([6.4, 3.3, 0.9]), rtol=1e-12)


def test_the_file_describes_itself(simulated, tmp_path: Path) -> None:
    config, case = simulated
    for name in ("a.h5", "b.h5"):
        save_response(tmp_path / name, response_file(config, case.hists, case.account, {"git_commit": "abc"}))
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["livetime_s"] == pytest.approx(LIVETIME_S)
        assert (file.attrs["pivot_gev"], file.attrs["reference_index"], file.attrs["git_commit"]) == (1e5, 2.5, "abc")
        assert "c1 = p + (p^3 + 3 p q) h^2 / 32" in file.attrs["how_to_fold"]
        described: list[str] = []
        file.visititems(lambda name, item: described.append(name) if isinstance(item, h5py.Dataset) and item.attrs["meaning"] else None)
        everything: list[str] = []
        file.visititems(lambda name, item: everything.append(name) if isinstance(item, h5py.Dataset) else None)
        assert described == everything
        classes = list(file.attrs["class_names"])
        assert classes == ["nue", "nuebar", "numu", "numubar", "nutau", "nutaubar", "muon"]
        moments = file["moments/kaon"]
        assert moments.shape == (7, 3, 840, len(file["nodes/x"]))
        np.testing.assert_array_equal(moments[classes.index("numu")], case.response.moments["numu", "kaon"])
        np.testing.assert_array_equal(file["pairs/astro,pion"][classes.index("nue")], case.response.pairs["nue", "astro", "pion"])
        low, high = file["nodes/low_gev"][...], file["nodes/high_gev"][...]
        np.testing.assert_allclose(np.log(high / low), file["nodes/width"][...], rtol=1e-9)
        np.testing.assert_allclose(np.log(file["nodes/energy_gev"][...] / 1e5), file["nodes/x"][...], atol=1e-12)
        assert list(file.attrs["area_topology_names"]) == ["cascade", "track", "dcascade", "rejected"]
        assert file["effective_area/area_m2"].shape[-1] == len(file["effective_area/edges_gev"]) - 1


def test_every_bin_names_its_place_in_the_order_of_the_release(processed: DiffuseConfig, tmp_path: Path) -> None:
    path = export_response(processed, tmp_path / "new" / "response.hdf5")
    channels = binning("surrogate")
    with h5py.File(path) as file:
        columns = {name: file[f"bins/{name}"].asstr()[...] if name == "channel" else file[f"bins/{name}"][...] for name in file["bins"]}
    for channel, energy_gev, third, number in zip(
        *(columns[name] for name in ("channel", "energy_low_gev", "third_low", "official_index")), strict=True
    ):
        energy, angle = (int(np.searchsorted(edges, value)) for edges, value in
                         ((channels[channel].energy_edges_gev, energy_gev), (channels[channel].third_edges, third)))  # fmt: skip
        assert flat_index(channels, channel, energy, angle) == number


def test_what_cannot_be_exported_says_so(processed: DiffuseConfig, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"response.csv: the response is written as HDF5; give a file that ends in .h5 or .hdf5"):
        export_response(processed, tmp_path / "response.csv")
    with pytest.raises(InputError, match=r"no histograms to fit .*; run python run_processor.py"):
        export_response(configured(tmp_path), tmp_path / "response.h5")
    iwcd = load_config(DOCS.parents[1] / "configs" / "iwcd_example.yaml")
    with pytest.raises(InputError, match=r"--export-response is for analysis 'diffuse', this is 'iwcd'"):
        export_response(iwcd, tmp_path / "response.h5")
