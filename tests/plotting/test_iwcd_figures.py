"""Figures of an ``iwcd`` run: samples on common axes, everything that the plan draws, events on the unrolled wall."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from figure_content import legend_words, named, texts_outside, words
from iwcd_run import config, run
from pydantic import ValidationError
from scipy.stats import kstest

from configs.errors import InputError
from configs.iwcd import FIGURES
from configs.schema import IwcdConfig
from physics.tank import preset
from physics.tank_geometry import short_tank
from plotting import iwcd_display
from plotting.drawn import DrawnFigure, Plan
from plotting.iwcd import NAMES, kind_of
from plotting.iwcd_compare import compare
from plotting.iwcd_samples import Sample, by_particle, from_table, merge_factor, shape_p_value
from plotting.iwcd_view import DatasetView
from plotting.stage import planned, plot
from plotting.style import style
from records.hists import load_hists
from records.tables import Table, load_table, table_path

STYLE = style("dynode")
TANK = preset("short")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> IwcdConfig:
    return run(tmp_path_factory.mktemp("iwcd"))


@pytest.fixture(scope="module")
def table(small: IwcdConfig) -> Table:
    return load_table(table_path(small.output, "mc", "events"))


@pytest.fixture(scope="module")
def samples(small: IwcdConfig) -> dict[str, Sample]:
    return by_particle(load_hists(small.output / "hists.h5")["mc"], ("gamma", "e-", "mu-", "pi0"))


@pytest.fixture(scope="module")
def todo(small: IwcdConfig) -> Plan:
    return planned(small)


@pytest.fixture(scope="module")
def view(small: IwcdConfig, table: Table) -> DatasetView:
    return DatasetView("mc", True, small, STYLE, TANK, load_hists(small.output / "hists.h5")["mc"], table)


@pytest.fixture(scope="module")
def figures(todo: Plan) -> dict[str, DrawnFigure]:
    return {name: draw() for name, draw in todo.figures.items()}


def test_every_figure_of_the_table_of_the_specification_is_there_and_stays_on_its_page(figures: dict[str, DrawnFigure]) -> None:
    expected = {
        "nhits_evis", "charge_evis", "charge_nhits", "nhits_energy", "vertex", "nhits", "charge", "energy", "hit_charge", "hit_time", "hit_angle",
        "bright_energy", "bright_efficiency", "zero_hits", "zero_hit_map", "light_towall", "light_dwall", "places", "features", "occupancy",
        "display_gamma_0", "display_e-_0", "display_mu-_0", "display_pi0_0", "display_3d_e-",
    }  # fmt: skip
    assert expected <= set(figures)
    for name, drawn in figures.items():
        drawn.figure.set_dpi(30)  # words take their share of the page at any resolution
        assert not texts_outside(drawn.figure), name


def test_energy_is_called_energy_and_charge_is_charge(figures: dict[str, DrawnFigure]) -> None:
    """The reference drew total energy as "charge in electronvolts" (specification 9.2)."""
    hits, charge = figures["nhits_evis"].numbers, figures["charge_evis"].numbers
    assert (hits["x"], hits["y"]) == ("Visible energy [MeV]", "Number of hits")
    assert (charge["x"], charge["y"]) == ("Visible energy [MeV]", "Total charge [p.e.]")
    assert figures["nhits_energy"].numbers["x"] == "True total energy [MeV]"
    panel = r"$e^-$"
    assert not np.array_equal(hits["panels"][panel]["values"], charge["panels"][panel]["values"][:, :50])


def test_vertices_are_shown_in_variables_that_are_flat_in_a_cylinder(figures: dict[str, DrawnFigure]) -> None:
    """The reference drew x, y, z and took a horizontal axis for the vertical one (specification 9.8)."""
    assert (figures["vertex"].numbers["x"], figures["vertex"].numbers["y"]) == ("Vertex r²/R²", "Vertex y/H")


def test_maps_and_spectra_hold_the_events_of_the_table(figures: dict[str, DrawnFigure], table: Table) -> None:
    chosen = table["selected"] & (table["particle"] == "mu-")
    expected, *_ = np.histogram2d(table["evis"][chosen], table["nhits"][chosen], bins=(np.linspace(0, 1000, 51), np.linspace(0, 5000, 51)))
    np.testing.assert_array_equal(figures["nhits_evis"].numbers["panels"][r"$\mu^-$"]["values"], expected)
    energy = figures["energy"].numbers
    counts, _ = np.histogram(table["energy"][chosen], energy["edges"])
    np.testing.assert_array_equal(energy["samples"]["mu-"]["values"], counts)


def test_zero_hit_events_are_counted_with_intervals(figures: dict[str, DrawnFigure], table: Table) -> None:
    found = figures["zero_hits"].numbers["panels"]["Distance to wall [cm]"]["rates"]["gamma"]
    mine = table["particle"] == "gamma"
    assert sum(one["passed"] for one in found) == ((table["nhits"] == 0) & mine).sum()
    assert sum(one["total"] for one in found) == mine.sum()
    assert all(one["low"] < one["high"] for one in found)  # also where the fraction is 0


def test_the_cut_on_hits_is_shown_as_an_efficiency(figures: dict[str, DrawnFigure], table: Table) -> None:
    """The reference read the energies of bright events as a property of the particles (specification 9.6)."""
    panels = figures["bright_efficiency"].numbers["panels"]
    assert set(panels) == {"Visible energy [MeV]", "Distance to wall along track [cm]"}
    passed = sum(one["passed"] for rates in panels["Distance to wall along track [cm]"]["rates"].values() for one in rates)
    assert passed == (table["nhits"] > 300).sum()


def test_a_display_shows_the_hits_of_its_event(figures: dict[str, DrawnFigure], view: DatasetView, table: Table) -> None:
    row = int(np.flatnonzero((table["particle"] == "e-") & table["selected"] & (table["nhits"] > 0))[0])
    charge, time = figures["display_e-_0"].numbers["panels"]
    assert len(charge["pmt"]) == table["nhits"][row]
    np.testing.assert_allclose(charge["values"].sum(), table["charge"][row], rtol=1e-6)
    assert time["values"].min() == 0.0
    np.testing.assert_array_equal(np.sort(iwcd_display.read_hits(view, row).pmt), charge["pmt"])
    assert "Hit charge [p.e.]" in words(figures["display_e-_0"].figure)
    assert "Hit time [ns]" in words(figures["display_e-_0"].figure)


def test_the_display_in_space_shows_the_hits_of_the_unrolled_one(figures: dict[str, DrawnFigure]) -> None:
    space, flat = figures["display_3d_e-"], figures["display_e-_0"].numbers["panels"][0]
    np.testing.assert_array_equal(space.numbers["pmt"], flat["pmt"])
    np.testing.assert_array_equal(space.numbers["values"], flat["values"])
    axes = space.figure.axes[0]
    assert len(named(axes, "hits")[0].get_offsets()) == len(flat["pmt"])
    assert len(named(axes, "barrel")) == 8
    assert named(axes, "ring")
    assert not named(figures["display_3d_pi0"].figure.axes[0], "ring")


def test_only_listed_kinds_of_figures_are_drawn(small: IwcdConfig) -> None:
    chosen = small.model_copy(update={"plots": small.plots.model_copy(update={"figures": ["maps", "display_3d"]})})
    assert set(planned(chosen).figures) == {
        *("nhits_evis", "charge_evis", "charge_nhits", "nhits_energy"),
        *(f"display_3d_{name}" for name in ("gamma", "e-", "mu-", "pi0")),
    }


def test_every_figure_has_a_kind_and_every_kind_a_name(figures: dict[str, DrawnFigure]) -> None:
    assert set(NAMES) == set(FIGURES)
    assert {kind_of(name) for name in figures} <= set(FIGURES)


def test_unknown_kinds_of_figures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="'map' is no kind of figure; did you mean 'maps'"):
        config(tmp_path, plots={"figures": ["map"]})


def test_a_pi0_has_no_single_ring(figures: dict[str, DrawnFigure]) -> None:
    assert named(figures["display_e-_0"].figure.axes[0], "ring")
    assert not named(figures["display_pi0_0"].figure.axes[0], "ring")


def test_occupancy_times_events_is_the_charge(figures: dict[str, DrawnFigure], table: Table) -> None:
    panels = figures["occupancy"].numbers["panels"]
    chosen = table["selected"] & (table["particle"] == "gamma")
    np.testing.assert_allclose(panels[0]["values"].sum() * chosen.sum(), table["charge"][chosen].sum(), rtol=1e-4)
    assert max(one["pmt"].max() for one in panels) < len(short_tank())


def test_a_table_gives_the_histograms_of_the_processor(samples: dict[str, Sample], table: Table) -> None:
    again = from_table(table, TANK, 'particle == "pi0"')
    for name in ("nhits_evis", "charge_nhits", "vertex", "walls", "direction"):
        np.testing.assert_array_equal(again.hists[name].values(flow=True), samples["pi0"].hists[name].values(flow=True), name)
    assert again.events == samples["pi0"].events


def test_samples_do_not_depend_on_the_order_of_events(table: Table) -> None:
    """The reference took the first 200 rows for one class, the next for another (specification 9.5)."""
    shuffled = table.select(np.random.default_rng(5).permutation(len(table)))
    assert from_table(table, TANK).hists["nhits_evis"] == from_table(shuffled, TANK).hists["nhits_evis"]


def test_one_outlier_leaves_other_columns_unchanged(table: Table) -> None:
    """The reference normalised by the sample's extremes (specification 9.7)."""
    outlier = {name: values[:1].copy() for name, values in table.select(np.flatnonzero(table["selected"])).columns.items()}
    outlier |= {"nhits": np.array([4900]), "evis": np.array([990.0])}
    more = Table({name: np.concatenate([values, outlier[name]]) for name, values in table.columns.items()})
    panels = [
        compare({"all": from_table(one, TANK)}, ["nhits_evis"], "column", style=STYLE)["nhits_evis"].numbers["panels"]["all"]["values"]
        for one in (table, more)
    ]
    np.testing.assert_array_equal(panels[0][:-1], panels[1][:-1])
    sums = panels[1].sum(axis=1)
    np.testing.assert_allclose(sums[sums > 0], 1.0)


