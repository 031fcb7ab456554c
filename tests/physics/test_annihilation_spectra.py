"""Spectra of annihilation: golden numbers of PPPC4DMID's files (public data), of the embedded table, and closed forms."""

from pathlib import Path

import numpy as np
import pytest

from configs.errors import InputError
from data_info.annihilation_spectra import ChannelTable, SpectrumTable, pppc
from physics.annihilation_spectra import PPPC_WIDTH_LOG10, Spectra, Spectrum, line, michel
from physics.oscillation import mixing

LN10 = np.log(10.0)


def trapezoid_carried(spectrum: Spectrum) -> np.ndarray:
    """Sum of x by the trapezoid rule on the table's points, as the published sums are made."""
    x = 10.0**spectrum.log10_x
    return ((spectrum.left * x[:-1] + spectrum.right * x[1:]) * np.diff(spectrum.log10_x) / 2.0).sum(axis=1)


@pytest.fixture(scope="module")
def published(public_data: Path) -> Spectra:
    return Spectra(pppc(public_data / "dark_matter"))


GOLDEN_3 = {
    ("b", 100): (16.805, 30.954, 0.0864), ("Tau", 100): (1.3294, 2.2896, 1.0034), ("Mu", 100): (1.0010, 1.0035, None),
    ("W", 100): (13.837, 25.347, 0.2160), ("NuMu", 100): (0.0, 0.9735, 0.0), ("b", 10): (7.3487, 13.5525, 0.0846),
    ("b", 300): (24.801, 45.665, 0.0928),
}  # fmt: skip
GOLDEN_4 = {
    "b": (0.1527, 0.2920, 0.0071), "Tau": (0.1336, 0.2042, 0.3303), "Mu": (0.2870, 0.3355, 0.0), "W": (0.1637, 0.2697, 0.0694),
    "NuMu": (0, 0.8985, 0),
}  # fmt: skip


@pytest.mark.public_data
@pytest.mark.parametrize(("channel", "mass"), GOLDEN_3)
def test_golden_3_numbers(published: Spectra, channel: str, mass: float) -> None:
    number = published.at_source(channel, mass).number
    for found, expected in zip(number, GOLDEN_3[channel, mass], strict=True):
        if expected is not None:
            assert found == pytest.approx(expected, rel=7e-4 if expected < 0.1 else 2e-4, abs=1e-9)


@pytest.mark.public_data
@pytest.mark.parametrize("channel", GOLDEN_4)
def test_golden_4_energies(published: Spectra, channel: str) -> None:
    np.testing.assert_allclose(trapezoid_carried(published.at_source(channel, 100.0)), GOLDEN_4[channel], atol=6e-5)


@pytest.mark.public_data
def test_golden_5_one_value_in_three_units(published: Spectra) -> None:
    spectrum = published.at_source("b", 100.0)
    assert spectrum.per_log10_x(-1.0)[1] == pytest.approx(1.265507, abs=1e-6)
    assert spectrum.per_log10_x(-1.0)[1] / LN10 == pytest.approx(0.549603, abs=1e-6)
    assert spectrum.per_gev([9.9999, 10.0001])[1, 0] == pytest.approx(0.0549603, rel=1e-4)


@pytest.mark.public_data
@pytest.mark.parametrize(
    ("channel", "expected"), [("b", (15.906, 16.249, 15.690)), ("Tau", (1.4591, 1.5972, 1.5662)), ("W", (13.101, 13.377, 12.922))]
)
def test_golden_6_numbers_at_earth(published: Spectra, channel: str, expected: tuple[float, float, float]) -> None:
    source = published.at_source(channel, 100.0)
    earth = source.at_earth(mixing("nufit60_no"))
    np.testing.assert_allclose(earth.number, expected, rtol=1e-4)
    assert earth.number.sum() == pytest.approx(source.number.sum(), rel=1e-12)
    np.testing.assert_array_equal(source.at_earth(None).left, source.left)


@pytest.mark.public_data
def test_masses_below_a_channels_threshold_are_refused(published: Spectra) -> None:
    for channel, lowest in (("b", 6), ("W", 90), ("Z", 100), ("h", 130), ("t", 180), ("Mu", 5)):
        assert published.at_source(channel, lowest).number.sum() > 0.0
        with pytest.raises(
            InputError, match=f"channel {channel} of PPPC4DMID .* has spectra for {lowest} to 100000 GeV; {lowest - 1} GeV is outside"
        ):
            published.at_source(channel, lowest - 1)
    with pytest.raises(InputError, match="channel 'Tauu' is not in .*did you mean 'Tau'"):
        published.at_source("Tauu", 100.0)


