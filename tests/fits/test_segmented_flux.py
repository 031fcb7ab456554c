"""The flux in segments of energy: golden numbers, closed forms, the real events beside the published spectrum, input that is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from surrogate_case import likelihood, observed_counts, surrogate_response, toy_counts

from configs.diffuse import Segments
from configs.errors import InputError
from fits.minimise import minimise
from fits.model import Model
from fits.nll import NegativeLogLikelihood
from fits.published_segments import read_published_segments
from fits.segmented_flux import SegmentedFit, agreement, fit_segments, published_beside
from physics.segmented_spectrum import Segmented, overlap
from physics.spectra import PowerLaw
from records.diffuse import SpectrumResult
from records.results import load_results, save_results
from records.summary import rows

EDGES = Segments().edges


def fit_of(counts, edges=EDGES, published=None) -> SegmentedFit:
    nll = likelihood(counts, spectrum=Segmented(tuple(edges)))
    return SegmentedFit(nll, Segments(edges=edges), ("energy", "zenith", "topology"), published, "")


def test_golden_12_events_per_unit_of_each_published_segment() -> None:
    model = Model(surrogate_response(), Segmented())
    per_unit = model.mu_and_gradient(np.ones(8))[1][:-1].sum(axis=1)
    np.testing.assert_allclose(per_unit, [3.459, 11.85, 13.04, 10.80, 7.945, 5.506, 8.510], rtol=5e-3)
    assert model.flux.n_shared == 8


@pytest.mark.public_data
def test_golden_14_real_events_agree_with_the_published_segments(public_data) -> None:
    published = read_published_segments(public_data / "hese" / "icecube_segmentedfit_hese.json")
    result = fit_segments(fit_of(observed_counts(public_data), published=published))
    assert result.valid
    for i, (value, minus, plus) in enumerate(result.published):
        if min(value - minus, result.low[i]) > 0.0:
            assert abs(agreement(result)[i]) < 1.0
        else:  # one side at 0: intervals overlap
            assert result.low[i] <= value + plus
            assert value - minus <= result.high[i]
    assert result.at_bound == [False] * 5 + [True] * 2
    for low, high, limit in zip(result.low, result.high, result.upper_limit, strict=True):
        assert math.isnan(limit) == (low > 0.0)
        assert math.isnan(limit) or limit > high  # 90 % one-sided: 1.64, above the 1 of a 68 % interval


def test_segments_of_one_value_are_the_power_law_of_index_2() -> None:
    """All phi = 2 over all energies is six species of norm 6 with gamma 2."""
    model = Model(surrogate_response(), Segmented((1e4, 1e5, 1e6, 1e7)))
    expected = Model(surrogate_response(), PowerLaw()).expected([6.0, 2.0, 1.3])
    np.testing.assert_allclose(model.expected([2.0, 2.0, 2.0, 1.3]), expected, rtol=1e-12)


def test_nodes_are_shared_in_ln_e_and_nothing_is_lost() -> None:
    whole = surrogate_response()
    parts = overlap(whole.ln_energy, whole.width, np.log([1e4, 3.3e4, 4.7e5, 1e7]))
    np.testing.assert_allclose(parts.sum(axis=1), 1.0, rtol=1e-12)
    inner = overlap(np.array([0.5]), np.array([1.0]), np.array([0.25, 0.5]))
    np.testing.assert_allclose(inner, [[0.25]])


def test_the_minimum_does_not_depend_on_the_start() -> None:
    nll = fit_of(toy_counts(3)).nll
    low, high = (minimise(nll, starts=dict.fromkeys(nll.names, start)) for start in (0.05, 6.0))
    assert low.valid
    assert low.nll == pytest.approx(high.nll, abs=1e-5)


def test_the_power_law_is_found_again_in_its_asimov_set() -> None:
    """Counts of E^-2 give the same value in every segment."""
    whole = surrogate_response()
    counts = Model(whole, PowerLaw()).expected([3.0, 2.0, 1.0])
    result = fit_segments(fit_of(counts, [1e4, 2e5, 1e6, 1e7]))
    np.testing.assert_allclose(result.e2_flux, 1e-8, rtol=2e-3)
    assert all(low < 1e-8 < high for low, high in zip(result.low, result.high, strict=True))


def test_result_survives_its_file_and_is_a_table(tmp_path) -> None:
    result = fit_segments(fit_of(toy_counts(4)))
    save_results(tmp_path / "results.json", "diffuse", "x", {"main.segments": result})
    again = load_results(tmp_path / "results.json")["main.segments"]
    assert isinstance(again, SpectrumResult)
    np.testing.assert_array_equal(again.upper_limit, result.upper_limit)
    assert [row[0] for row in rows(again)][:2] == ["42 TeV to 88.3 TeV", "88.3 TeV to 186 TeV"]


@pytest.mark.parametrize("edges", [[1e5], [2e5, 1e5], [1e5, 1e5, 2e5], [0.0, 1e5], [1e5, math.nan]])
def test_edges_that_are_not_ascending_are_refused(edges) -> None:
    with pytest.raises(InputError, match="are not at least two ascending positive energies in GeV"):
        Segmented(tuple(edges))


def test_a_segment_without_simulation_is_refused() -> None:
    with pytest.raises(InputError, match=r"no simulation between 1e\+07 and 2e\+07 GeV .* leave that segment out"):
        Model(surrogate_response(), Segmented((1e5, 1e7, 2e7)))


def test_the_effective_likelihood_needs_pair_moments() -> None:
    with pytest.raises(InputError, match="the response has no pair moments"):
        NegativeLogLikelihood(Model(surrogate_response(), Segmented()), toy_counts(1), "say")


def test_a_list_of_edges_is_enough() -> None:
    assert Segments.model_validate([1e5, 1e6]).edges == [1e5, 1e6]
    with pytest.raises(ValueError, match="are not ascending; give the ends of the segments in GeV, each once"):
        Segments.model_validate([1e6, 1e5])


def test_the_whole_likelihood_gains_by_segments() -> None:
    """Seven norms describe counts of a power law at least as well as their own Asimov set allows: the NLL is not above that of index 2."""
    counts = toy_counts(5)
    fixed = likelihood(counts)
    at_two = minimise(fixed, fixed={"astro_gamma": 2.0})
    segments = minimise(fit_of(counts, [1e4, *EDGES[1:-1], 1e7]).nll)
    assert segments.nll < at_two.nll + 1e-6


def test_published_segments_of_other_edges_are_refused(tmp_path) -> None:
    """Numbers of other energies beside ours would compare nothing."""
    path = tmp_path / "published.json"
    columns = {"Emin": [1e5], "Emax": [1e6], "FluxNorm": [1e-8], "ErrorMinus": [1e-9], "ErrorPlus": [1e-9]}
    path.write_text(json.dumps({name: {"0": values[0]} for name, values in columns.items()}))
    with pytest.raises(InputError, match=r"published.json has the edges \[100000.0, 1000000.0\] GeV, not .*; give the same edges"):
        published_beside(Segments(compare=str(path)), tmp_path / "config.yaml")
    found, reason = published_beside(Segments(edges=[1e5, 1e6], compare=str(path)), tmp_path / "config.yaml")
    assert reason == ""
    assert found is not None
    assert found.flux.tolist() == [1e-8]
    assert published_beside(Segments(), tmp_path / "config.yaml") == (None, "")
