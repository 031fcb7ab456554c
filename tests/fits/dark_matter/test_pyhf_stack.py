"""Golden 25: the workspace of one combination says in pyhf what the native engine says."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from dark_matter_case import shares, stacked
from scipy.optimize import brentq
from scipy.special import ndtr

from configs.errors import InputError
from data_info.dwarf_galaxies import select
from fits.dark_matter import stack_fit
from fits.dark_matter.limits import Calibration, Outcomes, limits
from fits.dark_matter.nuisance import q_values
from fits.dark_matter.sky import RatioBins
from fits.frontends import pyhf_stack
from fits.frontends.pyhf_stack import JErrors, build, largest_mu, upper_limits, workspace, write_workspace

REFERENCE_SIGMAS = 1.29


def drawn(bins: RatioBins, sigmas: float, seed: int) -> np.ndarray:
    """Counts with so many standard deviations of signal."""
    share = sigmas * bins.sigma_n / bins.n_events
    probability = (1.0 - share) * bins.background + share * bins.signal
    return np.random.default_rng(seed).multinomial(bins.n_events, probability)


def reference_n(bins: RatioBins) -> float:
    return REFERENCE_SIGMAS * bins.sigma_n


def of_sources() -> JErrors:
    sources = select()
    plus, minus = (np.array([getattr(source.j, side) for source in sources]) for side in ("plus", "minus"))
    return JErrors(tuple(source.name for source in sources), plus, minus, shares())


@pytest.mark.parametrize("background", ["scrambled", "mc"])
@pytest.mark.parametrize(("sigmas", "seed"), [(0.0, 1), (2.0, 2), (5.0, 3)])
def test_golden_25_number_and_test_statistic(background: str, sigmas: float, seed: int) -> None:
    bins = stacked(background=background)
    counts = drawn(bins, sigmas, seed)
    ours = stack_fit.fit(counts, bins.ratio)
    theirs = pyhf_stack.fit(workspace(bins, counts, reference_n(bins)), reference_n(bins))
    assert theirs.ts == pytest.approx(ours.ts, abs=1e-6)
    assert theirs.n_hat == pytest.approx(ours.n_hat, rel=1e-3, abs=1e-3 * bins.sigma_n)


def test_total_j_error_changes_neither_number_nor_test_statistic() -> None:
    """It is the same for all bins: the fitted strength takes it up (specification 4.8)."""
    bins = stacked()
    counts = drawn(bins, 4.0, 5)
    ours = stack_fit.fit(counts, bins.ratio)
    theirs = pyhf_stack.fit(workspace(bins, counts, reference_n(bins), JErrors.of_total(0.455)), reference_n(bins))
    assert theirs.ts == pytest.approx(ours.ts, abs=1e-6)
    assert theirs.n_hat == pytest.approx(ours.n_hat, rel=2e-3)


def test_errors_of_every_source() -> None:
    """29 nuisance parameters: with more freedom the test statistic cannot fall."""
    bins = stacked(bins=16)
    counts = drawn(bins, 4.0, 5)
    ours = stack_fit.fit(counts, bins.ratio)
    theirs = pyhf_stack.fit(workspace(bins, counts, reference_n(bins), of_sources()), reference_n(bins))
    assert ours.ts - 1e-4 <= theirs.ts < ours.ts + 10.0


def cls_limit(bins: RatioBins, counts: np.ndarray, cl: float = 0.9) -> float:
    """CLs by the asymptotic formulae of Cowan et al. (EPJC 71 (2011) 1554, eqs. 57 to 67), with the expected background as Asimov data."""
    asimov = bins.n_events * bins.background

    def above(n: float) -> float:
        found, expected = (math.sqrt(stack_fit.q(one, bins.ratio, n, one_sided=True)) for one in (counts, asimov))
        if found <= expected:
            clsb, clb = ndtr(-found), ndtr(expected - found)
        else:
            clsb, clb = (ndtr(-(found**2 + sign * expected**2) / (2.0 * expected)) for sign in (1.0, -1.0))
        return float(clsb / clb - (1.0 - cl))

    return float(brentq(above, 1e-3 * bins.sigma_n, 8.0 * bins.sigma_n, xtol=1e-6))


@pytest.mark.parametrize(("sigmas", "seed"), [(0.0, 1), (0.0, 7), (1.5, 2)])
def test_limits_of_pyhf_are_the_asymptotic_ones_of_our_likelihood(sigmas: float, seed: int) -> None:
    bins = stacked()
    counts = drawn(bins, sigmas, seed)
    found = upper_limits(workspace(bins, counts, reference_n(bins)), reference_n(bins)).observed
    assert found == pytest.approx(cls_limit(bins, counts), rel=5e-3)


@pytest.mark.parametrize("spread", [0.0, 0.455])
@pytest.mark.parametrize(("sigmas", "seed"), [(0.0, 7), (1.5, 2)])
def test_native_limits_are_those_of_pyhf(spread: float, sigmas: float, seed: int) -> None:
    """The engine's asymptotic CLs on its grid of numbers, with and without an error of the total J, against pyhf on the same counts."""
    bins = stacked()
    counts, asimov = drawn(bins, sigmas, seed), bins.n_events * bins.background
    n = bins.sigma_n * np.linspace(0.0, 9.0, 91)
    nothing = Outcomes(np.zeros(1), np.zeros(1), np.zeros((1, len(n))))
    calibration = Calibration(n, nothing.q, nothing.q, nothing.q, nothing.q, nothing, q_values(asimov, bins.ratio, n, spread=spread))
    best = stack_fit.fit(counts, bins.ratio)
    found = Outcomes(np.array([best.n_hat]), np.array([best.ts]), q_values(counts, bins.ratio, n, spread=spread)[None])
    (ours,) = limits("cls_asymptotic", calibration, found, 0.9).up
    expected = Outcomes(np.zeros(1), np.zeros(1), calibration.q_expected[None])
    (median,) = limits("cls_asymptotic", calibration, expected, 0.9).up
    errors = JErrors.of_total(spread) if spread else None
    theirs = upper_limits(workspace(bins, counts, reference_n(bins), errors), reference_n(bins))
    assert theirs.observed == pytest.approx(ours, rel=0.01)
    assert theirs.band["0"] == pytest.approx(median, rel=0.01)
    assert list(theirs.band.values()) == sorted(theirs.band.values())


