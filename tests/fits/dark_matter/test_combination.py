import math
from dataclasses import replace

import numpy as np
import pytest
from dark_matter_campaign import bank_of, result, shared
from dark_matter_case import sample

from configs.errors import InputError
from data_info.dwarf_galaxies import JFactor
from fits.dark_matter.case import prepare
from fits.dark_matter.combination import evaluate
from records.results import decode_result, encode_result

WINDOW = {"rule": {"Nu": {50: [34, 83]}, "b": {100: [10, 80]}, "Tau": {100: [10, 80]}, "half": {100: [10, 80]}}}


@pytest.fixture(scope="module")
def plain():
    return result(shared(j_nuisance="none"))


def test_numbers_of_a_combination(plain) -> None:
    """In units of the width: 1.28 for the sensitivity, 3 for the discovery, 1.64 for the limit (few trials, and some percent of signal)."""
    assert plain.sensitivity.n / plain.sigma_n == pytest.approx(1.4, abs=0.2)
    assert plain.discovery["3"].n / plain.sigma_n == pytest.approx(3.2, abs=0.4)
    assert plain.limit.band_n["0"] / plain.sigma_n == pytest.approx(1.75, abs=0.25)
    assert plain.asymptotic_limit.band_n["0"] / plain.sigma_n == pytest.approx(1.75, abs=0.1)
    assert list(plain.limit.band_n.values()) == sorted(plain.limit.band_n.values())
    assert plain.background.zero_fraction == pytest.approx(0.5, abs=0.08)
    assert (plain.window_gev, plain.unit, plain.mode) == ((34, 83), "cm^3 s^-1", "annihilation")
    assert plain.n_events == sample().counts[:, 34:83].sum()
    assert sum(plain.background.ts_counts) == plain.background.n_trials == 600


def test_one_factor_between_events_and_cross_section(plain) -> None:
    assert plain.sensitivity.value == pytest.approx(plain.per_event * plain.sensitivity.n)
    assert plain.limit.band["1"] == pytest.approx(plain.per_event * plain.limit.band_n["1"])


def test_fits_of_injected_events_are_linear(plain) -> None:
    """Beyond two standard deviations the mean is the injected number (few trials: within five errors and 4 %)."""
    injected, mean, error = (np.array(getattr(plain.injection, name)) for name in ("injected", "mean", "mean_error"))
    far = injected > 2.0 * plain.sigma_n
    assert far.sum() > 5
    assert (np.abs(mean - injected)[far] < 5.0 * error[far] + 0.04 * injected[far]).all()


def test_result_survives_json(plain) -> None:
    assert decode_result(encode_result(plain), "here") == plain


def test_blind_data_are_not_fitted(plain) -> None:
    assert plain.blind
    assert plain.observation is None
    assert math.isnan(plain.limit.n_up)


def test_unblinded_data_are() -> None:
    found = result(shared(blind=False, j_nuisance="none"))
    assert 0.0 < found.observation.p <= 1.0
    assert found.observation.n_hat >= 0.0
    assert 0.5 * found.sigma_n < found.limit.n_up < 6.0 * found.sigma_n
    assert found.limit.up == pytest.approx(found.per_event * found.limit.n_up)
    assert math.isnan(found.observation.p_global)


@pytest.mark.parametrize("method", ["cls", "fc", "neyman", "profile"])
def test_every_method_gives_limit_and_band(method: str) -> None:
    found = result(shared(blind=False, j_nuisance="none", statistics={"limit_method": method, "target_error": 0.3}))
    assert found.limit.method == method
    assert found.limit.band_method == ("fc" if method == "fc" else "cls")
    assert 0.0 <= found.limit.n_low < found.limit.n_up < 7.0 * found.sigma_n


def test_limits_depend_on_the_treatment_of_j(plain) -> None:
    """Errors of J were read and dropped. In total they weaken the limit; drawn one by one they add signal more often than they take it."""
    total, marginal = (result(shared(j_nuisance=treatment)) for treatment in ("total", "marginal"))
    assert total.spread == pytest.approx(0.45, abs=0.08)
    assert total.limit.band_n["0"] > 1.1 * plain.limit.band_n["0"]
    assert marginal.limit.band_n["0"] != plain.limit.band_n["0"]
    assert marginal.sensitivity.n < plain.sensitivity.n
    assert total.sensitivity.n == plain.sensitivity.n  # a test of background alone does not know the strength


def test_acceptance_is_an_error_like_any() -> None:
    found = result(shared(j_nuisance="none", acceptance_syst=0.4))
    assert found.spread == 0.4
    together = result(shared(acceptance_syst=0.4)).spread
    assert together == pytest.approx(math.hypot(0.4, result(shared()).spread))


def test_free_total_changes_limits_little(plain) -> None:
    found = result(shared(j_nuisance="none", likelihood={"extended": True}))
    assert found.sensitivity.n == plain.sensitivity.n
    assert found.asymptotic_limit.band_n["0"] == pytest.approx(plain.asymptotic_limit.band_n["0"], rel=0.02)
    assert found.asymptotic_limit.band_n["0"] != plain.asymptotic_limit.band_n["0"]


