"""The published program's likelihood, for the comparison with it: densities, and trials against its scan of whole numbers."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import pytest
from dark_matter_case import as_simulation, process, sample, simulated
from hypothesis import given as drawn_from
from hypothesis import settings
from hypothesis import strategies as st
from reference.reference_mode_scan import background_statistic, scan, signal_statistic
from scipy import stats

from configs.dark_matter import Campaign
from configs.dark_matter import Window as WindowOptions
from configs.errors import InputError
from data_info.annihilation_spectra import SpectrumTable
from data_info.dwarf_galaxies import select
from fits.dark_matter.inputs import Simulation, SkyEvents
from fits.dark_matter.random_streams import stream_key
from fits.dark_matter.reference import PSI_EDGES, ReferenceModel, background_shares, exact_counts, model, model_of, scrambled_counts, signal_shares
from fits.dark_matter.reference_trials import Rules, best_whole, drawn_counts, fit_counts, run_reference_trials, sensitivity, whole_injected
from fits.dark_matter.windows import Window, given
from physics.annihilation_spectra import Spectra, line, michel
from physics.sphere import angle

SOURCES = select()
WINDOW = Window(0, 60)
KEY = stream_key("reference mode", 1)


@functools.cache
def unweighted() -> Simulation:
    hists = process(simulated(20_000), reference=True, psi_edges_deg=[0.0, 180.0])
    return dataclasses.replace(as_simulation(hists), unweighted=hists["reference_response"].values(flow=True).astype(float))


@functools.cache
def made(n_events: int = 1000, mass_gev: float = 100.0, low: int = 24, high: int = 107) -> ReferenceModel:
    return model(unweighted(), sample().sky, michel(mass_gev), SOURCES, Window(low, high), n_events)


# densities


def test_signal_ignores_weights_and_averages_flavours() -> None:
    """What the published program did, event by event."""
    events = simulated(20_000)
    spectrum = michel(100.0)
    kept = 10.0 ** events["logE"] < 60.0
    per_gev = spectrum.per_log10_x(np.log10(events["trueE"] / 100.0)).mean(axis=0) / events["trueE"]
    psi = angle(events["ra"], events["dec"], events["trueRa"], events["trueDec"])
    expected, _ = np.histogram(psi[kept], PSI_EDGES, weights=per_gev[kept])
    np.testing.assert_allclose(signal_shares(unweighted(), spectrum, WINDOW), expected / expected.sum(), atol=2e-3)


def test_golden_27_scrambled_and_exact_backgrounds() -> None:
    """30 right ascensions for every event scatter around the exact distribution, a little less than independent events would."""
    generator = np.random.default_rng(27)
    dec = np.arcsin(sample().sky.sindec[sample().sky.energy_gev < 60.0])
    chi2 = []
    for source in SOURCES:
        exact = 30.0 * exact_counts(dec, source)
        chi2.append(float(((scrambled_counts(dec, source, 30, generator) - exact) ** 2 / exact).sum()) / 35.0)
    assert 0.8 < np.mean(chi2) < 1.1


def test_backgrounds_are_probabilities_of_their_source() -> None:
    found = background_shares(sample().sky, WINDOW, SOURCES)
    assert found.shape == (29, 36)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)
    uniform = SkyEvents(np.zeros(20_001), np.linspace(-1.0, 1.0, 20_001), np.full(20_001, 5.0))
    np.testing.assert_allclose(background_shares(uniform, WINDOW, SOURCES)[3], -np.diff(np.cos(PSI_EDGES)) / 2.0, atol=1e-4)


def test_band_of_declination() -> None:
    narrow = background_shares(sample().sky, WINDOW, SOURCES[:2], band_deg=40.0)
    everything = background_shares(sample().sky, WINDOW, SOURCES[:2], band_deg=360.0)
    assert (narrow[:, 0] > everything[:, 0]).all()
    np.testing.assert_array_equal(everything, background_shares(sample().sky, WINDOW, SOURCES[:2]))
    with pytest.raises(InputError, match="no data in 0-60 GeV within 0.0005 degrees in declination of AquariusII; widen compat.band_deg"):
        background_shares(sample().sky, WINDOW, SOURCES, band_deg=1e-3)


def test_bad_models() -> None:
    with pytest.raises(InputError, match="likelihood.type: reference needs simulated events without weights: processor.reference: true"):
        signal_shares(sample().simulation["mu"], michel(100.0), WINDOW)
    with pytest.raises(InputError, match="no simulated signal in 490-495 GeV; widen the window"):
        signal_shares(unweighted(), line(20.0, 0.05), Window(490, 495))
    with pytest.raises(InputError, match="compat.n_trial: 50 events; the scan goes to a hundredth of them, give 100 or more"):
        made(50)
    with pytest.raises(InputError, match="drawing right ascensions needs a random generator"):
        background_shares(sample().sky, WINDOW, SOURCES, scrambles=30)
    hole = made().background.copy()
    hole[4, 2] = 0.0
    with pytest.raises(InputError, match=r"no background between 10 and 15 degrees of source 4 \(from 0\): widen the window or compat.band_deg"):
        dataclasses.replace(made(), background=hole)


def test_bins_that_neither_fills_count_for_nothing() -> None:
    """The published program took the logarithm of 0 there."""
    background, signal = made().background.copy(), made().signal.copy()
    background[:, -1] = signal[-1] = 0.0
    one = ReferenceModel(background / background.sum(axis=1, keepdims=True), signal / signal.sum(), made().weight, 1000)
    found = run_reference_trials(one, KEY, 50)
    assert np.isfinite(found.ts).all()
    assert (drawn_counts(one, KEY, 3)[:, -1] == 0).all()


def test_model_of_a_campaign() -> None:
    """As the program was run: its windows, 30 right ascensions an event, 1000 events, its own statistic, a shared background."""
    options = Campaign()
    one = dataclasses.replace(sample(), simulation={"mu": unweighted()})
    spectra = Spectra(SpectrumTable("none", {}))
    found = model_of(options, one, spectra, SOURCES, "Nu", 50.0)
    exact = model(unweighted(), sample().sky, line(50.0, 0.05), SOURCES, given("reference", "Nu", 50), 1000)
    np.testing.assert_array_equal(found.signal, exact.signal)
    assert 0.0 < np.abs(found.background - exact.background).max() < 0.01
    assert Rules.of(options.compat) == Rules("reference", True)
    with pytest.raises(InputError, match="window.rule: optimise is not a rule of the published program"):
        model_of(options.model_copy(update={"window": WindowOptions(rule="optimise")}), one, spectra, SOURCES, "Nu", 50.0)


# golden 17: whole numbers


@pytest.mark.parametrize(("n_events", "count"), [(1000, 150), (100_000, 12)])
def test_golden_17_background_trials(n_events: int, count: int) -> None:
    one = made(n_events)
    found = run_reference_trials(one, KEY, count)
    slow = [background_statistic(drawn_counts(one, KEY, trial), one.signal, one.background, one.weight) for trial in range(count)]
    assert found.n_hat.tolist() == [n for n, _ in slow]
    np.testing.assert_allclose(found.ts, [ts for _, ts in slow], rtol=0, atol=1e-9)
    assert found.ts.max() > 0.0


@pytest.mark.parametrize("injected", [1.0, 5.0, 40.0, 700.0])
@pytest.mark.parametrize("signal_ts", ["reference", "consistent"])
@pytest.mark.parametrize("shared", [True, False])
def test_golden_17_signal_trials(injected: float, signal_ts: str, shared: bool) -> None:
    one, rules = made(), Rules(signal_ts, shared)
    found = run_reference_trials(one, KEY, 25, injected=injected, rules=rules)
    m = whole_injected(one, injected)
    for trial in range(25):
        counts = drawn_counts(one, KEY, trial, injected=injected, shared=shared)
        assert (counts.sum(axis=1) == 1000 + m).all()
        shapes = (one.signal, one.background, one.weight)
        n, ts = signal_statistic(counts, *shapes, m) if signal_ts == "reference" else background_statistic(counts, *shapes)
        assert (found.n_hat[trial], found.ts[trial]) == (n, pytest.approx(ts, abs=1e-9))


@drawn_from(st.integers(0, 2**32), st.integers(0, 400), st.integers(-1, 500))
@settings(max_examples=150, deadline=None)
def test_golden_17_whole_number_is_that_of_the_scan(seed: int, injected: int, highest: int) -> None:
    one = made()
    generator = np.random.default_rng(seed)
    counts = generator.multinomial(1000, one.background[seed % 29]) + generator.multinomial(injected, one.signal)
    number, ts = best_whole(counts, one.ratio[seed % 29], highest, 1000 + injected)
    n, expected = scan(counts, one.signal, one.background[seed % 29], highest + 1)
    assert (number, ts) == (n, pytest.approx(expected, abs=1e-9))


def test_data_are_scanned_ten_times_further() -> None:
    """The published program clipped n at a hundredth of the events in trials and at a tenth for data."""
    one = made()
    counts = drawn_counts(one, KEY, 0, injected=2000.0)
    n, _ = fit_counts(one, counts)
    clipped, _ = fit_counts(one, counts, 0.01)
    slow = [scan(row, one.signal, of_source, int(row.sum()) // 10) for row, of_source in zip(counts, one.background, strict=True)]
    assert n == round(float(one.weight @ [number for number, _ in slow])) > clipped


# trials


def test_golden_19_trials_do_not_depend_on_the_split() -> None:
    whole = run_reference_trials(made(), KEY, 60, injected=30.0)
    parts = [run_reference_trials(made(), KEY, count, first=first, injected=30.0) for first, count in ((0, 7), (7, 53))]
    for name in ("trial", "n_hat", "ts"):
        np.testing.assert_array_equal(getattr(whole, name), np.concatenate([getattr(part, name) for part in parts]))
    assert len(np.unique(whole.ts[whole.ts > 0])) == np.count_nonzero(whole.ts > 0)


def test_shared_background_is_one_for_all_trials() -> None:
    one = made()
    m = whole_injected(one, 30.0)
    same = [drawn_counts(one, KEY, trial, injected=30.0, shared=True) for trial in (0, 1)]
    fresh = [drawn_counts(one, KEY, trial, injected=30.0) for trial in (0, 1)]
    assert np.abs(same[0] - same[1]).sum() <= 2 * m.sum()
    assert np.abs(fresh[0] - fresh[1]).sum() > 20 * m.sum()
    assert (same[0][m == 0] == same[1][m == 0]).all()


def test_rounding_loses_injected_events() -> None:
    """A defect that the mode repeats and no other likelihood has: of 5 events 2 are injected, of 1 none."""
    assert whole_injected(made(), 1.0).sum() == 0
    assert whole_injected(made(), 5.0).sum() < 5
    assert whole_injected(made(), 1000.0).sum() == pytest.approx(1000, abs=10)


def test_consistent_statistic_without_signal_is_that_of_the_background() -> None:
    background = run_reference_trials(made(), KEY, 1500)
    signal = run_reference_trials(made(), stream_key("other"), 1500, injected=1e-9)
    assert stats.ks_2samp(background.ts, signal.ts).pvalue > 1e-3


def test_published_statistic_is_not_that_of_its_background() -> None:
    """Its thresholds come from one statistic and its passing fractions from another: the distributions differ where they must not."""
    few = 4.0  # injected: less than one standard deviation
    consistent, published = (run_reference_trials(made(), KEY, 800, injected=few, rules=Rules(rule)) for rule in ("consistent", "reference"))
    assert stats.ks_2samp(consistent.ts, published.ts).pvalue < 1e-6


def asymptotic(generator: np.random.Generator, weight: np.ndarray, size: int) -> np.ndarray:
    return np.asarray((np.maximum(generator.standard_normal((size, len(weight))), 0.0) ** 2) @ weight)


def test_golden_26_asymptotic_background() -> None:
    """sum w max(0, z)^2 with the shares of J: mean 0.5, median 0.400, 90 % quantile 0.983."""
    drawn = asymptotic(np.random.default_rng(26), made().weight, 400_000)
    assert (drawn.mean(), np.median(drawn), np.quantile(drawn, 0.9)) == tuple(pytest.approx(one, abs=0.005) for one in (0.5, 0.400, 0.983))


def test_golden_26_background_trials_follow_it_where_the_scan_is_long_enough() -> None:
    """A line at 300 GeV with 1e5 events: a hundredth of the events is many standard deviations."""
    one = model(unweighted(), sample().sky, line(300.0, 0.05), SOURCES, Window(0, 500), 100_000)
    sigma = math.sqrt(100_000 / (one.background[0] * one.ratio[0] ** 2).sum())
    assert 1000.0 / sigma > 8.0
    assert sigma > 10.0  # whole numbers are fine enough
    found = run_reference_trials(one, KEY, 3000).ts
    expected = asymptotic(np.random.default_rng(1), one.weight, 3000)
    assert stats.ks_2samp(found, expected).pvalue > 1e-3


def test_sensitivity_of_the_published_grid() -> None:
    background = run_reference_trials(made(), KEY, 400).ts
    found = sensitivity(made(), stream_key("s"), background, 300)
    passing = (run_reference_trials(made(), stream_key("t"), 1000, injected=found).ts > np.median(background)).mean()
    assert passing == pytest.approx(0.9, abs=0.06)
    assert sensitivity(made(), stream_key("s"), background, 100, share=0.3) == 0.0
    blind = ReferenceModel(made().background[:1], made().background[0], np.ones(1), 100)
    with pytest.raises(InputError, match="no number of injected events up to 100 is found in 90% of the trials"):
        sensitivity(blind, KEY, run_reference_trials(blind, KEY, 50).ts, 20)


def test_sensitivity_where_the_first_point_is_enough() -> None:
    """The published interpolation failed when a single event was found in more than 90 % of the trials."""
    background = np.full(36, 1.0 / 35.0)
    background[0] = 1e-7
    signal = np.zeros(36)
    signal[0] = 1.0
    one = ReferenceModel((background / background.sum())[None], signal, np.ones(1), 1000)
    assert sensitivity(one, KEY, run_reference_trials(one, KEY, 500).ts, 200) == pytest.approx(0.9, abs=2e-3)
