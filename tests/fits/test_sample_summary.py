"""Summary of a data set by particle: numbers of numpy and scipy, golden numbers of real electrons, and the tables made of results."""

from __future__ import annotations

import csv
from pathlib import Path

import hist
import numpy as np
import pytest
from scipy.stats import spearmanr

from fits.sample_summary import distribution, sample_summary
from records.result_tables import save_result_tables, tables
from records.results import load_results, save_results
from records.summary import rows


def columns(n: int = 200) -> dict[str, np.ndarray]:
    random = np.random.default_rng(4)
    energy = random.uniform(100, 1000, n)
    nhits = np.where(np.arange(n) % 10 == 0, 0, energy + random.normal(0, 50, n)).astype(int)
    return {"particle": np.resize(["e-", "mu-"], n), "energy": energy, "nhits": nhits, "charge": 2.0 * nhits, "selected": nhits > 0}


def test_numbers_are_those_of_numpy_and_scipy() -> None:
    table = columns()
    found = sample_summary("mc", table).particles["mu-"]
    mine = table["particle"] == "mu-"
    energy, nhits = table["energy"][mine], table["nhits"][mine]
    assert (found.n, found.selected, found.zero_hit) == (100, int((nhits > 0).sum()), int((nhits == 0).sum()))
    assert found.nhits.mean == pytest.approx(nhits.mean())
    assert found.nhits.mean_error == pytest.approx(nhits.std(ddof=1) / 10)
    assert found.nhits.quantiles["0.95"] == pytest.approx(np.quantile(nhits, 0.95))
    assert found.pearson_nhits == pytest.approx(np.corrcoef(energy, nhits)[0, 1])
    assert found.spearman_nhits == pytest.approx(spearmanr(energy, nhits).statistic)
    assert found.charge_pe.mean == pytest.approx(2 * found.nhits.mean)
    assert found.pearson_charge == pytest.approx(found.pearson_nhits)


@pytest.mark.public_data
def test_real_electrons(public_data: Path) -> None:
    """Golden check G16."""
    with np.load(public_data / "iwcd/electrons_nhits_energy.npz") as file:
        table = {"energy": file["energy"], "nhits": file["nhits"], "charge": file["nhits"], "particle": np.full(3000, "e-")}
    found = sample_summary("real", table).particles["e-"]
    assert (found.n, found.zero_hit) == (3000, 59)
    assert found.nhits.mean == pytest.approx(1280.661, abs=1e-3)
    assert found.nhits.median == 1108.5
    assert found.pearson_nhits == pytest.approx(0.57624, abs=1e-5)
    assert found.spearman_nhits == pytest.approx(0.55193, abs=1e-5)


def test_cut_flow_and_tables_are_written(tmp_path: Path) -> None:
    flow = hist.Hist(hist.axis.StrCategory(["e-", "mu-"]), hist.axis.StrCategory(["all", "min_hits"]), storage=hist.storage.Int64())
    flow.view()[:] = [[100, 90], [100, 92]]
    summary = sample_summary("mc", columns(), flow)
    assert summary.particles["mu-"].cut_flow == {"all": 100, "min_hits": 92}
    save_results(tmp_path / "results.json", "iwcd", "test", {"events.mc": summary})
    assert load_results(tmp_path / "results.json") == {"events.mc": summary}
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/old.yields.csv").write_text("of a fit that is gone")
    paths = save_result_tables(tmp_path / "tables", {"events.mc": summary})
    assert [path.name for path in paths] == ["events.mc.summary.csv", "events.mc.summary.tex", "events.mc.cutflow.csv", "events.mc.cutflow.tex"]
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == sorted(path.name for path in paths)
    with paths[0].open(newline="") as file:
        read = {row["particle"]: row for row in csv.DictReader(file)}
    assert float(read["e-"]["mean hits"]) == summary.particles["e-"].nhits.mean
    assert "95% charge [p.e.]" in read["e-"]
    with paths[2].open(newline="") as file:
        assert list(csv.DictReader(file))[1] == {"cut": "min_hits", "e-": "90", "mu-": "92"}
    assert any("hits and energy: Pearson" in value for _, value, _ in rows(summary))


def test_no_events_and_no_spread_have_no_numbers() -> None:
    assert np.isnan(distribution(np.array([np.nan])).mean)
    single = sample_summary("mc", {name: values[:1] for name, values in columns().items()}).particles["e-"]
    assert np.isnan(single.pearson_nhits)
    assert np.isnan(single.nhits.mean_error)
    assert tables(object()) == {}
