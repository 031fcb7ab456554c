"""Files of events -> doors -> results: signal that was put into the files is found, blindness is kept, everything is written."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from dark_matter_campaign import shared

import run_analysis
import run_fit
import run_processor
from configs.errors import InputError
from data_info.dwarf_galaxies import select
from fits.dark_matter.reference_campaign import reference_results
from physics.annihilation_spectra import line
from physics.oscillation import mixing
from records.arrays import load_arrays
from records.manifest import load_manifest
from records.results import load_results
from records.tables import load_tables
from records.trials import load_trials
from simulation import dark_matter

INJECTED, LOW, HIGH = 150, 34, 83
CONFIG = """
name: injected
analysis: dark_matter
output_dir: {folder}/outputs
datasets:
  exp_2011: {{kind: data, season: 2011, files: [exp_2011.npy], grl: grl_2011.npy}}
  exp_2012: {{kind: data, season: 2012, files: [exp_2012.npy], grl: grl_2012.npy}}
  mc: {{kind: mc, files: [mc.npy]}}
processor:
  blind: {blind}
  psi_edges_deg: [0, 5, 10, 15, 20, 25, 30, 40, 50, 70, 100, 180]  # fewer than by default: histograms are written and read in a fraction of the time
fits:
  main:
    channels: {{Nu: [50]}}
    pdf: {{grid: [60, 120]}}
    likelihood: {{max_info_loss: 0.02}}
    trials: {{background: 1000, per_limit_point: 300, signal_per_point: 400, points: 7}}
    statistics: {{target_error: 0.1, discovery_sigma: [3]}}
    j_nuisance: none
    workspaces: {workspaces}
    pyhf_limits: {workspaces}
executor: {{kind: iterative}}
"""


def weights(events: np.ndarray) -> np.ndarray:
    """ow dN/dE of lines at 50 GeV, of events that are reconstructed in the window."""
    spectrum = line(50.0, 0.05).at_earth(mixing("nufit60_no"))
    per_gev = spectrum.per_log10_x(np.log10(events["trueE"] / 50.0))[1] / events["trueE"]
    energy = 10.0 ** events["logE"]
    return events["ow"] * per_gev * ((energy >= LOW) & (energy < HIGH))


def write_events(folder: Path, injected: int, size: int = 5000, simulated: int = 30_000, seed: int = 5) -> None:
    """Two seasons of data, half of the signal in each, shares as the J factors; simulation."""
    generator = np.random.default_rng(seed)
    signal = dark_matter.simulation(60_000, generator)
    sources = select()
    strength = 10.0 ** np.array([source.j.log10 for source in sources])
    ra, dec = (np.array([getattr(source.galaxy, key) for source in sources]) for key in ("ra_rad", "dec_rad"))
    for season in (2011, 2012):
        background = dark_matter.data(season, size, generator)
        events = dark_matter.inject(background, signal, weights(signal), (ra, dec, strength / strength.sum()), injected // 2, generator)
        np.save(folder / f"exp_{season}.npy", events)
        np.save(folder / f"grl_{season}.npy", dark_matter.good_runs(season, events))
    np.save(folder / "mc.npy", dark_matter.simulation(simulated, generator))


def write_config(folder: Path, *, blind: bool, workspaces: bool = False) -> Path:
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(folder=folder, blind=str(blind).lower(), workspaces=str(workspaces).lower()))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with events that hold a signal, processed and fitted with the data unblinded."""
    folder = tmp_path_factory.mktemp("injected")
    write_events(folder, INJECTED)
    config = write_config(folder, blind=False, workspaces=True)
    assert run_processor.main([str(config), "--unblind"]) == 0
    assert run_fit.main([str(config)]) == 0
    return folder


def test_injected_signal_is_found(folder: Path) -> None:
    """Through files, reader, processor, histograms and fit: the number within errors, and a significance of five or so."""
    found = load_results(folder / "outputs/injected/results.json")["main.Nu_50"]
    assert found.observation.n_hat == pytest.approx(INJECTED, abs=3.5 * found.sigma_n)
    assert found.observation.significance > 2.5
    assert found.limit.n_up > found.observation.n_hat
    assert not found.blind


