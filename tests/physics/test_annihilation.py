import pytest

from configs.errors import InputError
from physics.annihilation import annihilation_flux_factor, decay_flux_factor, events_per_decay_rate, sigma_v_per_event

CM2_PER_M2 = 1e4
BOTH_TYPES = 2.0


def test_golden_9_annihilation() -> None:
    flux = annihilation_flux_factor(1e-24, 100.0) * 1e20
    assert flux == pytest.approx(3.978874e-10, rel=1e-6)
    assert BOTH_TYPES * flux * CM2_PER_M2 * 1e8 == pytest.approx(795.7747, rel=1e-6)
    assert sigma_v_per_event(100.0, 1e8, BOTH_TYPES * CM2_PER_M2 * 1e20) == pytest.approx(1.2566371e-27, rel=1e-7)


def test_golden_9_decay() -> None:
    flux = decay_flux_factor(1e26, 200.0) * 1e18
    assert flux == pytest.approx(3.978874e-12, rel=1e-6)
    assert events_per_decay_rate(200.0, 1e8, BOTH_TYPES * CM2_PER_M2 * 1e18) / 1e26 == pytest.approx(7.957747, rel=1e-6)


def test_dirac_particles_give_half_the_flux_and_twice_the_limit() -> None:
    assert annihilation_flux_factor(1e-24, 50.0, dirac=True) == pytest.approx(annihilation_flux_factor(1e-24, 50.0) / 2)
    assert sigma_v_per_event(50.0, 1e8, 1e20, dirac=True) == pytest.approx(2 * sigma_v_per_event(50.0, 1e8, 1e20))


@pytest.mark.parametrize("livetime_s", [0.0, -1.0, float("inf"), float("nan")])
def test_livetime_must_be_a_positive_number(livetime_s: float) -> None:
    with pytest.raises(InputError, match="livetime_s is .*; it must be a positive number"):
        sigma_v_per_event(100.0, livetime_s, 1e20)


def test_mass_and_lifetime_must_be_positive() -> None:
    with pytest.raises(InputError, match="mass_gev is 0"):
        annihilation_flux_factor(1e-24, 0)
    with pytest.raises(InputError, match="lifetime_s is -1"):
        decay_flux_factor(-1, 10)
