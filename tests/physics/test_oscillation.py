import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import InputError
from physics.oscillation import SETS, SOURCES, Mixing, at_earth, averaged_probability, mixing, pmns

UNIT = st.floats(0.0, 1.0)


def test_golden_1_matrix_of_the_reference_angles() -> None:
    expected = [[0.563692, 0.214794, 0.221513], [0.214794, 0.411916, 0.373290], [0.221513, 0.373290, 0.405197]]
    np.testing.assert_allclose(averaged_probability(mixing("reference")), expected, atol=2e-6)


def test_golden_2_matrix_of_nufit_and_a_pion_source() -> None:
    expected = [[0.549084, 0.215100, 0.235816], [0.215100, 0.407125, 0.377775], [0.235816, 0.377775, 0.386409]]
    np.testing.assert_allclose(averaged_probability(mixing("nufit60_no")), expected, atol=2e-6)
    np.testing.assert_allclose(at_earth([1 / 3, 2 / 3, 0.0], mixing("nufit60_no")), [0.32643, 0.34312, 0.33046], atol=1e-5)


@given(sin2_12=UNIT, sin2_13=UNIT, sin2_23=UNIT, delta_deg=st.floats(0.0, 360.0))
def test_mixing_is_unitary_for_any_angles(sin2_12: float, sin2_13: float, sin2_23: float, delta_deg: float) -> None:
    """The published program had s23 for c23 in one element: rows of probabilities summed to 0.99505, 0.99862, 0.99207."""
    angles = Mixing(sin2_12, sin2_13, sin2_23, delta_deg)
    matrix, probability = pmns(angles), averaged_probability(angles)
    np.testing.assert_allclose(matrix @ matrix.conj().T, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(probability.sum(axis=0), 1.0, atol=1e-14)
    np.testing.assert_allclose(probability, probability.T, atol=1e-15)


def test_averaging_is_the_mean_over_phases_of_propagation() -> None:
    """Against amplitudes: |sum_i U_bi exp(-i phi_i) U_ai^*|^2 averaged over random phases."""
    matrix = pmns(mixing("nufit60_no"))
    phases = np.exp(-1j * np.random.default_rng(1).uniform(0.0, 2 * math.pi, (400_000, 3)))
    for flavour, expected in enumerate(averaged_probability(mixing("nufit60_no"))):
        amplitude = (phases * matrix[flavour].conj()) @ matrix.T
        np.testing.assert_allclose((np.abs(amplitude) ** 2).mean(axis=0), expected, atol=2e-3)


def test_an_electron_source_arrives_in_all_flavours() -> None:
    """The published program put one flavour in all three slots, so that oscillation did nothing."""
    spectrum = np.array([[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]])
    arrived = at_earth(spectrum, mixing("nufit60_no"))
    np.testing.assert_allclose(arrived, np.outer(averaged_probability(mixing("nufit60_no"))[0], [1.0, 2.0]))
    np.testing.assert_allclose(arrived.sum(axis=0), [1.0, 2.0], rtol=1e-14)
    np.testing.assert_array_equal(at_earth(spectrum, None), spectrum)


def test_unknown_set_is_named() -> None:
    with pytest.raises(InputError, match="'nufit60' is not a set of mixing angles; did you mean 'nufit60_no'"):
        mixing("nufit60")
    assert set(SETS) == {"nufit52_no", "nufit60_no", "reference"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("pion decay", [0.335, 0.338, 0.327]),
        ("damped muons", [0.226, 0.395, 0.379]),
        ("neutron decay", [0.553, 0.226, 0.221]),
    ],
)
def test_diffuse_golden_17_compositions_at_earth(source: str, expected: list[float]) -> None:
    """NuFIT 5.2, to 0.001."""
    np.testing.assert_allclose(at_earth(SOURCES[source], mixing("nufit52_no")), expected, atol=1e-3)