def test_an_error_of_j_weakens_the_limit() -> None:
    """The published analysis read the errors of its J factors and dropped them."""
    bins = stacked()
    counts = drawn(bins, 0.0, 1)
    errors = (None, JErrors.of_total(0.455))
    without, with_error = (upper_limits(workspace(bins, counts, reference_n(bins), one), reference_n(bins)).observed for one in errors)
    assert 1.05 * without < with_error < 3.0 * without


def test_limit_beyond_the_largest_strength() -> None:
    bins = stacked()
    counts = drawn(bins, 2.0, 1)
    assert upper_limits(workspace(bins, counts, 0.002 * bins.sigma_n), 0.002 * bins.sigma_n).observed == math.inf


def test_workspace_as_specified() -> None:
    bins = stacked()
    content = workspace(bins, drawn(bins, 0.0, 1), 20.0, JErrors.of_total(0.455))
    (channel,) = content["channels"]
    background, signal = channel["samples"]
    assert (content["version"], channel["name"]) == ("1.0.0", "stack")
    assert sum(background["data"]) == pytest.approx(bins.n_events)
    assert sum(signal["data"]) == pytest.approx(0.0, abs=1e-9)
    assert min(signal["data"]) < 0.0
    assert signal["modifiers"][1] == {
        "name": "J",
        "type": "normsys",
        "data": {"hi": pytest.approx(math.exp(0.455)), "lo": pytest.approx(math.exp(-0.455))},
    }
    model = build(content)
    assert (model.config.poi_name, list(model.config.suggested_bounds()[model.config.par_order.index("bkg")])) == ("mu", [0.5, 1.5])
    known = workspace(stacked(background="mc"), drawn(bins, 0.0, 1)[: len(stacked(background="mc").ratio)], 20.0)
    assert sum(known["channels"][0]["samples"][1]["data"]) == pytest.approx(20.0)


def test_signals_of_the_sources_sum_to_the_stack() -> None:
    bins, errors = stacked(), of_sources()
    counts = drawn(bins, 0.0, 1)
    one, each = (workspace(bins, counts, 20.0, of)["channels"][0]["samples"][1:] for of in (None, errors))
    assert [sample["name"] for sample in each][:2] == ["signal_AquariusII", "signal_BootesI"]
    np.testing.assert_allclose(np.sum([sample["data"] for sample in each], axis=0), one[0]["data"], atol=1e-10)
    segue = next(sample for sample in each if sample["name"] == "signal_Segue1")
    assert segue["modifiers"][1]["data"] == {"hi": pytest.approx(10**0.63), "lo": pytest.approx(10**-0.68)}


def test_every_expectation_is_positive_within_the_bounds() -> None:
    bins = stacked()
    top = largest_mu(bins, reference_n(bins))
    assert top <= 100.0
    model = build(workspace(bins, drawn(bins, 0.0, 1), reference_n(bins)))
    for mu in (0.0, top):
        for bkg in (0.5, 1.5):
            values = {"mu": mu, "bkg": bkg}
            assert (np.asarray(model.expected_data([values[name] for name in model.config.par_order])) > 0.0).all()


def test_written_workspace_is_read_back(tmp_path: Path) -> None:
    bins = stacked()
    counts = drawn(bins, 2.0, 4)
    path = write_workspace(tmp_path / "workspaces" / "Mu_100.json", bins, counts, reference_n(bins), JErrors.of_total(0.455))
    content = json.loads(path.read_text())
    assert content == workspace(bins, counts, reference_n(bins), JErrors.of_total(0.455))
    assert pyhf_stack.fit(content, reference_n(bins)).n_hat == pytest.approx(stack_fit.fit(counts, bins.ratio).n_hat, rel=2e-3)


def test_bad_workspaces() -> None:
    bins = stacked()
    with pytest.raises(InputError, match=r"3 counts for \d+ bins of the likelihood ratio; give one for each"):
        workspace(bins, [1, 2, 3], 10.0)
    for number in (0.0, math.nan, math.inf):
        with pytest.raises(InputError, match="signal events at mu = 1: give a positive number"):
            workspace(bins, drawn(bins, 0.0, 1), number)
    two = JErrors(("a", "b"), np.ones(2), np.ones(2), np.full(2, 0.5))
    with pytest.raises(InputError, match="2 errors of J for 29 sources; give one for each, or one for their total"):
        workspace(bins, drawn(bins, 0.0, 1), 10.0, two)
