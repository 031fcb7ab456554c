"""Generated events beside real ones: the published table, and the comparison on samples whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from configs.errors import TooFewEvents
from data_info.iwcd_tables import MEAN_HITS, hits_by_energy
from fits.generator_check import compare_hits, joined, shape_test, slices_of
from records.results import load_results, save_results

TABLE = hits_by_energy()


def follows_the_table(name: str, size: int, seed: int, factor: float = 1.0) -> dict[str, np.ndarray]:
    """Events of one particle whose slices have the published means, with a spread of a third."""
    random = np.random.default_rng(seed)
    energy = 1.2 + random.uniform(0.0, 1000.0, size)
    mean = factor * TABLE[name].mean[slices_of(energy, TABLE[name])]
    return {"particle": np.full(size, name), "energy": energy, "nhits": np.maximum(random.normal(mean, mean / 3), 0)}


def test_the_table_is_that_of_3000_events_of_each_particle() -> None:
    """Specification 7: slices of 100 MeV, 3000 events each, and the mean of all is the published one."""
    assert list(TABLE) == ["e-", "mu-", "gamma", "pi0"]
    for name, one in TABLE.items():
        assert one.events.sum() == pytest.approx(3000, abs=1)
        np.testing.assert_array_equal(one.low_mev, np.arange(0, 1000, 100))
        np.testing.assert_array_equal(one.high_mev, np.arange(100, 1100, 100))
        assert np.average(one.mean, weights=one.events) == pytest.approx(MEAN_HITS[name][0], abs=4)
        assert np.all((one.median < one.q95) & (one.mean < one.q95))


@pytest.mark.public_data
def test_the_table_of_electrons_is_that_of_the_real_events(public_data: Path) -> None:
    with np.load(public_data / "iwcd/electrons_nhits_energy.npz") as real:
        energy, nhits = real["energy"].astype(float), real["nhits"]
    tenths = np.clip(10 * (energy - energy.min()) / np.ptp(energy), 0, 9.999).astype(int)  # as published: of the sample's range, 999.6 MeV
    assert np.mean(tenths == slices_of(energy, TABLE["e-"])) > 0.99
    parts = [nhits[tenths == i] for i in range(10)]
    np.testing.assert_array_equal([len(one) for one in parts], TABLE["e-"].events)
    np.testing.assert_allclose([one.mean() for one in parts], TABLE["e-"].mean, rtol=0.003, atol=1.0)
    half_bin = 4299 / 50 / 2  # medians and quantiles were read off bins of 86 hits
    np.testing.assert_allclose([np.median(one) for one in parts], TABLE["e-"].median, atol=half_bin)
    np.testing.assert_allclose([np.quantile(one, 0.95) for one in parts], TABLE["e-"].q95, atol=half_bin)


def test_events_that_follow_the_table_agree_with_it(tmp_path: Path) -> None:
    parts = [follows_the_table(name, 3000, seed) for seed, name in enumerate(TABLE)]
    found = compare_hits({key: np.concatenate([part[key] for part in parts]) for key in parts[0]})
    assert set(found.particles) == set(TABLE)
    for one in found.particles.values():
        assert one.chi2_p > 1e-3
        assert one.largest_deviation < 0.2
        assert one.shape is None
    save_results(tmp_path / "results.json", "iwcd", "test", {"hits": found})
    assert load_results(tmp_path / "results.json")["hits"] == found


def test_wrong_light_is_seen_in_every_slice() -> None:
    one = compare_hits(follows_the_table("mu-", 3000, 5, factor=1.25)).particles["mu-"]
    assert one.chi2_p < 1e-6
    np.testing.assert_allclose(one.ratio, 1.25, atol=4 * np.max(one.ratio_error))


def test_chi2_of_means_has_a_flat_p_value() -> None:
    """Real means fluctuate too: with their errors left out p would pile up at zero."""
    p = []
    for seed in range(60):
        events = follows_the_table("e-", 3000, seed)
        number = slices_of(events["energy"], TABLE["e-"])
        again = follows_the_table("e-", 3000, 1000 + seed)
        shift = np.array([again["nhits"][slices_of(again["energy"], TABLE["e-"]) == i].mean() for i in range(10)]) - TABLE["e-"].mean
        p.append(compare_hits(events | {"nhits": events["nhits"] + shift[number]}).particles["e-"].chi2_p)
    assert np.mean(p) == pytest.approx(0.5, abs=0.15)
    assert np.mean(np.array(p) < 0.1) == pytest.approx(0.1, abs=0.12)


def test_shape_tests_are_those_of_scipy_on_equal_and_different_samples() -> None:
    random = np.random.default_rng(2)
    real, same, other = random.normal(1000, 200, 800), random.normal(1000, 200, 800), random.normal(1150, 200, 800)
    equal, different = shape_test(real, same), shape_test(real, other)
    assert equal.ks_p > 0.01
    assert equal.chi2_p > 0.01
    assert different.ks_p < 1e-6
    assert different.chi2_p < 1e-6
    assert sum(equal.real) == sum(equal.generated) == 800
    table = joined(np.array([equal.real, equal.generated]))
    assert table.sum() == 1600
    assert table.sum(axis=0).min() >= 10
    assert equal.chi2 == pytest.approx(chi2_contingency(table, correction=False).statistic)


def test_few_events_and_unknown_particles_are_said() -> None:
    with pytest.raises(TooFewEvents, match=r"a slice of energy has \d events of pi0, 10 are needed"):
        compare_hits(follows_the_table("pi0", 60, 1))
    with pytest.raises(TooFewEvents, match=r"no particle of the published table \(e-, mu-, gamma, pi0\)"):
        compare_hits({"particle": np.array(["pi+"]), "energy": np.ones(1), "nhits": np.ones(1)})
