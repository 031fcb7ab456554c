"""The processor of the water-Cherenkov analysis: one table and the same histograms, however events are stored and divided; what it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pytest
from iwcd_case import COUNTS, PMTS, dataset, made, processed, read, written

from configs import schema
from configs.errors import InputError
from configs.iwcd import Processor
from configs.schema import Executor, load_config
from physics.particles import UNKNOWN
from physics.tank import Tank
from physics.tank_geometry import short_tank
from processors import engine
from processors.hit_features import FEATURES
from processors.iwcd import EVENT_COLUMNS, IwcdProcessor
from processors.iwcd_checks import names_in
from processors.iwcd_columns import tank_of
from processors.iwcd_histograms import fill_events
from processors.iwcd_selection import CUTS
from processors.stage import process
from readers.digihit_writer import HitEvents
from readers.source import SourceError
from records.hists import load_hists, save_hists
from records.tables import Table, load_table, table_path


def same_events(found: Table, expected: Table, leave_out: tuple[str, ...] = (), atol: float = 1e-6) -> None:
    for name, values in expected.columns.items():
        if name not in leave_out and values.dtype.kind == "f":
            np.testing.assert_allclose(found[name], values, rtol=1e-6, atol=atol, err_msg=name)
        elif name not in leave_out:
            np.testing.assert_array_equal(found[name], values, err_msg=name)


def flow(found: dict[str, Any]) -> dict[str, int]:
    return dict(zip(CUTS, found["cutflow"].values().sum(axis=0).astype(int).tolist(), strict=True))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("iwcd") / "events.h5")


class TestTable:
    def test_every_column_in_its_order(self, plain: Path) -> None:
        table = processed(plain)["events"]
        assert list(table.columns) == [*EVENT_COLUMNS, *FEATURES, "time_zero", "selected"]
        np.testing.assert_array_equal(table["row"], np.arange(len(COUNTS)))
        np.testing.assert_array_equal(table["particle"], ["gamma", "e-", "mu-", "pi0"] * 2)
        np.testing.assert_array_equal(table["root_file"], [f"run_{row // 3}.root" for row in range(8)])

    def test_sums_of_events(self, plain: Path) -> None:
        """Specification 3.1: events without hits, the last one too, have none of their neighbour's."""
        table, events = processed(plain)["events"], made()
        np.testing.assert_array_equal(table["nhits"], COUNTS)
        parts = [events.hit_charge[a:b].astype(float) for a, b in zip(events.offsets, events.offsets[1:], strict=False)]
        np.testing.assert_allclose(table["charge"], [one.sum() for one in parts], rtol=1e-12)
        np.testing.assert_array_equal(table["max_charge"], [one.max() if len(one) else np.nan for one in parts])

    def test_energies_and_geometry(self, plain: Path) -> None:
        """Specification 2.7, 3.2: charge is no energy, the direction comes from the angles."""
        table, events = processed(plain)["events"], made()
        np.testing.assert_allclose(table["evis"][:4], events.energy_mev[:4] - [1.55, 0.775, 160.258, 3.10], rtol=1e-6)
        np.testing.assert_allclose(table["momentum"][:4] ** 2, events.energy_mev[:4].astype(float) ** 2 - np.array([0, 0.511, 105.658, 134.977]) ** 2)
        np.testing.assert_allclose(table["cos_zenith"], np.cos(events.angles[:, 0]), rtol=1e-6)
        np.testing.assert_allclose(table["azimuth"], events.angles[:, 1], rtol=1e-6)
        assert np.all(table["dwall"] >= 0)
        assert np.all(table["towall"] >= table["dwall"] - 1e-9)

    def test_unknown_labels_have_no_mass(self, tmp_path: Path) -> None:
        """Specification 9.10: the mass of label -1 is not that of the last particle."""
        label = np.array([-1, 1, 9, -1, 0, 1, 2, 3], np.int32)
        table = processed(written(tmp_path / "a.h5", made(label=label)))["events"]
        np.testing.assert_array_equal(table["particle"][:4], [UNKNOWN, "e-", UNKNOWN, UNKNOWN])
        np.testing.assert_array_equal(np.isnan(table["momentum"]), table["particle"] == UNKNOWN)
        np.testing.assert_array_equal(np.isnan(table["evis"]), table["particle"] == UNKNOWN)