def test_energies_add_information() -> None:
    one, eight = (prepare(shared(pdf={"energy_bins": bins}, window=WINDOW), "b", 100.0).bins for bins in (1, 8))
    assert eight.cell_bin.shape[0] == 8
    assert eight.sigma_n < one.sigma_n


def test_known_background_is_worth_more_than_scrambled_data() -> None:
    scrambled, known = (prepare(shared(likelihood={"background": kind}), "b", 10.0).bins for kind in ("scrambled", "mc"))
    assert known.known
    assert known.sigma_n < 0.8 * scrambled.sigma_n
    np.testing.assert_array_equal(known.with_signal(100.0).ratio, known.ratio)


def test_dirac_particles_meet_half_as_often(plain) -> None:
    assert prepare(shared(dirac=True), "Nu", 50.0).conversion.per_event == pytest.approx(2.0 * plain.per_event)


def test_mixed_channel_is_the_mean_of_its_parts() -> None:
    common = shared(mixtures={"half": {"b": 0.5, "Tau": 0.5}}, window=WINDOW, channels={"half": [100]})
    half, b, tau = (1.0 / prepare(common, channel, 100.0).conversion.per_event for channel in ("half", "b", "Tau"))
    assert half == pytest.approx(0.5 * (b + tau), rel=1e-9)


def test_decay_of_twice_the_mass_is_the_same_sky() -> None:
    """Spectrum, window and events are those of the annihilation at half the mass; fewer events are a longer life."""
    common = shared(mode="decay", j_nuisance="none")
    sources = [replace(source, j=JFactor(source.j.log10 - 1.0, source.j.plus, source.j.minus)) for source in common.sources]
    found, other = result(replace(common, sources=sources), "Nu", 100.0), prepare(shared(), "Nu", 50.0)
    assert found.sigma_n == pytest.approx(other.bins.sigma_n)
    assert (found.unit, found.mode, found.window_gev) == ("s", "decay", (34, 83))
    assert found.sensitivity.value == pytest.approx(found.per_event / found.sensitivity.n)
    assert found.limit.band["2"] < found.limit.band["0"] < found.limit.band["-2"]


def test_several_flavours_add_up() -> None:
    """The same simulation for two flavours: their fluxes at Earth add."""
    common = shared(flavours=["mu", "tau"])
    both = replace(common, sample=replace(common.sample, simulation={"mu": sample().simulation["mu"], "tau": sample().simulation["mu"]}))
    mu, tau = (1.0 / prepare(replace(both, options=shared(flavours=[one]).options), "Nu", 50.0).conversion.per_event for one in ("mu", "tau"))
    assert 1.0 / prepare(both, "Nu", 50.0).conversion.per_event == pytest.approx(mu + tau, rel=1e-9)


def test_sources_one_by_one() -> None:
    """For information: no source reaches what the stack does; shares sum to 1."""
    found = result(shared(blind=False, likelihood={"type": "source"}))
    assert len(found.sources) == 29
    assert sum(source.share for source in found.sources) == pytest.approx(1.0)
    best = min(source.sensitivity for source in found.sources)
    assert 0.8 * found.sensitivity.value < best < 20.0 * found.sensitivity.value
    assert all(source.up > 0.0 and 0.0 < source.p_asymptotic <= 0.5 for source in found.sources)
    assert all(math.isnan(source.up) for source in result(shared(likelihood={"type": "source"})).sources)


def test_best_window_of_the_configuration() -> None:
    found = prepare(shared(window={"rule": "optimise", "range": [20, 120]}), "Nu", 50.0)
    assert 20 <= found.window.low < 50 < found.window.high <= 120


def test_wrong_questions_name_the_combination() -> None:
    with pytest.raises(InputError, match=r"Nu at 50 GeV: trials.n_events is 1000, the window 34-83 GeV holds \d+ data events"):
        prepare(shared(trials={"n_events": 1000}), "Nu", 50.0)
    with pytest.raises(InputError, match="bb at 100 GeV: channel 'bb' is not in example spectra"):
        prepare(shared(), "bb", 100.0)
    with pytest.raises(InputError, match="W at 80 GeV: channel W of .* has spectra for 90 to 300 GeV; 80 GeV is outside"):
        prepare(shared(), "W", 80.0)
    with pytest.raises(InputError, match="Nu at 60 GeV: no window for Nu at 60 GeV: the published windows have masses 5, 10"):
        prepare(shared(), "Nu", 60.0)
    with pytest.raises(InputError, match=r"Nu at 50 GeV: the window 480-499 GeV holds 0 data events"):
        prepare(shared(window={"rule": {"Nu": {50: [480, 499]}}}), "Nu", 50.0)


def test_engines_agree() -> None:
    """The NumPy engine draws other numbers of the same distribution."""
    common = shared(j_nuisance="none", trials={"engine": "numpy", "background": 300, "per_limit_point": 100, "signal_per_point": 200})
    case = prepare(common, "Nu", 50.0)
    found = evaluate(case, common, bank_of(case, common))
    assert found.background.engine == "numpy"
    assert found.sensitivity.n / found.sigma_n == pytest.approx(1.3, abs=0.3)
