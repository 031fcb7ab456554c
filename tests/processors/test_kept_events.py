"""The table of selected data events: the same rows as the histograms count, whatever the chunks, with their places in the input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from diffuse_events import as_events

from configs.diffuse import Processor
from configs.errors import InputError
from configs.schema import load_config
from physics.binning import binning, to_official_order
from processors import kept_events
from processors.diffuse import DiffuseProcessor
from processors.stage import process
from records.tables import concatenate, load_table, table_path

COLUMNS = ["file", "entry", "channel", "energy_gev", "coszen", "length_m", "bin"]


def sample(size: int = 300) -> dict[str, np.ndarray]:
    """Data in the release's columns, some of them below the selection and some above the last edge."""
    random = np.random.default_rng(5)
    morphology = random.integers(0, 3, size)
    return {
        "recoDepositedEnergy": 10.0 ** random.uniform(4.5, 6.9, size),
        "recoZenith": np.arccos(random.uniform(-1.0, 1.0, size)),
        "recoMorphology": morphology,
        "recoLength": np.where(morphology == 2, 10.0 ** random.uniform(0.5, 3.2, size), np.nan),
    }


def kept(columns: dict[str, np.ndarray], start: int = 0, **options):
    return DiffuseProcessor(Processor.model_validate(options)).process(as_events(columns, "data", entrystart=start))


def test_the_rows_are_the_events_that_the_histograms_count() -> None:
    found, columns = kept(sample()), sample()
    table = found["events"]
    assert list(table.columns) == COLUMNS
    channels = binning("official")
    counts = to_official_order(channels, {name: found[f"data_{name}"].view(flow=False) for name in channels})
    np.testing.assert_array_equal(np.bincount(table["bin"], minlength=840), counts)
    assert (np.diff(table["entry"]) > 0).all()
    np.testing.assert_array_equal(table["energy_gev"], columns["recoDepositedEnergy"][table["entry"]])
    np.testing.assert_array_equal(table["coszen"], np.cos(columns["recoZenith"])[table["entry"]])
    np.testing.assert_array_equal(table["length_m"], columns["recoLength"][table["entry"]])
    assert set(table["file"]) == {"events.json"}


@pytest.mark.parametrize("cut", [1, 17, 299])
def test_chunks_make_no_difference(cut: int) -> None:
    columns = sample()
    parts = [
        kept({name: values[where] for name, values in columns.items()}, start)["events"]
        for where, start in ((slice(cut), 0), (slice(cut, None), cut))
    ]
    assert concatenate(parts) == kept(columns)["events"]


def test_events_in_no_bin_are_not_kept() -> None:
    """A binning that ends at 100 TeV: what lies above is selected, and in no bin."""
    found = kept(sample(), binning={"energy_gev": [6e4, 8e4, 1e5], "coszen": [-1, 0, 1]})
    assert len(found["events"]) == found["cutflow"]["in_bins"] < found["cutflow"]["channel"]
    assert found["events"]["energy_gev"].max() <= 1e5


def test_the_table_can_be_left_out_and_has_an_end(monkeypatch) -> None:
    assert "events" not in kept(sample(), keep_events=False)
    assert "events" not in DiffuseProcessor().axes()
    monkeypatch.setattr(kept_events, "MOST_EVENTS", 20)
    message = r"selected data events, more than the 20 that are kept one by one; set processor.keep_events: false"
    with pytest.raises(InputError, match=rf"events.json: \d+ {message}"):
        kept(sample())
    few = DiffuseProcessor()
    chunks = [few.process(as_events({name: values[i : i + 20] for name, values in sample().items()}, "data")) for i in range(0, 60, 20)]
    total = {name: sum(chunk[name] for chunk in chunks[1:]) + chunks[0][name] for name in chunks[0] if name != "events"}
    with pytest.raises(InputError, match=rf"all files together: \d+ {message}"):
        few.postprocess(total)


@pytest.mark.public_data
def test_the_public_events_keep_their_places_in_the_file(public_data: Path, tmp_path: Path) -> None:
    """60 rows whatever the executor and the chunks; the double cascades in the flat bins 475 and 463 of the release (G1)."""
    tables = []
    for number, words in enumerate((["executor.kind=iterative"], ["executor.kind=futures", "executor.workers=2", "executor.chunksize=7"])):
        overrides = [f"output_dir={tmp_path / str(number)}", "processor={binning: official}", *words]
        config = load_config(Path("configs/diffuse_example.yaml"), overrides)
        data = config.datasets["data"].model_copy(update={"example": None, "files": [str(public_data / "hese" / "HESE_data.json")]})
        process(config.model_copy(update={"datasets": {"data": data}}))
        tables.append(load_table(table_path(config.output, "data", "events")))
    table, other = tables
    assert table == other
    assert len(table) == 60
    events = json.loads((public_data / "hese" / "HESE_data.json").read_text())
    assert table["energy_gev"].tolist() == [events["recoDepositedEnergy"][i] for i in table["entry"]]
    double = table.select(table["channel"] == "dcascade")
    assert sorted(zip(double["energy_gev"].tolist(), double["bin"].tolist(), strict=True)) == [(88021.875, 463), (1799984.125, 475)]
    np.testing.assert_allclose(sorted(double["length_m"]), [16.2374, 16.6021], rtol=1e-5)