@pytest.mark.public_data
def test_masses_between_those_of_the_table(published: Spectra) -> None:
    """At fixed x, linear in ln m."""
    low, middle, high = (published.at_source("b", mass) for mass in (100.0, np.sqrt(100.0 * 110.0), 110.0))
    np.testing.assert_allclose(middle.left, 0.5 * (low.left + high.left), rtol=1e-12)
    assert (published.at_source("b", 100.0).per_gev([100.0, 200.0]) == 0.0).all()


def flat_table() -> SpectrumTable:
    """Two masses, the second with twice the neutrinos, between x = 0.1 and 1."""
    grid, ones = np.array([-1.0, -0.5, 0.0]), np.ones((2, 3, 2))
    return SpectrumTable("a table", {"flat": ChannelTable(np.array([10.0, 1000.0]), grid, ones * [[[1.0]], [[2.0]]], ones * [[[1.0]], [[2.0]]])})


def test_interpolation_in_the_logarithm_of_mass() -> None:
    np.testing.assert_allclose(Spectra(flat_table()).at_source("flat", 100.0).number, 1.5)


def test_counts_in_bins_of_energy_do_not_depend_on_the_bins() -> None:
    spectrum = Spectra(flat_table()).at_source("flat", 10.0)
    for edges in (np.geomspace(0.5, 20.0, 7), np.geomspace(0.5, 20.0, 500)):
        np.testing.assert_allclose((spectrum.per_gev(edges) * np.diff(edges)).sum(axis=1), 1.0, rtol=1e-12)


def test_linear_pieces_are_integrated_exactly() -> None:
    wedge = Spectrum(1.0, np.array([-2.0, -1.0, 0.0]), np.array([[0.0, 2.0]] * 3), np.array([[2.0, 0.0]] * 3))
    np.testing.assert_allclose(wedge.below([-2.0, -1.5, -1.0, -0.5, 0.0, 1.0])[0], [0.0, 0.25, 1.0, 1.75, 2.0, 2.0], rtol=1e-14)
    np.testing.assert_allclose(wedge.per_log10_x([-3.0, -1.5, -0.25, 0.5])[1], [0.0, 1.0, 0.5, 0.0])


def test_line_is_a_third_of_a_pair_in_each_flavour() -> None:
    found = line(50.0, 0.05)
    np.testing.assert_allclose(found.number, 1.0 / 3.0)
    np.testing.assert_allclose(found.per_gev([40.0, 50.0 * 10**-0.05, 50.0])[:, 0], 0.0, atol=1e-15)
    assert Spectra(flat_table()).at_source("Nu", 50.0).number.tolist() == found.number.tolist()


def test_michel_spectra() -> None:
    """One nu_mu and one nu_e of one type, with mean x of 0.35 and 0.30."""
    found = michel(100.0)
    np.testing.assert_allclose(found.number, [1.0, 1.0, 0.0], atol=3e-6)
    np.testing.assert_allclose(found.carried, [0.30, 0.35, 0.0], atol=1e-4)


def test_smearing_keeps_the_number_and_widens_the_line() -> None:
    edges = np.linspace(-3.0, 0.0, 61)
    content = np.zeros((3, 60))
    content[:, -1] = 1.0 / 0.05
    sharp = Spectrum(100.0, edges, content, content)
    wide = sharp.smeared(PPPC_WIDTH_LOG10)
    np.testing.assert_allclose(wide.number, sharp.number, rtol=1e-12)
    assert wide.below(-0.05)[0] > 0.3
    assert (wide.left >= 0.0).all()


def test_mixtures_add_up_their_channels() -> None:
    spectra = Spectra(flat_table(), mixtures={"half": {"flat": 0.5, "Nu": 0.5}})
    found = spectra.at_source("half", 10.0)
    np.testing.assert_allclose(found.number, 0.5 + 0.5 / 3.0)
    expected = 0.5 * spectra.at_source("flat", 10.0).below(-0.02) + 0.5 * line(10.0, 0.05).below(-0.02)
    np.testing.assert_allclose(found.below(-0.02), expected)
