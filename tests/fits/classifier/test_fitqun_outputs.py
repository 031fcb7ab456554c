"""fiTQun beside networks: its discriminants are the logarithms of the ratios of the probabilities that the analysis reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import uproot
from scipy.stats import norm, rankdata

from configs.errors import InputError
from configs.schema import load_config
from fits.classifier.fitqun import fitqun_outputs
from fits.classifier.roc import logit_score
from fits.iwcd import fit_all
from readers.fitqun import FitqunFits
from records.tables import Table, save_table, table_path

LABELS = {0: "gamma", 1: "e-", 2: "mu-", 3: "pi0"}
CLASSES = ["gamma", "e-", "mu-", "pi0"]


def made(n: int = 40, spread: float = 5.0, seed: int = 1) -> tuple[FitqunFits, dict[str, np.ndarray]]:
    """Events of four particles in four files and their fits in another order."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(4), n // 4)
    files, entries = np.array([f"sim_{code}" for code in label]), np.tile(np.arange(n // 4), 4)
    nll = {name: rng.normal(100, spread, n) for name in ("e-", "mu-", "pi0")}
    for name, code in (("e-", 1), ("mu-", 2), ("pi0", 3)):
        nll[name] -= 2 * spread * (label == code)
    order = rng.permutation(n)
    fits = FitqunFits((Path("f.root"),), files[order], entries[order], {name: one[order] for name, one in nll.items()}, rng.uniform(0, 150, n)[order])
    return fits, {"root_file": np.array([f"{name}.root" for name in files]), "event_id": entries, "label": label, "row": np.arange(n)}


def of_events(fits: FitqunFits, events: dict[str, np.ndarray], name: str) -> np.ndarray:
    """-ln L in the order of the events."""
    rows = {key: row for row, key in enumerate(zip(fits.source.tolist(), fits.entry.tolist(), strict=True))}
    return fits.nll[name][[rows[str(file)[:-5], int(entry)] for file, entry in zip(events["root_file"], events["event_id"], strict=True)]]


def test_discriminants_are_those_of_fitqun() -> None:
    fits, events = made()
    outputs, _ = fitqun_outputs(fits, events, LABELS, CLASSES)
    assert outputs.indices.tolist() == list(range(40))
    assert outputs.labels.tolist() == events["label"].tolist()
    electron, muon, pi0 = (of_events(fits, events, name) for name in ("e-", "mu-", "pi0"))
    np.testing.assert_allclose(logit_score(outputs.softmax, [1], [2]), muon - electron, rtol=1e-9)
    np.testing.assert_allclose(logit_score(outputs.softmax, [1], [3]), pi0 - electron, rtol=1e-9)
    np.testing.assert_array_equal(logit_score(outputs.softmax, [1], [0]), 0.0)  # no fit of a photon
    assert set(outputs.predictions) <= {1, 2, 3}


def test_the_mass_moves_the_discriminant_of_pi0() -> None:
    fits, events = made()
    plain, moved = (fitqun_outputs(fits, events, LABELS, CLASSES, f)[0] for f in (0.0, -0.85))
    rows = {key: row for row, key in enumerate(zip(fits.source.tolist(), fits.entry.tolist(), strict=True))}
    mass = fits.pi0_mass_mev[[rows[str(file)[:-5], int(entry)] for file, entry in zip(events["root_file"], events["event_id"], strict=True)]]
    change = logit_score(moved.softmax, [1], [3]) - logit_score(plain.softmax, [1], [3])
    np.testing.assert_allclose(change, -0.85 * mass, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(logit_score(moved.softmax, [1], [2]), logit_score(plain.softmax, [1], [2]), rtol=1e-6, atol=1e-9)


def test_large_differences_keep_their_order() -> None:
    fits, events = made(spread=3000.0)
    outputs, _ = fitqun_outputs(fits, events, LABELS, CLASSES)
    expected = of_events(fits, events, "mu-") - of_events(fits, events, "e-")
    np.testing.assert_array_equal(rankdata(logit_score(outputs.softmax, [1], [2])), rankdata(expected))


def test_events_without_a_fit_are_left_out_and_counted() -> None:
    fits, events = made()
    fits.nll["e-"][3] = np.nan
    partial = replace(fits, source=np.where(np.arange(40) == 5, "elsewhere", fits.source))
    outputs, notes = fitqun_outputs(partial, events, LABELS, ["e-", "mu-"])
    lost = [int(np.flatnonzero((events["root_file"] == f"{fits.source[row]}.root") & (events["event_id"] == fits.entry[row]))[0]) for row in (3, 5)]
    kept = [row for row in range(10, 30) if row not in lost]
    assert outputs.indices.tolist() == kept
    assert notes[0] == "2 of 40 events have no fit of fiTQun and are left out"


def test_wrong_pairings_are_refused() -> None:
    fits, events = made()
    with pytest.raises(
        InputError, match=r"no event has a fit: files of the events are other_0, other_1, other_10, of the fits sim_\d, entry \d; give fits of them"
    ):
        fitqun_outputs(fits, {**events, "root_file": np.array([f"other_{i}.root" for i in range(40)])}, LABELS, CLASSES)
    with pytest.raises(InputError, match=r"the event table: entry \d of sim stands there more than once"):
        fitqun_outputs(fits, {**events, "root_file": np.full(40, "sim.root")}, LABELS, CLASSES)
    with pytest.raises(InputError, match="fiTQun has no hypothesis for 'pi-'"):
        fitqun_outputs(fits, events, LABELS, ["e-", "pi-"])
    with pytest.raises(InputError, match="no event has a fit: files of the events are sim_0, sim_1, sim_2, of the fits none; give fits of them"):
        fitqun_outputs(empty(), events, LABELS, CLASSES)


def empty() -> FitqunFits:
    """Files without entries."""
    return FitqunFits((Path("f.root"),), np.zeros(0, np.str_), np.zeros(0, np.int64), {name: np.zeros(0) for name in CLASSES[1:]}, np.zeros(0))


def test_the_fit_stage_takes_a_file_of_fitqun(tmp_path: Path) -> None:
    fits, events = made(400)
    by_event = np.stack([of_events(fits, events, name) for name in ("e-", "mu-", "pi0")], axis=1)
    rings = np.zeros((400, 1, 7), np.float32)
    rings[:, 0, 1:3] = by_event[:, :2]
    with uproot.recreate(tmp_path / "sim_fiTQun.root") as file:
        file["fiTQun"] = {"fq1rnll": rings, "fqpi0nll": by_event[:, 2:].astype("f4"), "fqpi0mass": np.zeros((400, 1), np.float32)}
    truth = {"label": events["label"], "particle": np.array(CLASSES)[events["label"]], "row": np.arange(400), "selected": np.arange(400) % 7 != 0}
    table = Table({**truth, "root_file": np.full(400, "sim.root"), "event_id": np.arange(400)})
    text = """
name: a
analysis: iwcd
output_dir: OUT
datasets: {mc: {files: [a.h5], kind: mc}}
fits: {fitqun: {kind: performance, outputs: sim_fiTQun.root, dataset: mc, permutations: 20}}
"""
    (tmp_path / "a.yaml").write_text(text.replace("OUT", str(tmp_path / "out")))
    config = load_config(tmp_path / "a.yaml")
    save_table(table_path(config.output, "mc", "events"), table)
    account = {"complete": True, "histogram_digest": "0", "datasets": {"mc": {"files": 1, "expected": 400}}}
    result = fit_all(config, account)[0]["fitqun"]
    auc = {curve.background: curve.auc for curve in result.roc}
    assert auc["gamma"] == 0.5
    assert [auc["mu-"], auc["pi0"]] == pytest.approx([norm.cdf(2)] * 2, abs=0.02)  # means 4 spreads apart, widths sqrt 2
    assert result.n_events == table["selected"].sum()
    assert result.join.proof == "file and entry of every fit are those of its event"
    assert any("probabilities are not calibrated" in note for note in result.notes)
    alone = config.model_copy(update={"fits": {"fitqun": config.fits["fitqun"].model_copy(update={"dataset": None})}})
    with pytest.raises(InputError, match="fits of fiTQun hold no truth; give dataset"):
        fit_all(alone, account)
