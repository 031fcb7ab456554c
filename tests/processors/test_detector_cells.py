"""Cell averages of detector systematics: against the single event, chunk by chunk, outside the tables, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import hist
import numpy as np
import pytest
from detector_case import write_tables
from diffuse_events import as_events, release_sample, toy_sample
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from configs.diffuse import Processor
from configs.errors import InputError
from physics.constants import HESE_LIVETIME_S
from processors.detector_cells import ALL_FLAVOURS
from processors.diffuse import DiffuseProcessor
from readers.photospline import read_spline_table


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tables(tmp_path_factory.mktemp("tables"))


def filled(columns: Mapping[str, np.ndarray], tables: Path, **options: object) -> dict[str, hist.Hist]:
    processor = DiffuseProcessor(Processor.model_validate({"systematics": options}), tables=tables)
    return processor.process(as_events(columns, "mc"))


def one_event(**changes: float) -> dict[str, np.ndarray]:
    values = {name: column[:1] for name, column in release_sample(10).items()}
    event = {
        "primaryType": 16, "primaryEnergy": 4e5, "recoDepositedEnergy": 3.2e5, "recoMorphology": 2, "recoLength": 18.0, "recoZenith": 0.62,
        "promptFlux": 1e-22, "pionFlux": 0.0, "kaonFlux": 0.0, "weightOverFluxOverLivetime": 3e9, "muonWeightOverLivetime": 0.0,
    }  # fmt: skip
    return {**values, **{name: np.array([value]) for name, value in {**event, **changes}.items()}}


def ratios(cells: hist.Hist, component: str, flavour: str) -> dict[str, float]:
    sums = cells[{"component": component, "flavour": flavour}].values().sum(axis=(1, 2))
    return dict(zip(cells.axes["node"], (sums / sums[0]).tolist(), strict=True))


def test_one_event_has_its_own_factor(tables: Path) -> None:
    cells = filled(one_event(), tables)["cells_dcascade"]
    for component, name in (("astro", "diffuseAstro_tau"), ("prompt", "atmPrompt")):
        found = ratios(cells, component, "tau")
        places = {"DOMEffSplines/domefficiency": (np.log10(3.2e5), np.cos(0.62)), "HoleIceSplines/holeice": (np.log10(3.2e5), np.log10(18.0))}
        for (file, place), parameter, nominal in zip(places.items(), ("epsilon_dom", "epsilon_head_on"), (0.99, 0.0), strict=True):
            table = read_spline_table(tables / f"{file}_{name}_doublebang.fits")
            for label, ratio in found.items():
                if label.startswith(parameter):
                    value = float(label.partition("=")[2])
                    assert ratio == pytest.approx(10 ** float(table.evaluate(*place, value) - table.evaluate(*place, nominal)), rel=1e-6)


def test_chunks_give_the_same_bits(tables: Path) -> None:
    columns = release_sample(4000)
    whole = filled(columns, tables)
    parts = [filled({name: values[start : start + 700] for name, values in columns.items()}, tables) for start in range(0, 4040, 700)]
    for name in ("cells_cascade", "cells_track", "cells_dcascade", "tables"):
        assert np.array_equal(whole[name].view(flow=True), sum(part[name].view(flow=True) for part in parts))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 400), max_size=3), order=st.permutations(range(4)))
def test_any_chunks_in_any_order_give_the_same_bits(tables: Path, cuts: list[int], order: list[int]) -> None:
    """Response, pairs, cell averages and counts of the tables, for chunks of any sizes (empty ones too) and permuted quarters of the events."""
    columns = release_sample(400, seed=12)
    coarse = {"binning": {"energy_gev": [6e4, 2e5, 1e7], "coszen": [-1, 0, 1], "length_m": [10, 1000]}, "true_energy": {"per_decade": 2}}
    processor = DiffuseProcessor(Processor.model_validate({**coarse, "systematics": {}}), tables=tables)
    quarters = np.array_split(np.arange(len(columns["primaryType"])), 4)
    shuffled = {name: values[np.concatenate([quarters[i] for i in order])] for name, values in columns.items()}
    edges = [0, *sorted(cuts), len(columns["primaryType"])]
    parts = [processor.process(as_events({name: values[a:b] for name, values in shuffled.items()}, "mc")) for a, b in pairwise(edges)]
    for name, histogram in processor.process(as_events(columns, "mc")).items():
        assert np.array_equal(histogram.view(flow=True), sum(part[name].view(flow=True) for part in parts)), name


def test_nominal_node_is_the_response_summed_over_true_energy(tables: Path) -> None:
    hists = filled(release_sample(3000), tables)
    for channel in ("cascade", "track", "dcascade"):
        response, cells = hists[f"response_{channel}"], hists[f"cells_{channel}"]
        for component in ("astro", "pion", "kaon", "prompt"):
            expected = response[{"component": component, "moment": hist.loc(0)}].values().sum(axis=(0, -1))
            found = cells[{"component": component, "node": "nominal"}].values().sum(axis=0)
            assert found == pytest.approx(expected, rel=1e-6, abs=1e-14)  # quanta


def test_outside_a_table_the_weight_stays_and_is_counted(tables: Path) -> None:
    """Made-up double cascades reach to log10 length 2.37, the use of the anisotropy to 2.3: 215 m lies between."""
    hists = filled(one_event(recoLength=215.0), tables)
    found = ratios(hists["cells_dcascade"], "astro", "tau")
    assert [value for label, value in found.items() if label.startswith("anisotropy")] == pytest.approx(np.ones(14))
    assert any(abs(value - 1) > 0.01 for label, value in found.items() if label.startswith("epsilon_head_on"))
    counts = hists["tables"]
    assert {name: counts[{"systematic": name, "place": "outside"}] for name in counts.axes["systematic"]} == {
        "epsilon_dom": 0, "epsilon_head_on": 0, "anisotropy_scale": 1,
    }  # fmt: skip


def test_clip_takes_the_factor_at_the_edge(tables: Path) -> None:
    beyond, edge = (
        ratios(filled(one_event(recoLength=length), tables, outside="clip")["cells_dcascade"], "astro", "tau") for length in (900.0, 10**2.37)
    )
    assert beyond == pytest.approx({**beyond, **{k: v for k, v in edge.items() if k.startswith("epsilon_head_on")}}, rel=1e-6)


def test_muons_have_no_detector_factor(tables: Path) -> None:
    muon = one_event(primaryType=13, recoMorphology=1, muonWeightOverLivetime=1 / HESE_LIVETIME_S, weightOverFluxOverLivetime=0.0, promptFlux=0.0)
    hists = filled(muon, tables)
    assert not hists["cells_track"].view(flow=True).any()
    assert hists["response_track"].sum() > 0


def test_only_what_is_asked_for(tables: Path) -> None:
    nodes = list(filled(one_event(), tables, epsilon_head_on=False, anisotropy_scale=False)["cells_track"].axes["node"])
    assert len(nodes) == 14
    assert nodes[0] == "nominal"


def test_flavours_are_told_apart(tables: Path) -> None:
    cells = filled(one_event(), tables)["cells_dcascade"]
    assert list(cells.axes["flavour"]) == list(ALL_FLAVOURS)
    assert not cells[{"component": "astro", "flavour": "e"}].values().any()


def test_exercise_has_no_flavours(tables: Path) -> None:
    processor = DiffuseProcessor(Processor(binning="bootcamp", systematics={}), tables=tables)
    with pytest.raises(InputError, match=r"processor\.systematics: the toy form does not tell flavours apart"):
        processor.process(as_events(toy_sample(50), "mc"))


def test_one_class_cannot_have_systematics() -> None:
    with pytest.raises(ValueError, match="systematics need flavours: true"):
        Processor(flavours=False, systematics={})
