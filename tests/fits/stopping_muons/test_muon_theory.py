"""Theory tables: units, powers, interpolation, averages over solid angle and bins; what is refused."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.integrate import dblquad, quad

from configs.errors import InputError
from fits.stopping_muons import targets
from fits.stopping_muons.theory import BinNodes, Theory, default_theory, stopping_density, theory_spectrum
from fits.stopping_muons.theory_table import read_theory
from physics.atmospheric_muons import surface_flux
from physics.muon_range import TOY_ICE, EnergyLoss

ENERGY = np.geomspace(100.0, 1e5, 31)
ENERGY_EDGES, RANGE_EDGES = np.geomspace(500.0, 12_000.0, 11), np.geomspace(1600.0, 6000.0, 11)
CM, M = "GeV-1 cm-2 s-1 sr-1", "GeV-1 m-2 s-1 sr-1"


def power_law(energy: np.ndarray, gamma: float = 3.5) -> np.ndarray:
    return 2e-6 * (energy / 1e3) ** -gamma


def csv_table(path: Path, columns: dict[str, np.ndarray], unit: str | None = M, power: object = 0, particles: str | None = "mu+ + mu-") -> Path:
    stated = {"flux_unit": unit, "energy_power": power, "particles": particles}
    head = [f"# {key}: {value}" for key, value in stated.items() if value is not None]
    rows = [",".join(repr(float(cell)) for cell in row) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join([*head, ",".join(columns), *rows]) + "\n")
    return path


def test_a_power_law_is_interpolated_exactly(tmp_path: Path) -> None:
    theory = read_theory(csv_table(tmp_path / "law.csv", {"energy": ENERGY, "flux": power_law(ENERGY)}), 0.1)
    between = np.geomspace(*ENERGY[[0, -1]], 301)
    np.testing.assert_allclose(theory.at(between), power_law(between), rtol=1e-12)
    np.testing.assert_allclose(theory.index(between), -3.5, rtol=1e-9)
    assert theory.name == "law"
    assert theory.notes == ()


def test_square_centimetres_and_square_metres_differ_by_1e4(tmp_path: Path) -> None:
    in_m = read_theory(csv_table(tmp_path / "m.csv", {"energy": ENERGY, "flux": power_law(ENERGY)}), 0.1)
    in_cm = read_theory(csv_table(tmp_path / "cm.csv", {"energy": ENERGY, "flux": power_law(ENERGY) * 1e-4}, CM), 0.1)
    other_words = read_theory(csv_table(tmp_path / "w.csv", {"energy": ENERGY, "flux": power_law(ENERGY) * 1e-4}, "s^-1 sr^{-1} cm^-2 GeV^-1"), 0.1)
    np.testing.assert_allclose(in_cm.flux, in_m.flux, rtol=1e-14)
    np.testing.assert_allclose(other_words.flux, in_m.flux, rtol=1e-14)


def test_the_same_flux_from_every_format_and_power(tmp_path: Path) -> None:
    columns = {"energy": ENERGY, "flux": power_law(ENERGY) * ENERGY**3, "error": 0.1 * power_law(ENERGY) * ENERGY**3}
    stated = {"flux_unit": M, "energy_power": 3, "particles": "mu+ + mu-"}
    np.savez(tmp_path / "t.npz", **columns, **stated)
    for name, place in (("file.h5", ""), ("flux.hdf5", "flux")):
        with h5py.File(tmp_path / name, "w") as file:
            for key, value in columns.items():
                file[key] = value
            (file[place] if place else file).attrs.update(stated)
    paths = [csv_table(tmp_path / "t.csv", columns, M, 3), tmp_path / "t.npz", tmp_path / "file.h5", tmp_path / "flux.hdf5"]
    for theory in (read_theory(path, 0.1) for path in paths):
        np.testing.assert_allclose(theory.flux, power_law(ENERGY), rtol=1e-12)
        np.testing.assert_allclose(theory.relative_error(ENERGY), 0.1, rtol=1e-12)
        assert theory.notes == ()


def test_rows_in_any_order_give_the_same_table(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(ENERGY.size)
    shuffled = csv_table(tmp_path / "s.csv", {"energy": ENERGY[order], "flux": power_law(ENERGY)[order]})
    np.testing.assert_allclose(read_theory(shuffled, 0.1).flux, power_law(ENERGY), rtol=1e-14)


def test_cosines_are_averaged_over_the_accepted_solid_angle(tmp_path: Path) -> None:
    """A flux exp(k c) has a logarithm linear in the cosine: the average is known in closed form, whatever the grid."""
    cosine, slope, low = np.linspace(0.0, 1.0, 5), 1.7, 0.1
    grid = power_law(ENERGY)[:, None] * np.exp(slope * cosine)
    expected = power_law(ENERGY) * (np.exp(slope) - np.exp(slope * low)) / slope / (1 - low)
    np.savez(tmp_path / "grid.npz", energy=ENERGY, cos_zenith=cosine[::-1], flux=grid[:, ::-1], flux_unit=M, energy_power=0)
    e, c = (one.ravel() for one in np.meshgrid(ENERGY, cosine, indexing="ij"))
    rows = csv_table(tmp_path / "rows.csv", {"energy": e, "cos_zenith": c, "flux": grid.ravel(), "error": 0.2 * grid.ravel()})
    np.testing.assert_allclose(read_theory(tmp_path / "grid.npz", low).flux, expected, rtol=1e-10)
    theory = read_theory(rows, low)
    np.testing.assert_allclose(theory.flux, expected, rtol=1e-10)
    assert theory.error is not None
    np.testing.assert_allclose(theory.error, 0.2 * expected, rtol=1e-10)


def test_a_table_of_the_generated_flux_is_the_default_theory(tmp_path: Path) -> None:
    energy, cosine = np.geomspace(50, 1e5, 67), np.linspace(0.05, 1, 60)
    np.savez(tmp_path / "g.npz", energy=energy, cos_zenith=cosine, flux=surface_flux(energy[:, None], cosine) * 1e-4, flux_unit=CM, energy_power=0)
    table, own = read_theory(tmp_path / "g.npz", 0.1), default_theory(0.1)
    at = np.geomspace(60, 9e4, 50)
    np.testing.assert_allclose(table.at(at), own.at(at), rtol=2e-3)
    assert "does not state particles" in table.notes[0]


def test_bin_averages_of_the_default_theory_by_quadrature() -> None:
    energy = theory_spectrum(default_theory(0.1), targets.ENERGY, ENERGY_EDGES)
    length = theory_spectrum(default_theory(0.1), targets.RANGE, RANGE_EDGES)
    for j in (0, 4, 9):
        low, high = ENERGY_EDGES[j : j + 2]
        whole = dblquad(lambda c, e: surface_flux(e, c), low, high, 0.1, 1, epsrel=1e-8)[0]
        assert energy.flux[j] == pytest.approx(whole / 0.9 / (high - low), rel=1e-6)
        low, high = RANGE_EDGES[j : j + 2]
        whole = dblquad(lambda c, x: surface_flux(TOY_ICE.energy_gev(x), c) * 0.24 * np.exp(3.3e-4 * x), low, high, 0.1, 1, epsrel=1e-8)[0]
        assert length.flux[j] == pytest.approx(whole / 0.9 / (high - low), rel=1e-6)
    assert (energy.unit, length.unit) == ("GeV^-1 m^-2 s^-1 sr^-1", "m^-1 m^-2 s^-1 sr^-1")


def test_the_flux_by_length_holds_as_many_muons_as_that_by_energy() -> None:
    """dPhi/dL = Phi_E dE/dL: the integral over a bin is the same in both variables."""
    theory, loss = default_theory(0.1), EnergyLoss(0.2, 4e-4)
    by_length = np.array(theory_spectrum(theory, targets.RANGE, RANGE_EDGES, loss).flux) * np.diff(RANGE_EDGES)
    edges = loss.energy_gev(RANGE_EDGES)
    by_energy = np.array(theory_spectrum(theory, targets.ENERGY, edges).flux) * np.diff(edges)
    np.testing.assert_allclose(by_length, by_energy, rtol=1e-7)


def test_nodes_average_what_is_known() -> None:
    nodes = BinNodes.of(ENERGY_EDGES)
    np.testing.assert_allclose(nodes.average(np.ones_like(nodes.point)), 1.0, rtol=1e-13)
    low, high = ENERGY_EDGES[:-1], ENERGY_EDGES[1:]
    np.testing.assert_allclose(nodes.average(nodes.point**-3.7), (low**-2.7 - high**-2.7) / 2.7 / (high - low), rtol=1e-12)
    density = quad(lambda x: float(stopping_density(default_theory(0.1), x, TOY_ICE)), *RANGE_EDGES[:2])[0] / np.diff(RANGE_EDGES)[0]
    assert theory_spectrum(default_theory(0.1), targets.RANGE, RANGE_EDGES).flux[0] == pytest.approx(density, rel=1e-8)
    with pytest.raises(InputError, match="edges must be positive and ascend"):
        BinNodes.of([3.0, 2.0])


def test_errors_of_a_bin_are_fully_correlated() -> None:
    theory = Theory("t", ENERGY, power_law(ENERGY), 0.15 * power_law(ENERGY))
    found = theory_spectrum(theory, targets.ENERGY, ENERGY_EDGES)
    np.testing.assert_allclose(found.error, 0.15 * np.array(found.flux), rtol=1e-10)


def test_nothing_is_extrapolated() -> None:
    theory = Theory("short", ENERGY, power_law(ENERGY))
    with pytest.raises(InputError, match=r"short: column energy covers 100 \.\.\. 100000 GeV, needed are 50 \.\.\. 200 GeV"):
        theory_spectrum(theory, targets.ENERGY, [50.0, 200.0])
    with pytest.raises(InputError, match="nothing is extrapolated"):
        theory_spectrum(theory, targets.RANGE, [1600.0, 60_000.0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": None}, r"column flux: flux_unit is not stated; add flux_unit: GeV-1 cm-2 s-1 sr-1"),
        ({"unit": "GeV-1 cm-2 s-1"}, r"flux_unit 'GeV-1 cm-2 s-1' is not known; give GeV-1 cm-2 s-1 sr-1 or"),
        ({"power": None}, "energy_power is not stated"),
        ({"power": "three"}, "energy_power 'three' is not a number"),
        ({"particles": "mu-"}, r"particles 'mu-': the flux must be that of mu\+ \+ mu- summed"),
    ],
)
def test_what_a_table_must_state(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    path = csv_table(tmp_path / "t.csv", {"energy": ENERGY, "flux": power_law(ENERGY)}, **changes)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        read_theory(path, 0.1)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"energy": ENERGY, "fluxes": ENERGY}, r"no column 'flux'; did you mean 'fluxes'\?"),
        ({"energy": ENERGY, "flux": -power_law(ENERGY)}, "column flux must be positive and finite; at 100 GeV it is"),
        ({"energy": np.ones(3), "flux": np.ones(3)}, "column energy needs at least two different positive values"),
        ({"energy": ENERGY, "flux": ENERGY, "error": -ENERGY}, "column error must be finite and not negative"),
        ({"energy": ENERGY, "flux": ENERGY, "cos_zenith": ENERGY}, "31 rows for 31 energies and 31 values of cos_zenith; give every pair once"),
        (
            {"energy": np.repeat(ENERGY, 2), "flux": np.ones(62), "cos_zenith": np.tile([0.3, 1.0], 31)},
            r"column cos_zenith covers 0.3 \.\.\. 1, needed are 0.1 \.\.\. 1",
        ),
    ],
)
def test_columns_that_are_refused(tmp_path: Path, columns: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_theory(csv_table(tmp_path / "t.csv", columns), 0.1)


def test_files_that_are_refused(tmp_path: Path) -> None:
    for name in ("a.npz", "a.h5", "a.csv", "a.txt", "b.csv"):
        (tmp_path / name).write_bytes(b"" if name != "b.csv" else b"energy,flux\n1,two\n")
    messages = {
        "a.npz": "not an NPZ file",
        "a.h5": "not an HDF5 file",
        "a.csv": "empty",
        "a.txt": "ending '.txt' is not known",
        "b.csv": "needs 2 numbers",
    }
    for name, message in {**messages, "none.csv": r"does not exist \(key mceq_path\)"}.items():
        with pytest.raises(InputError, match=message):
            read_theory(tmp_path / name, 0.1)


def test_an_npz_with_pickled_objects_is_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", energy=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="without pickled objects"):
        read_theory(tmp_path / "p.npz", 0.1)