class TestStorage:
    @pytest.mark.parametrize("layout", ["chunked", "user_block", "big_endian", "raw_times", "dense"])
    def test_same_table_however_it_is_stored(self, plain: Path, tmp_path: Path, layout: str) -> None:
        """G26. The dense grid has no veto and holds times as they are; raw times lose digits behind 950 ns."""
        found = processed(written(tmp_path / "other.h5", layout=layout))["events"]
        left_out = ("file", *({"time_zero"} if layout == "raw_times" else ()), *({"veto", "veto2", "contained"} if layout == "dense" else ()))
        same_events(found, processed(plain)["events"], left_out, atol=1e-4 if layout == "raw_times" else 1e-6)
        assert set(found["time_zero"]) == {950.0 if layout == "raw_times" else 0.0}
        assert ("veto" in found) == (layout != "dense")

    @pytest.mark.parametrize("counts", [(5,), (0, 3), (3, 0), (0,), (0, 0)])
    def test_few_events_and_few_hits(self, tmp_path: Path, counts: tuple[int, ...]) -> None:
        """G26: one event, no hit at all, first or last event empty."""
        table = processed(written(tmp_path / "few.h5", made(counts)))["events"]
        np.testing.assert_array_equal(table["nhits"], counts)
        np.testing.assert_array_equal(np.isnan(table["mean_angle"]), np.array(counts) == 0)

    def test_photons_become_hits(self, tmp_path: Path) -> None:
        """Two photons on one photomultiplier are one hit of charge 2 at the earlier time."""
        events = made((3, 2))
        photons = replace(
            events, hit_pmt=np.array([7, 7, 9, 1, 1], np.int32), hit_time_ns=np.float32([955, 953, 960, 950, 951]), hit_charge=np.ones(5, np.float32),
            hit_parent=np.zeros(5, np.int32),
        )  # fmt: skip
        table = processed(written(tmp_path / "true.h5", photons, "truehit"))["events"]
        np.testing.assert_array_equal(table["nhits"], [2, 1])
        np.testing.assert_array_equal(table["charge"], [3, 2])
        np.testing.assert_allclose(table["time_mean"] + table["time_zero"], [956.5, 950])

    def test_masked_events_are_themselves(self, plain: Path) -> None:
        """Selecting events recomputes the offsets of hits (specification 2.4)."""
        every, keep = processed(plain)["events"], np.array([0, 1, 0, 1, 0, 0, 1, 1], bool)
        found = IwcdProcessor().process(read(plain)[keep])["events"]
        assert found == every.select(keep)

    @pytest.mark.parametrize(("zero", "expected"), [("auto", 950.0), ("none", 0.0), (940.0, 940.0), ("event_min", None)])
    def test_time_origin_is_kept(self, tmp_path: Path, zero: Any, expected: float | None) -> None:
        table = processed(written(tmp_path / "raw.h5", layout="raw_times"), time_zero=zero)["events"]
        hit = table["nhits"] > 0
        np.testing.assert_allclose(table["time_zero"][hit], 950.0 if expected is None else expected, atol=1e-4)
        reference = processed(written(tmp_path / "zero.h5"))["events"]["time_mean"][hit]
        np.testing.assert_allclose(table["time_mean"][hit] + table["time_zero"][hit], reference + 950, atol=1e-3)


