"""What the terminal says of stopping muons: numbers with errors, limits, failures; every kind of result has its words."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from records import stopping_muons as muons
from records import summary
from records.muon_summary import ROWS
from records.unfolding import ChainConvergence, ClosureTable, FluxSpectrum, RegularisationScan, UnfoldedSpectrum, UnfoldingSettings
from records.value import Parameter

EDGES = [500.0, 1000.0, 2000.0]
NAN = math.nan
SETTINGS = UnfoldingSettings([1e-3, 1e-3], "log_ratio", "say", None)
CHAINS = ChainConvergence(2000, 50, 2, 15.0, "bin 1", 13333.0, 1.0004, "bin 0", 0.33, 0.8, 7)
SPECTRUM = UnfoldedSpectrum(
    "mcmc", True, "", EDGES, [100.0, 0.0], [90.0, 0.0], [111.0, 2.5], [[100.0, 0.0], [0.0, 1.0]], [False, True], [NAN, 2.5], None, None, SETTINGS,
    120.0,
    nuisances={"dom_eff": Parameter(-0.5, 0.25)}, convergence=CHAINS, notes=["pseudo data"],
)  # fmt: skip
FLUX = FluxSpectrum(EDGES, [2e-6, 1e-7], "GeV^-1 m^-2 s^-1 sr^-1", {"a": [[9e-14, 0.0], [0.0, 0.0]], "b": [[1.6e-13, 0.0], [0.0, 1e-16]]}, "map")
CLOSURE = ClosureTable(
    "response", EDGES, [1.0, 1.0], [0.6, 0.7], [0.1, 0.1], [0.0, 0.0], [0.9, 1.1], [0.01, -0.02], [0.1, 0.1], [NAN, NAN], 0, 10, 9,
    {"saddle": 1}, SETTINGS, 1,
)  # fmt: skip
SCAN = RegularisationScan(
    [1e-4, 1e-3], [1, 1], [1, 1], [NAN, NAN], [0.5, 0.5], [2, 3], [0.1, 0.2], {}, {}, [True, False], "auto", 1e-4, "", 60, 1
)  # fmt: skip
FIT = muons.SpectrumFit({"a": Parameter(0.25, 0.01, unit="GeV/m")}, -0.9, 7.5, 8, 0.48, EDGES, [1.0, 1.0], {}, {"a": 0.24}, ["a note"])


def text(result) -> dict[str, str]:
    return {name: value for name, value, _ in summary.rows(result)}


def test_spectrum() -> None:
    shown = text(SPECTRUM)
    assert shown["tau"] == "0.001"
    assert shown["events 500 ... 1000"] == "100 [90, 111]"
    assert shown["events 1000 ... 2000"] == "< 2.5 at 90 %"
    assert shown["dom_eff"] == "-0.5 ± 0.25"
    assert shown["chains"] == "2000 steps, autocorrelation 15, 13333 effective samples, R-hat 1.0004"
    assert shown["note"] == "pseudo data"
    assert text(replace(SPECTRUM, settings=replace(SETTINGS, tau=None)))["tau"] == "none"


def test_cross_checks_are_short_and_failures_have_their_reason() -> None:
    assert text(replace(SPECTRUM, method="ibu", nuisances={}, convergence=None)) == {"observed": "120 events", "note": "pseudo data"}
    assert text(replace(SPECTRUM, valid=False, reason="saddle")) == {"INVALID": "saddle"}


def test_flux_has_its_total_error() -> None:
    shown = text(replace(FLUX, partial=True))
    assert shown["500 ... 1000"] == "2e-06 ± 5e-07"
    assert shown["1000 ... 2000"] == "1e-07 ± 1e-08"
    assert shown["unit"] == "GeV^-1 m^-2 s^-1 sr^-1, method map (from an incomplete run)"


def test_closure_and_scan() -> None:
    assert text(CLOSURE)["coverage"] == "0.650, bins 0.60 ... 0.70 (9 of 10 pseudo-experiments)"
    assert text(CLOSURE)["largest median bias"] == "-2.0%"
    assert text(CLOSURE)["saddle"] == "1 pseudo-experiments"
    assert text(SCAN) == {"tau by rule auto": "0.0001", "allowed": "1 of 2 from 0.0001 to 0.001"}
    assert text(replace(SCAN, chosen=NAN, reason="nothing covers"))["tau by rule auto"] == "none: nothing covers"


def test_fit_is_shown_beside_the_truth() -> None:
    assert summary.rows(FIT)[0] == ("a", "0.25 ± 0.01 GeV/m", "true 0.24")
    assert text(FIT)["chi2"] == "7.5 for 8, p = 0.48; correlation -0.90"
    assert summary.rows(replace(FIT, valid=False, reason="no minimum"))[0] == ("INVALID", "no minimum", "")


MATRIX = "3 measured, 2 true, condition number 2.5"
OTHERS = [
    (muons.EffectiveArea(EDGES, [5e4, 6e4], [500.0, 600.0], [], [], {}, [], [], []), ("500 ... 1000", "5e+04 ± 5e+02 m²")),
    (muons.ResponseSummary(EDGES, [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [], 2.5, [], [], [], []), ("bins", MATRIX)),
    (muons.TemplateSummary({"dom_eff": [(0.95, [], []), (1.05, [], [])]}, {"dom_eff": []}), ("dom_eff", "2 discrete sets")),
    (muons.SectorComparison(EDGES, {}, {}, [2.0, 1.0], [0.1, 0.0], [1.5, 0.5], 0.0), ("500 ... 1000", "chi2 1.5, systematic 5.0 %")),
    (muons.TheorySpectrum("Gaisser", EDGES, [1.0, 1.0], [0.0, 0.0], "x"), ("spectrum", "Gaisser, 2 bins in x")),
    (muons.ScorePerformance([], [], [], [], [], [], 0.9987, 0.0002, 0.62), ("AUC", "0.9987 ± 0.0002")),
    (muons.Multiplicity([0.7], [[0.918, 0.05]], [[0.01, 0.01]]), ("single muons, score ≥ 0.7", "91.8%")),
    (muons.CorrelationSummary([], [], [], [], [], [], 0.992, 0.991), ("correlation", "0.992 (Pearson), 0.991 (Spearman)")),
    (muons.DataMcAgreement(2890.0, 2880.0, 41.0, 40, 0.43, 0.01, 0.9, False), ("rates", "2890 Hz in data, 2880 Hz simulated")),
    (muons.MutualInformation({"range": {"L": 1.5}}, {"range": {"L": 0.02}}, {}, 5000), ("L on range", "1.500 ± 0.020 nats")),
]  # fmt: skip


@pytest.mark.parametrize(("result", "row"), OTHERS, ids=lambda value: type(value).__name__)
def test_first_row_of_other_results(result, row: tuple[str, str]) -> None:
    assert summary.rows(result)[0][:2] == row


def test_a_parameter_that_varies_from_event_to_event_has_no_discrete_sets() -> None:
    """Bug: "0 discrete sets" read as if nothing were known of it."""
    assert text(muons.TemplateSummary({"escale": []}, {"escale": []})) == {"escale": "a set in which it varies from event to event"}


def test_every_kind_of_result_has_words() -> None:
    shown = {type(one) for one, _ in OTHERS} | {type(one) for one in (SPECTRUM, FLUX, CLOSURE, SCAN, FIT)}
    assert shown == set(ROWS)
