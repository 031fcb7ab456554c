"""Spline tables in FITS: the golden values of the release's tables (G4), what comes back of what was written, damaged files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from detector_case import fits_file, knots, write_tables

from configs.errors import InputError
from physics.detector_systematics import files
from readers.detector_tables import check_folder, folder_digest, parameter_nodes
from readers.photospline import read_spline_table
from readers.source import SourceError

GOLDEN = [  # G4: table, point, S, dS/d(parameter)
    ("DOMEffSplines/domefficiency_diffuseAstro_e_shower", (5.0, 0.3, 0.99), -1.602413546, 0.331571440),
    ("DOMEffSplines/domefficiency_diffuseAstro_e_shower", (6.2, -0.55, 1.1), -3.182299509, 0.768131458),
    ("DOMEffSplines/domefficiency_atmConv_track", (4.9, -0.05, 0.9), -1.314668260, 0.886361815),
    ("HoleIceSplines/holeice_diffuseAstro_mu_track", (5.0, 0.3, -1.0), -2.152682401, -0.001273824),
    ("HoleIceSplines/holeice_diffuseAstro_tau_doublebang", (5.5, 1.2, 0.7), -2.080954752, -0.016732574),
    ("AnisotropySplines/tauanisotropy_diffuseAstro_e_shower", (5.0, 1.3), -0.092520922, -0.011197022),
    ("AnisotropySplines/tauanisotropy_diffuseAstro_tau_doublebang", (1.2, 0.6), -0.756842744, 0.008228749),
]
KNOTS = [knots(np.linspace(0, 1, 4), 2), knots(np.linspace(0, 2, 3), 1)]
COEFFICIENTS = np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32)


@pytest.mark.public_data
@pytest.mark.parametrize(("name", "point", "value", "slope"), GOLDEN)
def test_golden_4_values_and_slopes_of_the_tables(public_data: Path, name: str, point: tuple[float, ...], value: float, slope: float) -> None:
    table = read_spline_table(public_data / f"hese/splines/{name}.fits")
    assert table.evaluate(*point) == pytest.approx(value, abs=1e-8)
    assert table.evaluate(*point, derivative=1) == pytest.approx(slope, abs=1e-8)


@pytest.mark.public_data
def test_all_45_tables_of_the_release_and_their_nodes(public_data: Path) -> None:
    folder = public_data / "hese/splines"
    check_folder(folder)
    assert len(files()) == 45
    counts = {name: len(parameter_nodes(str(folder), name, "track")) for name in ("epsilon_dom", "epsilon_head_on", "anisotropy_scale")}
    assert counts == {"epsilon_dom": 13, "epsilon_head_on": 9, "anisotropy_scale": 53}
    assert parameter_nodes(str(folder), "epsilon_dom", "cascade")[-1] == pytest.approx(1.20375)


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    table = read_spline_table(fits_file(tmp_path / "t.fits", COEFFICIENTS, KNOTS, [2, 1]), rank=2)
    assert np.array_equal(table.coefficients, COEFFICIENTS)
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(table.knots, KNOTS, strict=True))
    assert table.orders == (2, 1)


def test_truncated_within_the_image(tmp_path: Path) -> None:
    path = fits_file(tmp_path / "t.fits", np.ones((40, 40)), [knots(np.arange(39.0), 2)] * 2, [2, 2])
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(SourceError, match=r"t\.fits: the file ends within an image \(1120 of 6400 bytes\)"):
        read_spline_table(path)


def test_no_fits_at_all(tmp_path: Path) -> None:
    (tmp_path / "t.fits").write_text("hello")
    with pytest.raises(SourceError, match="ends within a header; it is truncated or no FITS file"):
        read_spline_table(tmp_path / "t.fits")


def test_another_rank(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has 2 axes, expected 3"):
        read_spline_table(fits_file(tmp_path / "t.fits", COEFFICIENTS, KNOTS, [2, 1]), rank=3)


def test_knots_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a spline table of photospline .no KNOTS1."):
        read_spline_table(fits_file(tmp_path / "t.fits", COEFFICIENTS, KNOTS[:1], [2, 1]))


def test_descending_knots_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"t\.fits: knots of axis 0 are not ascending"):
        read_spline_table(fits_file(tmp_path / "t.fits", COEFFICIENTS, [KNOTS[0][::-1], KNOTS[1]], [2, 1]))


def test_coefficients_and_knots_of_different_tables(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"t\.fits: axis 1 has 3 coefficients, expected 4"):
        read_spline_table(fits_file(tmp_path / "t.fits", COEFFICIENTS, [KNOTS[0], np.arange(6.0)], [2, 1]))


def test_which_of_the_45_is_missing(tmp_path: Path) -> None:
    folder = write_tables(tmp_path)
    (folder / "HoleIceSplines/holeice_atmConv_track.fits").unlink()
    with pytest.raises(InputError, match=r"1 of the 45 detector tables are missing: HoleIceSplines/holeice_atmConv_track\.fits"):
        check_folder(folder)
    with pytest.raises(SourceError, match="there is no such spline table"):
        read_spline_table(folder / "HoleIceSplines/holeice_atmConv_track.fits")


def test_digest_changes_with_one_byte(tmp_path: Path) -> None:
    folder = write_tables(tmp_path)
    before = folder_digest(folder)
    path = folder / files()[7]
    content = bytearray(path.read_bytes())
    content[2880 + 3] ^= 1
    path.write_bytes(bytes(content))
    assert folder_digest(folder) != before


def test_components_with_other_knots(tmp_path: Path) -> None:
    folder = write_tables(tmp_path)
    axes = [knots(np.linspace(4, 8, 5), 2), knots(np.linspace(0, 2, 5), 1)]
    fits_file(folder / "AnisotropySplines/tauanisotropy_atmConv_track.fits", np.ones((6, 5)), axes, [2, 1])
    with pytest.raises(InputError, match=r"atmConv_track\.fits: other knots in anisotropy_scale"):
        parameter_nodes(str(folder), "anisotropy_scale", "track")


def test_splines_of_another_order_in_the_parameter(tmp_path: Path) -> None:
    folder = write_tables(tmp_path)
    axes = [knots(np.linspace(4, 8, 5), 2), knots(np.linspace(0, 2, 5), 2)]
    fits_file(folder / "AnisotropySplines/tauanisotropy_diffuseAstro_e_track.fits", np.ones((6, 6)), axes, [2, 2])
    with pytest.raises(InputError, match="splines of order 2 in the detector parameter, expected 1"):
        parameter_nodes(str(folder), "anisotropy_scale", "track")