def test_any_samples_can_be_compared(table: Table) -> None:
    splits = {name: from_table(table.select(slice(start, None, 3)), TANK) for start, name in enumerate(("train", "val", "test"))}
    drawn = compare(splits, ["nhits", "charge_evis"], "events", reference="train", style=STYLE)
    numbers = drawn["nhits"].numbers
    assert numbers["reference"] == "train"
    assert set(numbers["ratios"]) == set(numbers["shape_p_values"]) == {"val", "test"}
    for one in numbers["samples"].values():
        np.testing.assert_allclose(one["values"].sum(), 1.0)
    assert any("same shape as train" in line for line in legend_words(drawn["nhits"].figure.axes[0]))


def test_hits_of_one_event_belong_together_so_they_have_no_p_value(figures: dict[str, DrawnFigure], table: Table) -> None:
    numbers = figures["hit_charge"].numbers
    assert numbers["shape_p_values"] == {}
    chosen = table["selected"] & (table["particle"] == "e-")
    inside = numbers["samples"]["e-"]["values"].sum() * chosen.sum()
    assert inside == pytest.approx(table["nhits"][chosen].sum(), rel=1e-3)  # per event; charges below 0.05 or above 500 p.e. are outside


def test_p_values_of_equal_shapes_are_uniform() -> None:
    random = np.random.default_rng(8)
    p_values = [shape_p_value(random.poisson(30.0, 10), random.poisson(60.0, 10)) for _ in range(400)]
    assert kstest(p_values, "uniform").pvalue > 0.001