class TestHistograms:
    def test_made_as_announced(self, plain: Path, tmp_path: Path) -> None:
        processor = IwcdProcessor()
        found = processor.process(read(plain))
        found.pop("events")
        assert {name: tuple(histogram.axes) for name, histogram in found.items()} == processor.axes()
        save_hists(tmp_path / "hists.h5", {"mc": found})
        for name, histogram in load_hists(tmp_path / "hists.h5")["mc"].items():
            assert histogram == found[name], name

    def test_counts_of_selected_events(self, plain: Path) -> None:
        found = processed(plain)
        filled = sum(count > 0 for count in COUNTS)
        for name in ("nhits_evis", "charge_evis", "charge_nhits", "energy", "vertex", "walls", "direction", "max_charge", "feat_beta1"):
            assert found[name].sum(flow=True) == filled, name
        for name in ("hit_charge", "hit_time", "hit_residual"):
            assert found[name].sum(flow=True) == sum(COUNTS), name
        np.testing.assert_array_equal(found["occupancy"].values().sum(axis=0), np.bincount(made().hit_pmt, minlength=PMTS))

    def test_events_without_hits_show_where_nothing_is_cut(self, plain: Path) -> None:
        found = processed(plain)
        assert found["zero_hits"].sum(flow=True) == len(COUNTS)
        assert found["zero_hits"][{"triggered": 0}].sum(flow=True) == COUNTS.count(0)
        assert found["veto"][sum, sum, 1, sum] == made().veto.sum()

    def test_vertices_of_a_cylinder_fill_evenly(self, tmp_path: Path) -> None:
        """Specification 9.8, G13: flat in r^2 and y; P(dwall > 100) = (1 - 100/R)^2 (1 - 100/H)."""
        n = 6000
        found = processed(written(tmp_path / "many.h5", made((1,) * n)), hit_level=False, features=None)
        for axis in ("r2_scaled", "y_scaled"):
            counts = found["vertex"].project(axis).values()
            assert np.sum((counts - n / 20) ** 2 / (n / 20)) < 45  # 19 degrees of freedom, p > 0.0007
        fraction = np.mean(found["events"]["dwall"] > 100)
        assert fraction == pytest.approx(0.75**2 * 2 / 3, abs=0.025)
        assert np.mean(found["events"]["dwall"]) == pytest.approx(89.0625, abs=3)

    @pytest.mark.public_data
    def test_real_electrons(self, public_data: Path) -> None:
        """G16, G17: 3000 real events, 59 without hits."""
        with np.load(public_data / "iwcd" / "electrons_nhits_energy.npz") as file:
            hits, energy = file["nhits"].astype(np.int64), file["energy"].astype(float)
        n = len(hits)
        columns = {"particle": np.full(n, "e-"), "nhits": hits, "evis": energy - 0.775, "energy": energy, "r2": np.zeros(n), "y": np.zeros(n)}
        processor = IwcdProcessor(Processor(hit_level=False, features=None))
        found = fill_events(processor.axes(), {**columns, "selected": hits > 0}, processor.tank)
        assert found["zero_hits"]["e-", sum, 0] == 59
        assert found["nhits_evis"].sum(flow=True) == found["energy"].sum() == 2941
        assert np.sum(hits > 2000) == 717
        assert found["nhits_evis"].project("nhits").values()[20:].sum() == np.sum(hits >= 2000)
        assert found["walls"].sum(flow=True) == 0

    def test_hit_level_and_features_can_be_left_out(self, plain: Path) -> None:
        found = processed(plain, hit_level=False, features="blind")
        assert not any(name.startswith(("hit_", "occupancy", "place")) for name in found)
        assert [name for name in found if name.startswith("feat_")] == ["feat_q_rms_ratio", "feat_maxq_fraction", "feat_charge_per_hit"]
        assert "mean_angle" not in found["events"]