def test_everything_is_written(folder: Path) -> None:
    output = folder / "outputs/injected"
    found = load_results(output / "results.json")["main.Nu_50"]
    with (output / "limits.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["channel"], row["mass"], row["unit"], row["j_nuisance"]) == ("Nu", "50", "cm^3 s^-1", "none")
    for column, value in (
        ("n_hat", found.observation.n_hat),
        ("sv_up", found.limit.up),
        ("sv_m2", found.limit.band["-2"]),
        ("TS", found.observation.ts),
    ):
        assert float(row[column]) == value
    groups, _ = load_trials(output / "trials/main/Nu_50.h5")
    assert len(groups["bkg/Nu/50"].ts) == 1000
    assert groups["bkg/Nu/50"].about["digest"] == found.config_hash
    arrays = load_arrays(output / "pdfs.h5", "main.Nu_50")
    assert arrays["source_share"].sum() == pytest.approx(1.0)
    assert arrays["ratio_counts"].sum() == found.n_events
    assert arrays["stack"].sum() == pytest.approx(1.0, rel=1e-5)
    pytest.importorskip("pyhf")
    assert json.loads((output / "workspaces/main/Nu_50.json").read_text())["channels"][0]["name"] == "stack"
    assert float(row["sv_up_pyhf"]) == found.pyhf_limit.up == pytest.approx(found.asymptotic_limit.up, rel=0.02)
    assert float(row["sv_med_pyhf"]) == pytest.approx(found.asymptotic_limit.band["0"], rel=0.05)


def test_table_on_the_terminal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_fit.main([str(folder / "config.yaml")]) == 0
    shown = capsys.readouterr().out
    for text in ("main.Nu_50", "34-83 GeV", "sensitivity", "cm^3 s^-1", "discovery, 3 sigma", "limit, 90% cls"):
        assert text in shown


def test_unblinding_needs_configuration_and_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = write_config(tmp_path, blind=False)
    for door in (run_processor, run_analysis):
        assert door.main([str(config)]) == 1
        assert "processor.blind: false would show where the events of exp_2011 come from; add --unblind" in capsys.readouterr().err
    assert not (tmp_path / "outputs").exists()


def test_unblinding_is_recorded(folder: Path) -> None:
    manifest = load_manifest(folder / "outputs/injected")
    assert manifest["stages"]["process"]["unblind"] is True
    assert manifest["config"]["processor"]["blind"] is False


def test_generated_data_need_no_permission(tmp_path: Path) -> None:
    config = Path(__file__).parents[2] / "configs/dark_matter_example.yaml"
    parsed = run_processor.command_line.parser("", inputs=True).parse_args([str(config), "--set", "processor.blind=false"])
    assert run_processor.command_line.read_config(parsed).processor.blind is False


def test_blind_results_hold_no_observation(tmp_path: Path) -> None:
    """The same files, blind: no fit of the data is reported, and the right ascensions behind the numbers are not the true ones."""
    write_events(tmp_path, INJECTED, size=1500, simulated=10_000)
    config = write_config(tmp_path, blind=True)
    assert run_processor.main([str(config)]) == 0
    assert run_fit.main([str(config)]) == 0
    found = load_results(tmp_path / "outputs/injected/results.json")["main.Nu_50"]
    assert found.observation is None
    assert math.isnan(found.limit.n_up)
    for season in (2011, 2012):
        kept = load_tables(tmp_path / "outputs/injected")[f"exp_{season}"]["events"]
        assert not np.isin(kept["ra"], np.load(tmp_path / f"exp_{season}.npy")["ra"]).any()


def test_reference_likelihood_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its trials and nothing that could be taken for a limit; the simulation has to be counted without weights first."""
    write_events(tmp_path, 0, size=1500, simulated=10_000)
    config = write_config(tmp_path, blind=True)
    text = config.read_text().replace("max_info_loss: 0.02", "type: reference")
    assert run_processor.main([str(config)]) == 0
    config.write_text(text)
    for door in (run_processor, run_fit):
        assert door.main([str(config)]) == 1
        assert "fits.main.likelihood.type: reference needs simulated events without weights: processor.reference: true" in capsys.readouterr().err
    config.write_text(text.replace("blind: true", "blind: true\n  reference: true"))
    assert run_processor.main([str(config)]) == 0
    assert run_fit.main([str(config)]) == 0
    shown = capsys.readouterr().out
    assert "for validation alone: not a result" in shown
    found = load_results(tmp_path / "outputs/injected/results.json")["main.Nu_50"]
    assert (found.n_trials, found.n_events, found.window_gev) == (1000, 1000, (34, 83))
    assert 0.0 <= found.ts_median <= found.ts_mean < found.ts_90
    assert 1.0 <= found.sensitivity_n < 1000.0
    with (tmp_path / "outputs/injected/limits.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == []
    assert not (tmp_path / "outputs/injected/trials").exists()


def test_reference_likelihood_knows_no_decay() -> None:
    common = shared(mode="decay", likelihood={"type": "reference"}, channels={"Nu": [50]})
    with pytest.raises(InputError, match="Nu at 50 GeV: likelihood.type: reference is for annihilations, as the published program"):
        reference_results(common)


@pytest.mark.slow
def test_injected_signal_is_found_in_many_samples(tmp_path: Path) -> None:
    """Twelve samples of files through the whole chain: the mean within four of its errors."""
    numbers, sigma = [], 0.0
    for seed in range(12):
        place = tmp_path / str(seed)
        place.mkdir()
        write_events(place, INJECTED, seed=100 + seed)
        config = write_config(place, blind=False)
        assert run_processor.main([str(config), "--unblind"]) == 0
        assert run_fit.main([str(config)]) == 0
        found = load_results(place / "outputs/injected/results.json")["main.Nu_50"]
        numbers.append(found.observation.n_hat)
        sigma = found.sigma_n
    assert np.mean(numbers) == pytest.approx(INJECTED, abs=4.0 * sigma / math.sqrt(12))
