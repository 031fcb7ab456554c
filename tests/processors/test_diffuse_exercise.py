"""The boot-camp exercise: hand-made rows with their numbers, and the golden numbers of the real toy files where they are at hand (G20)."""

from __future__ import annotations

import json
import math
from pathlib import Path

import hist
import numpy as np
import pytest
from diffuse_events import process
from reference.plain_folding import fold
from scipy.stats import poisson

from configs.diffuse import Processor
from physics.binning import binning, flat_index, to_official_order
from processors.diffuse import DiffuseProcessor
from readers import open_source
from readers.events import with_metadata

BOOTCAMP = {"binning": "bootcamp", "flavours": False}
# The known first row of hese_toy_simulation.json (specification 2.1), and rows next to it in other bins.
ROWS = [
    # astroWeight, atmoWeight, energy, primaryEnergy, primaryZenith, topology, zenith
    [1.455e-05, 9.797e-06, 1.007e05, 1.391e05, 1.581, 0, 1.500],
    [2.0e-05, 0.0, 1.007e05, 3.0e05, 1.581, 0, 1.500],
    [1.0e-04, 3.0e-04, 7.0e04, 8.0e04, 0.3, 1, 0.1],
]
NAMES = ("astroWeight", "atmoWeight", "energy", "primaryEnergy", "primaryZenith", "topology", "zenith")


def columns() -> dict[str, np.ndarray]:
    return dict(zip(NAMES, np.array(ROWS).T, strict=True))


def flat(hists: dict[str, hist.Hist], astro_norm: float, astro_gamma: float, atmos_norm: float) -> np.ndarray:
    """lambda of the 400 bins in the order of the exercise."""
    mu = {
        name: fold(hists[f"response_{name}"], "astro", astro_gamma, astro_norm) + atmos_norm * fold(hists[f"response_{name}"], "atmo")
        for name in binning("bootcamp")
    }
    return to_official_order(binning("bootcamp"), mu)


def test_hand_made_rows_in_the_flat_order_of_the_exercise() -> None:
    """(t * 10 + z) * 20 + e: energy bin 2 (1.007e5) at zenith 1.5 = bin 4; energy bin 0 at zenith 0.1 = bin 0 of the tracks."""
    expected = np.zeros(400)
    expected[(0 * 10 + 4) * 20 + 2] = 1.455e-05 + 9.797e-06 + 2.0e-05
    expected[(1 * 10 + 0) * 20 + 0] = 4.0e-04
    np.testing.assert_allclose(flat(process(columns(), options=BOOTCAMP), 1.0, 2.5, 1.0), expected, rtol=1e-9)


def test_hand_made_rows_at_another_spectrum() -> None:
    """lambda = atmos_norm atmoWeight + astro_norm astroWeight (E / 1e5)^-(gamma - 2.5)."""
    got = flat(process(columns(), options=BOOTCAMP), 6.0, 3.0, 0.5)
    expected = 0.5 * 9.797e-06 + 6 * (1.455e-05 * 1.391**-0.5 + 2.0e-05 * 3.0**-0.5)
    assert got[82] == pytest.approx(expected, rel=1e-5)


def test_likelihood_of_a_hand_made_case() -> None:
    """ln L of k = 2 and 1 in the two bins, all other 398 bins empty: closed form to 1e-12."""
    mu = flat(process(columns(), options=BOOTCAMP), 1.0, 2.5, 1.0)
    counts = np.zeros(400, dtype=int)
    counts[82], counts[200] = 2, 1
    first, second = mu[82], mu[200]
    closed = 2 * math.log(first) - first - math.log(2) + math.log(second) - second
    assert poisson.logpmf(counts, mu).sum() == pytest.approx(closed, rel=1e-12)


def test_flat_index_of_the_first_known_data_row() -> None:
    """First row of hese_toy_data.json: 62222.55968669473 GeV, topology 0, zenith 0.5310690569408663."""
    rows = {"energy": [62222.55968669473], "topology": [0], "zenith": [0.5310690569408663]}
    counts = process(rows, "data", BOOTCAMP)
    order = to_official_order(binning("bootcamp"), {name: counts[f"data_{name}"].view(flow=False) for name in binning("bootcamp")})
    zenith_edges = np.arccos(np.linspace(-1, 1, 11))[::-1]
    z = int(np.digitize(0.5310690569408663, zenith_edges)) - 1
    assert np.flatnonzero(order).tolist() == [z * 20] == [flat_index(binning("bootcamp"), "cascade", 0, 9 - z)]


@pytest.fixture(scope="module")
def toy_files(public_data: Path) -> tuple[dict[str, hist.Hist], dict[str, hist.Hist], Path]:
    """Histograms of the exercise's own files, which cannot be distributed."""
    found = {name: next(iter(public_data.rglob(name)), None) for name in ("hese_toy_simulation.json", "hese_toy_data.json")}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not below DYNODE_DATA: the files of the 2019 boot camp are not public")
    hists = {}
    for name, path in found.items():
        kind = "mc" if "simulation" in name else "data"
        with open_source(path, "toy_json") as source:
            events = with_metadata(source.events(0, len(source)), {"kind": kind, "filename": str(path)})
            hists[kind] = DiffuseProcessor(Processor.model_validate(BOOTCAMP)).process(events)
    return hists["mc"], hists["data"], found["hese_toy_data.json"]


@pytest.mark.public_data
def test_known_data_rows(toy_files) -> None:
    content = json.loads(toy_files[2].read_text())
    row = dict(zip(content["mapping"], content["events"][0], strict=True))
    if row["energy"] != 62222.55968669473:
        pytest.skip("hese_toy_data.json is not the known file")
    assert len(content["events"]) == 117


@pytest.mark.public_data
def test_golden_20_expectation_of_the_known_files(toy_files) -> None:
    """G20: sum lambda(1, 1, 2.5) = 51.42534 (15.10506 + 36.32027), first bins."""
    mu = flat(toy_files[0], 1.0, 2.5, 1.0)
    np.testing.assert_allclose([mu.sum(), mu[:200].sum(), mu[200:].sum()], [51.42534, 15.10506, 36.32027], rtol=2e-7)
    np.testing.assert_allclose(mu[:3], [0.158531, 0.210680, 0.204711], rtol=5e-6)


@pytest.mark.public_data
def test_golden_20_likelihood_of_the_known_files(toy_files) -> None:
    """G20: ln L(1, 1, 2.5) = -222.27828015190465, and -175.4846457 at the best fit (atmos, astro, gamma)."""
    counts = to_official_order(binning("bootcamp"), {name: toy_files[1][f"data_{name}"].view(flow=False) for name in binning("bootcamp")})
    assert counts.sum() == 117
    assert poisson.logpmf(counts, flat(toy_files[0], 1.0, 2.5, 1.0)).sum() == pytest.approx(-222.27828015190465, rel=1e-9)
    best = flat(toy_files[0], 6.7141778, 2.9938755, 0.9963909)
    assert poisson.logpmf(counts, best).sum() == pytest.approx(-175.4846457, abs=1e-3)
    assert best.sum() == pytest.approx(117, abs=0.01)