class TestDivision:
    def test_bitwise_the_same_however_it_is_divided(self, plain: Path) -> None:
        whole = engine.run([dataset(plain)], Executor(chunksize=100))
        for size in (1, 3):
            parts = engine.run([dataset(plain)], Executor(chunksize=size))
            assert parts.complete
            assert parts.tables["mc"]["events"] == whole.tables["mc"]["events"]
            for name, histogram in whole.hists["mc"].items():
                assert parts.hists["mc"][name].view(flow=True).tobytes() == histogram.view(flow=True).tobytes(), name

    def test_order_of_events_does_not_matter(self, tmp_path: Path, plain: Path) -> None:
        """Specification 9.5: shuffled input gives the same result."""
        events, order = made(), np.array([5, 2, 7, 0, 6, 3, 1, 4])
        rows = np.concatenate([np.arange(events.offsets[i], events.offsets[i + 1]) for i in order])
        shuffled = HitEvents(
            *(np.asarray(getattr(events, name))[order] for name in ("label", "energy_mev", "position_cm", "angles", "root_file", "event_id")),
            np.concatenate([[0], np.cumsum(np.diff(events.offsets)[order])]), events.hit_pmt[rows], events.hit_charge[rows], events.hit_time_ns[rows],
            *(getattr(events, name)[order] for name in ("veto", "veto2", "fully_contained")),
        )  # fmt: skip
        found, expected = processed(written(tmp_path / "shuffled.h5", shuffled)), processed(plain)
        same_events(found.pop("events"), expected["events"].select(order), ("row", "file"), atol=0)
        for name, histogram in found.items():
            assert histogram == expected[name], name

    def test_an_outlier_moves_nothing_else(self, tmp_path: Path, plain: Path) -> None:
        """Specification 9.7."""
        events = made()
        loud = replace(events, hit_charge=np.where(np.arange(len(events.hit_charge)) == 41, np.float32(1e6), events.hit_charge))
        found, expected = processed(written(tmp_path / "loud.h5", loud))["events"], processed(plain)["events"]
        other = np.arange(8) != 2
        same_events(found.select(other), expected.select(other), ("file",), atol=0)
        assert found["charge"][2] > 9e5


class TestSelection:
    def test_cut_flow_counts_every_drop(self, plain: Path) -> None:
        found = processed(plain, selection={"min_hits": 2, "veto": False, "expression": "evis > 100"})
        table = found["events"]
        left = table["nhits"] > 2
        counts = [8, 8, left.sum()]
        left = left & ~table["veto"]
        counts += [left.sum()] * 4 + [(left & (table["evis"] > 100)).sum()]
        assert list(flow(found).values()) == counts
        np.testing.assert_array_equal(table["selected"], left & (table["evis"] > 100))
        np.testing.assert_array_equal(found["cutflow"].values()[:, 0], [2, 2, 2, 2, 0])

    @pytest.mark.parametrize(("cut", "column"), [("dwall_cm", "dwall"), ("towall_cm", "towall")])
    def test_cuts_on_walls(self, plain: Path, cut: str, column: str) -> None:
        found = processed(plain, selection={"min_hits": -1, cut: 90.0})
        np.testing.assert_array_equal(found["events"]["selected"], found["events"][column] > 90)

    def test_nothing_left_is_refused_with_the_cut_flow(self, plain: Path) -> None:
        processor = IwcdProcessor(Processor(selection={"min_hits": 1000}), name="mc")
        with pytest.raises(InputError, match=r"'mc': selection keeps 0 of 8 events \(cut flow: all 8, finite 8, min_hits 0, .*loosen"):
            engine.run([dataset(plain, processor)])

    def test_unknown_column_is_refused_before_any_work(self) -> None:
        with pytest.raises(InputError, match="no event column 'nhist'; did you mean 'nhits'"):
            IwcdProcessor(Processor(selection={"expression": "nhist > 3"}))

    def test_flag_that_a_file_lacks(self, tmp_path: Path) -> None:
        path = written(tmp_path / "old.h5", made(fully_contained=None))
        assert "contained" not in processed(path)["events"]
        assert processed(path)["veto"].sum(flow=True) == 0
        with pytest.raises(InputError, match=r"no dataset for 'contained', which processor\.selection\.contained asks for"):
            processed(path, selection={"contained": True})