def test_p_value_of_different_shapes_and_of_an_empty_sample() -> None:
    assert shape_p_value(np.array([90.0, 10.0]), np.array([10.0, 90.0])) < 1e-20
    assert np.isnan(shape_p_value(np.zeros(4), np.full(4, 20.0)))


def test_bins_are_joined_only_as_far_as_they_divide() -> None:
    assert [merge_factor([np.full(60, mean)]) for mean in (50.0, 5.0, 0.5)] == [1, 2, 5]
    assert merge_factor([np.full(7, 1.0)]) == 1


@pytest.mark.parametrize(("observables", "reference", "message"), [(["nhit"], None, "did you mean 'nhits'"), (["nhits"], "trian", "'train'")])
def test_unknown_names_are_refused(table: Table, observables: list[str], reference: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare({"train": from_table(table, TANK)}, observables, reference=reference, style=STYLE)


def test_the_stage_writes_figures_and_skips_displays_of_files_that_are_gone(small: IwcdConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ("nhits", "display_e-_0")
    whole = planned(small)
    assert not whole.skipped
    monkeypatch.setattr(iwcd_display, "Path", lambda path: Path("gone"))
    without = planned(small)
    assert "is not there any more" in without.skipped["display_e-_0"]
    assert "display_e-_0" not in without.figures
    chosen = Plan({name: whole.figures[name] for name in wanted}, {}, whole.style)
    monkeypatch.setattr("plotting.stage.planned", lambda _: chosen)
    written = plot(small)
    assert {path.name for path in written} == {f"{name}.{suffix}" for name in wanted for suffix in ("png", "json")}


def test_results_of_other_histograms_are_refused(small: IwcdConfig) -> None:
    with_fit = config(small.output.parent, fits={"light": {"kind": "scale", "templates": "mc", "data": "mc", "allow_same": True}})
    assert planned(with_fit).skipped == {"light": "no result; run run_fit.py"}
    (small.output / "results.json").write_text("{}")
    with pytest.raises(InputError, match="made from other histograms than hists.h5"):
        planned(with_fit)
    (small.output / "results.json").unlink()


def test_changed_files_are_not_drawn_as_if_they_were_what_was_processed(view: DatasetView, table: Table) -> None:
    other = Table({**table.columns, "nhits": table["nhits"] + 1})
    changed = DatasetView("mc", True, view.config, STYLE, TANK, view.hists, other)
    with pytest.raises(InputError, match="run run_processor.py again"):
        iwcd_display.read_hits(changed, 1)
