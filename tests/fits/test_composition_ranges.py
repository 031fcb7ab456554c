"""Ranges of fractions, p-values of compositions, and the likelihood with a free composition: closed forms, a second way, Wilks' theorem."""

from __future__ import annotations

import csv
import dataclasses
import math
import pickle

import numpy as np
import pytest
from flavour_case import RESPONSE, THETA, Projected, expected
from hypothesis import given, settings
from hypothesis import strategies as st
from surrogate_case import PUBLISHED

from configs.diffuse import FlavourScan
from configs.errors import InputError
from fits.flavour import EQUAL, ToysOfSources, scan_flavours
from fits.flavour_ranges import fraction_profile, fraction_ranges
from fits.flavour_toys import composition_toys
from fits.free_composition import FREE, FreeComposition, as_start, composition_of
from fits.minimise import minimise
from records.diffuse import FlavourResult
from records.results import decode_result, encode_result
from records.study_tables import flavour_table, save_study_tables
from records.summary import rows
from records.text_tables import to_latex

GRID = np.linspace(0.0, 1.0, 26)
COUNTS = RESPONSE.project_counts(np.random.default_rng(8).poisson(expected(EQUAL)), ["energy", "topology"])
LIKELIHOODS = Projected(COUNTS)
FREED = FreeComposition.made(LIKELIHOODS)


def triangle(function) -> np.ndarray:
    x, y = np.meshgrid(GRID, GRID, indexing="ij")
    return np.where(x + y <= 1.0 + 1e-9, function(x, y), math.nan)


def through_pickles(function, items):
    """What an executor does: the function travels, items come in any order."""
    made = {item: pickle.loads(pickle.dumps(function))(item) for item in reversed(list(items))}
    return [made[item] for item in sorted(made)]


@pytest.fixture(scope="module")
def scanned() -> FlavourResult:
    return scan_flavours(LIKELIHOODS, PUBLISHED, 0.1, "nufit60_no", toys=ToysOfSources(4, 5))


def test_ranges_of_a_paraboloid() -> None:
    """Independent widths s, t of f_e and f_mu: their ranges are +- s and +- t, that of f_tau is their quadratic sum; twice that at 95 %."""
    s, t, best = 0.05, 0.04, (0.31, 0.37, 0.32)
    ranges = fraction_ranges(GRID, triangle(lambda x, y: (x - best[0]) ** 2 / (2 * s**2) + (y - best[1]) ** 2 / (2 * t**2)), best)
    for label, n in (("0.6827", 1.0), ("0.9545", 2.0)):
        for flavour, middle, width in zip(("e", "mu", "tau"), best, (s, t, math.hypot(s, t)), strict=True):
            assert ranges[label][flavour] == pytest.approx((middle - n * width, middle + n * width), abs=2e-3)


def test_ranges_end_at_the_sides_of_the_triangle() -> None:
    """Nothing known but that f_e is small: f_mu and f_tau may be anything."""
    ranges = fraction_ranges(GRID, triangle(lambda x, y: x / 0.1), (0.0, 0.5, 0.5))
    assert ranges["0.6827"]["e"] == pytest.approx((0.0, 0.05))
    assert ranges["0.6827"]["mu"] == ranges["0.9545"]["tau"] == (0.0, 1.0)


def test_a_profile_finds_the_lowest_between_points_and_skips_failures() -> None:
    surface = triangle(lambda x, y: (y - 0.123) ** 2)
    np.testing.assert_allclose(fraction_profile(surface, 0)[:20], 0.0, atol=1e-15)
    surface[3] = math.nan
    assert math.isnan(fraction_profile(surface, 0)[3])
    assert np.isfinite(fraction_profile(surface, 1)).all()


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.floats(1.0, 9.0), st.floats(2.0, 3.5))
@settings(max_examples=15, deadline=None)
def test_the_free_likelihood_is_that_of_its_composition(u: float, v: float, norm: float, gamma: float) -> None:
    """The expectation is linear in the fractions: three pure fluxes are enough. Gradient against central differences."""
    theta = np.array([norm, gamma, 1.2, u, v])
    value, gradient = FREED.value_and_gradient(theta)
    assert value == pytest.approx(LIKELIHOODS(composition_of(dict(zip(FREE, (u, v), strict=True)))).value(theta[:3]), rel=1e-7)
    for i, step in enumerate(1e-5 * np.eye(5)):
        numeric = (FREED.value_and_gradient(theta + step)[0] - FREED.value_and_gradient(theta - step)[0]) / 2e-5
        assert gradient[i] == pytest.approx(numeric, rel=1e-4, abs=1e-4)
    assert as_start({}, composition_of({FREE[0]: u, FREE[1]: v})) == pytest.approx({FREE[0]: u, FREE[1]: v})