class TestLabels:
    def test_pure_file_is_named_by_its_data_set(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a.h5", made(label=np.full(8, -1)))
        found = IwcdProcessor(particle="pi0").process(read(path))
        assert set(found["events"]["particle"]) == {"pi0"}
        assert set(found["events"]["label"]) == {-1}

    def test_no_known_label_is_refused_in_simulation_only(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a.h5", made(label=np.full(8, -1)))
        with pytest.raises(InputError, match=r"a\.h5: no known label; give particle: for this file .*labels: -1"):
            processed(path)
        assert set(IwcdProcessor(kind="data").process(read(path))["events"]["particle"]) == {UNKNOWN}

    def test_part_of_a_file_without_known_labels_is_fine(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a.h5", made(label=np.array([0, 1, 2, 0, -1, -1, -1, -1])))
        found = IwcdProcessor().process(read(path, 4, 8))
        np.testing.assert_array_equal(found["events"]["row"], [4, 5, 6, 7])
        assert flow(found)["all"] == 4

    def test_particle_against_labels_is_refused(self, plain: Path) -> None:
        with pytest.raises(InputError, match=r"metadata\.particle is 'pi0', but there are labels of e-, gamma, mu-"):
            IwcdProcessor(particle="pi0").process(read(plain))

    def test_particle_that_is_no_label(self) -> None:
        with pytest.raises(InputError, match=r"metadata\.particle: 'pi' is not in processor\.labels; did you mean 'pi0'"):
            IwcdProcessor(particle="pi")

    def test_label_without_threshold(self) -> None:
        with pytest.raises(InputError, match=r"processor\.labels: 1: 'electron' has no threshold; .*add it to processor\.thresholds_mev"):
            IwcdProcessor(Processor(labels={1: "electron"}))

    def test_particles_in_a_file_name(self) -> None:
        every = ["gamma", "e-", "mu-", "pi0"]
        assert names_in("/gamma/IWCD_pi0_1000.h5", every) == {"pi0"}
        assert names_in("some_e-mu-gamma.h5", every) == {"e-", "mu-", "gamma"}
        assert names_in("simulate-1.h5", every) == names_in("pi01.h5", every) == set()

    @pytest.mark.parametrize(
        ("name", "changes", "message"),
        [
            (
                "a.h5",
                {"energy_mev": np.float32([0.1, *[500] * 7])},
                r"'mc': 1 of 8 events \(12\.50%\) have an energy below the threshold of their label",
            ),
            ("only_e-.h5", {}, r"6 of 8 events .* have another particle than their file's name says \(labels are trusted\)"),
            ("a.h5", {"label": np.int32([9, 1, 2, 3, 0, 1, 2, 3])}, r"1 of 8 events .* have no known label"),
        ],
    )
    def test_told_once_at_the_end(self, tmp_path: Path, name: str, changes: dict[str, Any], message: str) -> None:
        path = written(tmp_path / name, made(**changes))
        with pytest.warns(UserWarning, match=message) as caught:
            outcome = engine.run([dataset(path)], Executor(chunksize=2))
        assert len(caught) == 1
        assert outcome.complete


def _put(name: str, entry: Any, value: float) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        values = file[name][...]
        values[entry] = value
        file[name][...] = values

    return change


WRONG: dict[str, tuple[Callable[[h5py.File], None], dict[str, Any], str]] = {
    "energy": (_put("energies", 3, np.nan), {}, r"energy: 1 non-finite values, first in event 3; .*processor\.on_nan: drop"),
    "position": (_put("positions", (2, 0, 1), np.inf), {}, "y: 1 non-finite values, first in event 2"),
    "charge": (_put("hit_charge", slice(39, 42), np.nan), {}, "hit_charge: 3 non-finite values, first in event 1"),
    "time": (_put("hit_time", 43, np.inf), {}, "hit_time: 1 non-finite values, first in event 4"),
    "pmt": (_put("hit_pmt", 0, 12_000), {}, r"hit_pmt up to 12000 but geometry short has 10184 PMTs: wrong tank preset\?"),
    "negative pmt": (_put("hit_pmt", 0, -1), {}, "hit_pmt down to -1: PMTs count from 0"),
    "tank": (_put("positions", (slice(None), 0, 1), 310.0), {}, r"positions do not fit tank R=400, H=300 \(100\.0% outside\)"),
}


class TestRefused:
    @pytest.mark.parametrize("case", WRONG)
    def test_values(self, tmp_path: Path, case: str) -> None:
        change, options, message = WRONG[case]
        path = written(tmp_path / "wrong.h5")
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(InputError, match=message):
            processed(path, **options)

    @pytest.mark.parametrize("case", ["energy", "position", "charge", "time"])
    def test_events_that_are_not_finite_can_be_dropped(self, tmp_path: Path, plain: Path, case: str) -> None:
        path = written(tmp_path / "wrong.h5")
        with h5py.File(path, "r+") as file:
            WRONG[case][0](file)
        found = processed(path, on_nan="drop")
        lost = {"energy": [3], "position": [2], "charge": [1, 2], "time": [4]}[case]
        assert flow(found)["all"] - flow(found)["finite"] == len(lost)
        same_events(found["events"], processed(plain)["events"].select(np.setdiff1d(np.arange(8), lost)), ("file",), atol=0)

    def test_time_origin_that_nobody_can_tell(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a.h5", made((5, 5), hit_time_ns=np.full(10, 300, np.float32)))
        with pytest.raises(SourceError, match=r"cannot tell the time origin \(median first hit 300 ns\); set .*time_zero"):
            processed(path)
        assert set(processed(path, time_zero=300.0)["events"]["time_mean"]) == {0.0}

    def test_vertices_at_the_wall_are_a_warning(self, tmp_path: Path) -> None:
        """One of 40 vertices outside is 2.5 % of the file, though all of its chunk."""
        events = made((1,) * 40)
        events.position_cm[5] = (0, 300.5, 0)
        with pytest.warns(UserWarning, match=r"1 of 40 events \(2\.50%\) have their vertex outside the tank"):
            outcome = engine.run([dataset(written(tmp_path / "a.h5", events))], Executor(chunksize=1))
        assert outcome.complete
        assert outcome.tables["mc"]["events"]["towall"][5] == 0

    def test_missing_column_is_named(self, plain: Path) -> None:
        events = read(plain)
        with pytest.raises(InputError, match=r"missing columns: 'label'"):
            IwcdProcessor().process(ak.with_name(events[[name for name in events.fields if name != "label"]], "Event"))

    def test_reconstructed_columns_that_are_absent(self, plain: Path) -> None:
        with pytest.raises(InputError, match="missing columns: 'reco_x'.*'reco_phi'"):
            processed(plain, features="reco")


class TestGeometry:
    def test_reconstructed_vertex(self, tmp_path: Path, plain: Path) -> None:
        """Reconstruction at the truth gives the features of the truth; elsewhere it does not."""
        path, events = written(tmp_path / "reco.h5"), made()
        with h5py.File(path, "r+") as file:
            for place, name in enumerate("xyz"):
                file[f"reco_{name}"] = events.position_cm[:, place]
            file["reco_theta"], file["reco_phi"] = events.angles.T
        found, expected = processed(path, features="reco")["events"], processed(plain)["events"]
        same_events(found, expected, ("file",))
        moved = IwcdProcessor(Processor(features="reco")).process(ak.with_field(read(path), np.zeros(8), "reco_x"))["events"]
        assert not np.any(np.isclose(moved["mean_angle"][[1, 5, 6]], expected["mean_angle"][[1, 5, 6]]))
        np.testing.assert_array_equal(moved["dwall"], expected["dwall"])

    def test_geometry_from_a_file(self, tmp_path: Path, plain: Path) -> None:
        geometry = short_tank()
        np.savez(tmp_path / "g.npz", tube_no=np.arange(1, PMTS + 1), position=geometry.position_cm, orientation=geometry.orientation)
        tank = {"preset": None, "radius_cm": 400, "half_height_cm": 300, "geometry": str(tmp_path / "g.npz")}
        assert processed(plain, tank=tank)["events"] == processed(plain)["events"]

    def test_without_geometry_no_features_of_directions(self, plain: Path) -> None:
        tank = {"preset": None, "radius_cm": 500, "half_height_cm": 350}
        with pytest.raises(InputError, match=r"features: truth needs the places of the photomultipliers.*give processor\.tank\.geometry"):
            IwcdProcessor(Processor(tank=tank))
        found = processed(plain, tank=tank, features="blind")
        assert [name for name in found if name.startswith("hit_")] == ["hit_charge", "hit_time"]

    def test_tank_by_numbers(self) -> None:
        assert tank_of(Processor(tank={"preset": "iwcd_current"}).tank) == Tank(350.0, 400.0)
        assert tank_of(Processor(tank={"radius_cm": 390}).tank) == Tank(390.0, 300.0)
        with pytest.raises(InputError, match="no preset, so give radius_cm and half_height_cm"):
            tank_of(Processor(tank={"preset": None, "radius_cm": 390}).tank)

    def test_hits_without_numbers_have_sums_only(self, plain: Path) -> None:
        events = read(plain)
        hits = events.hits[["charge", "time"]]
        with pytest.raises(InputError, match="hits have no PMT numbers, without which .*set processor.features: blind"):
            IwcdProcessor().process(ak.with_field(events, hits, "hits"))
        found = IwcdProcessor(Processor(features="blind")).process(ak.with_field(events, hits, "hits"))
        same_events(found["events"], processed(plain, features="blind")["events"])
        assert found["occupancy"].sum() == 0


class TestStage:
    def test_example_configuration(self, tmp_path: Path) -> None:
        """Four particles and a mixture, generated, processed and written; the particle of the data is not known."""
        sizes = ["datasets.mc.example.size=3", "datasets.data.example.size=5", f"output_dir={tmp_path}"]
        config = load_config(Path(schema.__file__).with_name("iwcd_example.yaml"), sizes)
        outcome = process(config)
        assert outcome.complete
        mc, data = (load_table(table_path(config.output, name, "events")) for name in ("mc", "data"))
        np.testing.assert_array_equal(mc["particle"], np.repeat(["gamma", "e-", "mu-", "pi0"], 3))
        assert set(data["particle"]) == {UNKNOWN}
        assert set(mc.columns) == set(data.columns) == {*EVENT_COLUMNS, *FEATURES, "time_zero", "selected"}
        assert set(load_hists(config.output / "hists.h5")["mc"]) == set(IwcdProcessor().axes())

    @pytest.mark.parametrize("spoil", [_put("hit_charge", 1, np.nan), lambda file: file.__delitem__("hit_time")], ids=["values", "dataset"])
    def test_file_that_is_refused_leaves_its_reason(self, tmp_path: Path, spoil: Callable[[h5py.File], None]) -> None:
        path = written(tmp_path / "a.h5")
        with h5py.File(path, "r+") as file:
            spoil(file)
        given = {"name": "test", "analysis": "iwcd", "output_dir": str(tmp_path), "datasets": {"mc": {"files": [str(path)], "kind": "mc"}}}
        outcome = process(schema.ANALYSES["iwcd"].model_validate(given), allow_partial=True)
        assert not outcome.complete
        assert re.search(r"hit_charge: 1 non-finite|missing dataset\(s\) hit_time", outcome.account.describe())

    def test_particle_of_a_data_set_reaches_its_processor(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a.h5", made(label=np.full(8, -1)))
        given = {"files": [str(path)], "kind": "mc", "metadata": {"particle": "mu-"}}
        config = schema.ANALYSES["iwcd"].model_validate(
            {"name": "test", "analysis": "iwcd", "output_dir": str(tmp_path), "datasets": {"pure": given}}
        )
        assert set(process(config).tables["pure"]["events"]["particle"]) == {"mu-"}