def test_the_free_fit_is_the_minimum_of_the_scan_and_its_ranges(scanned: FlavourResult) -> None:
    """Second way: one fit with the composition free, and fits with one fraction held at the end of its range."""
    joint = minimise(FREED)
    assert joint.nll == pytest.approx(scanned.nll, abs=1e-5)
    assert composition_of(joint.values) == pytest.approx(scanned.best, abs=0.01)
    for label, level in (("0.6827", 0.5), ("0.9545", 2.0)):
        low, high = scanned.ranges[label]["e"]
        ends = [end for end in (low, high) if 0.0 < end < 1.0]
        assert ends
        for end in ends:
            held = minimise(FREED, starts=[as_start(joint.values, (end, (1 - end) / 2, (1 - end) / 2))], fixed={FREE[0]: end})
            assert held.nll - joint.nll == pytest.approx(level, rel=0.03)


def test_a_pool_gives_the_same_to_the_bit(scanned: FlavourResult) -> None:
    again = scan_flavours(LIKELIHOODS, PUBLISHED, 0.1, "nufit60_no", toys=ToysOfSources(4, 5), execute=through_pickles)
    np.testing.assert_array_equal(again.delta_nll, scanned.delta_nll)
    assert again.toys == scanned.toys
    assert again.best == scanned.best


def test_sources_have_p_values_and_regions(scanned: FlavourResult, tmp_path) -> None:
    assert list(scanned.toys) == list(scanned.sources)
    for name, one in scanned.toys.items():
        assert one.ts == pytest.approx(scanned.ts[name], abs=1e-4)
        assert len(one.ts_toys) + one.n_failed == 4
        assert min(one.ts_toys) >= -1e-6
        assert scanned.p_asymptotic(name) == pytest.approx(math.exp(-scanned.ts[name] / 2))
    moved = dataclasses.replace(scanned, ts={"pion decay": 2.2, "damped muons": 6.1, "neutron decay": 6.3})
    assert [moved.contained(name) for name in moved.sources] == ["68 %", "95 %", "outside 95 %"]  # chi-square of 2: 2.30 and 6.18
    shown = dict(row[:2] for row in rows(scanned))
    low, high = scanned.ranges["0.6827"]["tau"]
    assert shown["fraction of tau"].startswith(f"{scanned.best[2]:.2f}, 68 %: {low:.2f} to {high:.2f}, 95 %: ")
    assert "(4 toys)" in shown["pion decay"]
    (back,) = [decode_result(encode_result(scanned), "")]
    assert back.ranges["0.9545"] == {name: tuple(ends) for name, ends in scanned.ranges["0.9545"].items()}
    paths = save_study_tables(tmp_path, {"main.flavour": scanned})
    assert [path.name for path in paths] == ["main.flavour.csv", "main.flavour.tex"]
    table = list(csv.DictReader(paths[0].read_text().splitlines()))
    assert [row["composition"] for row in table] == ["best fit", *scanned.sources, *["grid"] * 66]
    sums = [sum(float(row[f"fraction of {name}"]) for name in ("e", "mu", "tau")) for row in table]
    np.testing.assert_allclose(sums, 1.0, atol=1e-12)
    assert float(table[4]["TS"]) == pytest.approx(2.0 * scanned.delta_nll[0][0])
    assert to_latex(flavour_table(scanned)).count("grid") == 0
    save_study_tables(tmp_path, {})
    assert list(tmp_path.iterdir()) == []


def test_many_events_follow_the_theorem_of_wilks() -> None:
    """A hundred times the flux, a composition inside the triangle: TS of toys is a chi-square of two degrees, mean 2 +- 0.32 for 40 toys."""
    truth = (0.4, 0.35, 0.25)
    counts = RESPONSE.project_counts(100.0 * expected(truth), ["energy", "topology"])
    near = {"astro_norm": 640.0, "astro_gamma": THETA[1], "atmos_norm": 100.0}
    found = composition_toys(Projected(counts, prior=False), {"truth": truth}, near, 40, 3)["truth"]
    assert found.n_failed == 0
    assert found.ts == pytest.approx(0.0, abs=1e-3)
    assert np.mean(found.ts_toys) == pytest.approx(2.0, abs=4 * 0.32)
    assert found.p > 0.9


def test_toys_need_poisson_and_a_seed() -> None:
    with pytest.raises(InputError, match="flavour: toys need a seed; set 'seed' in the configuration"):
        composition_toys(LIKELIHOODS, {"equal": EQUAL}, PUBLISHED, 1, None)

    def other(fractions):
        found = LIKELIHOODS(fractions)
        found.likelihood = "say"
        return found

    with pytest.raises(InputError, match="flavour_scan.toys: toys of a composition have the Poisson likelihood alone; set toys: 0"):
        FreeComposition.made(other)
    with pytest.raises(ValueError, match="toys[\\s\\S]*greater than or equal to 0"):
        FlavourScan.model_validate({"toys": -1})
