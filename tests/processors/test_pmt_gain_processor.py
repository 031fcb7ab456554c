"""The processor of pmt_gain on generated triggers: closure, zeros, counts, exact sums, every histogram, refusals."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import hist
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pmt_waves_case import NO_FIT, Made, made, volts, with_volts, write_files

from configs import schema
from configs.errors import InputError
from configs.pmt_gain import Processor
from processors import engine
from processors.chunks import DatasetInput, EventFile
from processors.executors import Executor
from processors.pmt_gain import PmtGainProcessor, overflow_message
from processors.pmt_histograms import axes_of, power_sums
from processors.pmt_plan import PointPlan
from processors.pmt_selection import STEPS
from processors.pmt_traces import covariance_of
from processors.registry import build
from processors.waveform_baseline import charge_variance_pc2
from readers import open_source
from readers.events import with_metadata
from records.hists import digest
from simulation.pmt_gain import Light

TABLE = Processor(waveform_table=True)


def mean_pc(moments: hist.Hist, plan: PointPlan, estimator: str = "gate", selection: str = "all") -> tuple[float, float]:
    """Mean charge and standard deviation."""
    n, first, second = (float(moments[estimator, selection, hist.loc(power)]) for power in (0, 1, 2))
    return first / n * plan.q_ref_pc, float(np.sqrt(second / n - (first / n) ** 2)) * plan.q_ref_pc


def flow(found: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {step: tuple(row) for step, row in zip(STEPS, found["cutflow"].values().astype(int).tolist(), strict=True)}


@pytest.fixture(scope="module")
def point() -> Made:
    return made(400)


@pytest.fixture(scope="module")
def found(point: Made) -> Any:
    return point.processed(TABLE)


class TestCharges:
    @pytest.mark.parametrize("hv_v", [700.0, 1000.0, 1400.0])
    def test_sums_and_fits_close_on_the_truth(self, hv_v: float) -> None:
        """Specification 7: sum/true 0.996 to 1.001, fit/true 0.999 to 1.0015, error of one fit 0.7 to 1.9 %."""
        one = made(400, hv_v=hv_v)
        table, true = one.processed(TABLE)["triggers"], one.made.charge_pc
        used = table["used"]
        assert 0.996 < table["charge_pc"][used].mean() / true[used].mean() < 1.001
        ratio = table["fit_charge_pc"][used] / true[used]
        assert 0.9985 < np.nanmean(ratio) < 1.002
        assert 0.005 < np.nanstd(ratio) < 0.021
        assert np.isin(table["fit_status"], (1, 2, 5)).mean() > 0.99

    def test_errors_of_fitted_charges(self) -> None:
        """Pulls of the fitted charge: noise of a limited bandwidth and the error of the baseline are in the error, 8-bit steps are not all."""
        one = made(600)
        table = one.processed(TABLE)["triggers"]
        good = table["selected"]
        pulls = (table["fit_charge_pc"] - one.made.charge_pc)[good] / (20.0 * table["fit_area_error_vns"][good])
        assert pulls.std() == pytest.approx(1.0, abs=0.15)
        assert abs(pulls.mean()) < 0.25

    def test_offsets_of_the_trace_change_nothing(self, point: Made) -> None:
        """Specification 9: offsets of +-5 mV, for every number of the table; the published rule took the baseline to be 0."""
        plain = with_volts(point, volts(point)[:100])
        plan = plain.plan(TABLE)
        before = plain.processed(TABLE, plan)["triggers"]
        for offset in (-5e-3, 5e-3):
            after = with_volts(point, volts(point)[:100] + offset).processed(TABLE, plan)["triggers"]
            np.testing.assert_allclose(after["baseline_v"] - before["baseline_v"], offset, rtol=1e-9)
            for name in ("charge_pc", "amplitude_v", "cfd20_ns", "fit_charge_pc", "fit_onset_ns"):
                np.testing.assert_allclose(after[name], before[name], rtol=1e-5, atol=1e-9, err_msg=name)
            np.testing.assert_array_equal(after["selected"], before["selected"])

    def test_zeros_count(self) -> None:
        """The mean charge of low light is lambda Q1: triggers without a pulse are part of it."""
        low = made(3000, "low", hv_v=1400.0, jitter=True)
        plan, dark = low.plan(NO_FIT), made(3000, "low.off", hv_v=1400.0, jitter=True)
        unsaturated = (low.columns["n_sat_low"] == 0) & (low.columns["n_sat_high"] == 0)
        found, off = low.processed(NO_FIT, plan), dark.processed(NO_FIT, plan)
        (mean, spread), (level, pedestal) = mean_pc(found["moments"], plan), mean_pc(off["moments"], plan)
        true = low.made.charge_pc[unsaturated]
        assert mean - level == pytest.approx(true.mean(), abs=4 * pedestal / np.sqrt(3000) + 0.003 * mean)
        assert abs(level) < 4 * pedestal / np.sqrt(3000)
        selected, _ = mean_pc(found["moments"], plan, selection="selected")
        assert selected > 1.2 * mean  # what a required pulse would make of it
        assert spread == pytest.approx(np.hypot(true.std(), pedestal), rel=0.01)

    def test_coverage_of_the_standard_error(self) -> None:
        """Specification 9: sem = s/sqrt(n) covers 68 +- 3 % of toys; the standard deviation is not an error of the mean."""
        whole = made(6000, seed=11)
        plan = whole.plan(NO_FIT)
        from processors.waveform_baseline import baselines
        from processors.waveforms import charge_pc

        y, t0 = volts(whole), whole.made.t0_ns
        charge = charge_pc(y, t0, plan.dt_ns, baselines(y, t0, plan.dt_ns, plan.baseline_ns).level_v, plan.gate_ns)
        rng = np.random.default_rng(0)
        samples = rng.choice(charge, (4000, 60))
        covered = np.abs(samples.mean(axis=1) - charge.mean()) < samples.std(axis=1, ddof=1) / np.sqrt(60)
        assert covered.mean() == pytest.approx(0.6827, abs=0.03)

    def test_variance_of_noise_alone_is_that_of_the_dark(self) -> None:
        """The pedestal without LED-off run or gate before the pulse."""
        plan, dark = made(200).plan(NO_FIT), made(3000, "off")
        found = dark.processed(NO_FIT, plan)
        variance = charge_variance_pc2(covariance_of(found["noise_cov"]), plan.dt_ns, plan.baseline_ns, plan.gate_ns)
        assert np.sqrt(variance) == pytest.approx(mean_pc(found["moments"], plan)[1], rel=0.05)

    def test_charge_before_the_pulse(self) -> None:
        """A gate of the same length before the pulse has no charge and the noise of its own baseline."""
        one = made(600)
        before = volts(made(600, "off", seed=9))
        early = with_volts(one, np.concatenate([before, volts(one)], axis=1), t0_ns=one.made.t0_ns - 50.2)
        options = Processor(fit={"enabled": False}, waveform_table=True)
        plan = early.plan(options)
        found = early.processed(options, plan)
        mean, spread = mean_pc(found["moments"], plan, "pre")
        assert float(found["moments"]["pre", "all", hist.loc(0)]) == found["triggers"]["used"].sum()
        assert abs(mean) < 5 * spread / np.sqrt(600)
        assert found["triggers"]["pre_charge_pc"][found["triggers"]["used"]].std() == pytest.approx(spread, rel=1e-6)
        assert spread < 0.1 * mean_pc(found["moments"], plan)[0]

    def test_other_loads(self, point: Made) -> None:
        options = Processor(load_ohm=25.0, fit={"enabled": False}, waveform_table=True)
        plan = point.plan(options)
        half = point.processed(options, plan)["triggers"]["charge_pc"]
        np.testing.assert_allclose(half, 2 * point.processed(TABLE.model_copy(update={"fit": NO_FIT.fit}))["triggers"]["charge_pc"], rtol=1e-12)


class TestHistograms:
    def test_each_holds_what_the_table_holds(self, point: Made, found: Any) -> None:
        table, plan = found["triggers"], point.plan(TABLE)
        used, kept = table["used"], table["selected"]
        for name, column in (("gate", "charge_pc"), ("fit", "fit_charge_pc")):
            for selection, mask in (("all", used), ("selected", kept)):
                values = table[column][mask]
                values = values[np.isfinite(values)]
                counts = found["charge"][name, selection, :]
                np.testing.assert_array_equal(counts.values(), np.histogram(values, counts.axes[0].edges)[0])
                powers = [float(found["moments"][name, selection, hist.loc(power)]) for power in range(5)]
                expected = [np.sum((values / plan.q_ref_pc) ** power) for power in range(5)]
                np.testing.assert_allclose(powers, expected, rtol=1e-7)
        assert found["amplitude"].sum(flow=True) == used.sum()
        assert found["charge_log"]["gate", "all", :].sum(flow=True) == used.sum()
        good = kept & np.isin(table["fit_status"], (1, 2, 5))
        assert found["shape"].sum(flow=True) == good.sum()
        for kind, column in (("cfd20", "cfd20_ns"), ("cfd50", "cfd50_ns"), ("onset", "fit_onset_ns")):
            values = table[column][good if kind == "onset" else kept]
            axis = found["time"].axes[1]
            np.testing.assert_array_equal(found["time"][kind, :].values(), np.bincount(axis.index(values), minlength=axis.size))
        clock = found["times"]
        assert clock["count", :].sum(flow=True) == used.sum()
        assert clock["charge", :].sum(flow=True) == pytest.approx(float(found["moments"]["gate", "all", hist.loc(1)]), rel=1e-9)

    def test_mean_waveform_is_the_mean_of_waveforms(self, point: Made, found: Any) -> None:
        table = found["triggers"]
        pulses = (table["baseline_v"][:, None] - volts(point))[table["used"]]
        count, total, square = found["waveform_mean"].values()[0]
        np.testing.assert_array_equal(count, len(pulses))
        np.testing.assert_allclose(total, pulses.sum(axis=0), rtol=0, atol=1e-6)
        np.testing.assert_allclose(square, (pulses**2).sum(axis=0), rtol=0, atol=1e-6)
        density = found["waveform_2d"].values(flow=True)[1:-1]
        np.testing.assert_array_equal(density.sum(axis=1), found["waveform_mean"].values()[1, 0])

    def test_one_waveform_is_kept_whatever_the_chunks(self, point: Made, found: Any) -> None:
        """That of the middle charge among the first hundred triggers, as recorded, in b - V."""
        table, first = found["triggers"], slice(0, 100)
        row = int(np.argsort(table["charge_pc"][first], kind="stable")[50])
        assert point.plan(TABLE).trace_time_ns == int(np.asarray(point.columns["trigger_time"])[row].astype(np.int64))
        count, total = found["trace"].values()
        np.testing.assert_array_equal(count, 1.0)
        np.testing.assert_allclose(total, table["baseline_v"][row] - volts(point)[row], rtol=0, atol=1e-8)
        plain = TABLE.model_copy(update={"waveform_table": False})
        again = point.processed(plain, edges=[0, 31, 77, len(point)])
        np.testing.assert_array_equal(again["trace"].values(), found["trace"].values())

    def test_aligned_pulses_are_sharper(self) -> None:
        """Times of low light spread by 0.3 ns; aligned to their pulses the mean rises faster."""
        low = made(2000, "low", hv_v=1400.0, jitter=True)
        count, total, _ = np.moveaxis(low.processed(NO_FIT)["waveform_mean"].values(), 1, 0)
        plain, aligned = total / np.maximum(count, 1)
        pulse_only = plain * (total[1].sum() / total[0].sum()) * (count[0].max() / count[1].max())
        assert np.diff(aligned).max() > 1.05 * np.diff(pulse_only).max()

    def test_second_pulses_are_late_pulses(self, point: Made) -> None:
        y, twice = volts(point).copy(), volts(point).copy()
        twice[:, 200:] += 0.3 * (y[:, : 502 - 200] - y[:, :100].mean(axis=1, keepdims=True))
        found = with_volts(point, twice).processed(Processor(fit={"enabled": False}, gate=(45.3, 66.0)))
        assert found["late"].sum(flow=True) > 0.97 * len(point)
        delay = found["late"].project("delay")
        assert 18 < delay.axes[0].centers[np.argmax(delay.values())] < 23
        assert flow(found)["single_pulse"][1] > 0.95 * len(point)
        assert point.processed(NO_FIT)["late"].sum(flow=True) < 0.01 * len(point)

    def test_long_records_show_what_surrounds_the_gate(self, point: Made) -> None:
        long = with_volts(point, np.pad(volts(point)[:50], ((0, 0), (0, 9500)), mode="edge"))
        plan = long.plan(NO_FIT)
        axes = axes_of(plan)
        assert all(len(axes[name][-1 if name == "waveform_mean" else 0]) <= 1000 for name in ("waveform_mean", "waveform_2d"))
        edges = axes["waveform_mean"][-1].edges
        assert edges[0] < plan.gate_ns[0] < plan.gate_ns[1] < edges[-1]
        assert long.processed(NO_FIT, plan)["waveform_mean"].values()[0, 0].min() == 50

    def test_records_elsewhere_move_the_time_axis(self, point: Made) -> None:
        moved = with_volts(point, volts(point), t0_ns=point.made.t0_ns + 5000.0)
        found = moved.processed(NO_FIT)
        assert found["time"]["cfd20", :].sum() > 0.98 * len(point)
        assert point.processed(NO_FIT)["time"].axes[1].edges[0] == 0.0

    def test_axes_are_those_announced(self, point: Made, found: Any) -> None:
        announced = PmtGainProcessor(TABLE, point.plan(TABLE)).axes()
        assert {name: tuple(value.axes) for name, value in found.items() if name != "triggers"} == announced

    def test_table_has_one_row_for_each_trigger(self, point: Made, found: Any) -> None:
        table = found["triggers"]
        assert len(table) == len(point)
        np.testing.assert_array_equal(table["segment"], np.arange(len(point)))
        assert table["file"][3] == "C1--00003.trc"
        assert "triggers" not in point.processed(NO_FIT)
        assert not any(name.startswith("fit_") for name in point.processed(NO_FIT.model_copy(update={"waveform_table": True}))["triggers"].columns)


def test_published_chain_stands_beside_ours(point: Made) -> None:
    """Specification 9: its charges hold the baseline and are negative; only triggers above its threshold have one."""
    options = Processor(compare_reference=True)
    assert "reference" not in point.processed(NO_FIT)
    found = point.processed(options)["reference"]
    np.testing.assert_array_equal(found["segment"], np.arange(len(point)))
    accepted = found["reference_accepted"]
    assert accepted.mean() > 0.9
    np.testing.assert_array_equal(np.isfinite(found["reference_charge_pc"]), accepted)
    own = -(found["reference_charge_pc"] - found["reference_baseline_charge_pc"])[accepted]
    np.testing.assert_allclose(own.mean(), found["fit_charge_pc"][accepted].mean(), rtol=0.02)
    dark = with_metadata(made(20, "off").events(0, 20), {"source": "off"})
    assert "reference" not in PmtGainProcessor(options, point.plan(options)).process(dark)


class TestSelection:
    def test_every_trigger_is_counted_at_every_step(self, point: Made, found: Any) -> None:
        counts = flow(found)
        assert counts["read"] == (len(point), 0)
        left = len(point)
        for step in STEPS[:-1]:
            assert sum(counts[step]) == left
            left = counts[step][0]
        assert counts["selected"] == (left, len(point) - left)

    def test_saturated_triggers_are_left_out_and_counted(self) -> None:
        """Its pulses are cut at 6 divisions below a quarter of the light."""
        one = made(300, hv_v=1000.0)
        one.columns["n_sat_low"] = np.where(np.arange(300) < 30, 2, 0)
        one.columns["n_sat_high"] = np.where(np.arange(300) == 5, 1, 0)
        found = one.processed(NO_FIT)
        assert found["saturated"].values().tolist() == [30, 1, 30]
        assert flow(found)["unsaturated"] == (270, 30)
        assert found["charge"]["gate", "all", :].sum(flow=True) == flow(found)["baseline"][0]
        flagged = one.processed(NO_FIT.model_copy(update={"selection": Processor(selection={"saturated": "flag"}).selection}))
        assert flagged["charge"]["gate", "all", :].sum(flow=True) > found["charge"]["gate", "all", :].sum(flow=True)

    def test_a_flag_leaves_the_mean_alone_and_a_requirement_does_not(self) -> None:
        low = made(500, "low", hv_v=1400.0, jitter=True)
        plan = low.plan(NO_FIT)
        flagged, required, ignored = (
            low.processed(Processor(fit={"enabled": False}, selection={"pulse_found": how}), plan) for how in ("flag", "require", "off")
        )
        assert flow(flagged)["pulse_found"] == flow(required)["pulse_found"]
        assert flagged["charge"]["gate", "all", :].sum() > required["charge"]["gate", "all", :].sum()
        assert flow(ignored)["pulse_found"] == (0, 0)
        assert flow(ignored)["selected"][0] > flow(flagged)["selected"][0]

    def test_cut_of_the_point(self, point: Made) -> None:
        plan = point.plan(NO_FIT)
        assert flow(point.processed(NO_FIT, plan))["amplitude_cut"][1] <= 0.006 * len(point)  # specification 7: 99.4 to 100 % pass
        assert flow(point.processed(NO_FIT, point.plan(NO_FIT, cut_v=None)))["amplitude_cut"] == (0, 0)

    def test_not_finite_voltages_fail(self, point: Made) -> None:
        y = volts(point)[:20].copy()
        y[3, 5] = np.nan
        y[4, 300] = np.inf
        one = with_volts(point, y)
        found = one.processed(Processor(waveform_table=True), with_volts(point, volts(point)).plan())
        assert flow(found)["units"] == (18, 2)
        assert np.isfinite(found["moments"].values()).all()

    def test_a_pulse_before_the_pulse_is_no_single_pulse(self, point: Made) -> None:
        y = volts(point)[:50].copy()
        y[:, 60:64] -= 0.05
        found = with_volts(point, y).processed(NO_FIT, with_volts(point, volts(point)).plan(NO_FIT))
        assert flow(found)["single_pulse"][1] == sum(flow(found)["single_pulse"])


class TestExactness:
    """Bitwise the same histograms whatever the chunks, the order, the executor."""

    @settings(max_examples=8, deadline=None)
    @given(cuts=st.sets(st.integers(1, 119), max_size=5))
    def test_any_chunks(self, cuts: set[int]) -> None:
        point = made(120, "low", hv_v=1400.0, jitter=True)
        plan = point.plan(Processor())
        whole, parts = (point.processed(Processor(), plan, edges) for edges in ([0, 120], [0, *sorted(cuts), 120]))
        assert digest({"a": whole}) == digest({"a": parts})

    def test_any_order_of_triggers(self) -> None:
        rng = np.random.default_rng(3)
        values = rng.normal(1, 1, 5000)
        np.testing.assert_array_equal(power_sums(values), power_sums(rng.permutation(values)))
        parts = sum(power_sums(part) for part in np.array_split(values, 7))
        np.testing.assert_array_equal(power_sums(values), parts)
        np.testing.assert_allclose(power_sums(values)[4], np.sum(values**4), rtol=1e-8)

    def test_any_executor_and_chunksize(self, opened: dict[str, Executor], tmp_path: Path) -> None:
        low = made(150, "low", hv_v=1400.0, jitter=True)
        sequences, singles = tmp_path / "sequences", tmp_path / "singles"
        for folder, segments in ((sequences, 40), (singles, 1)):
            folder.mkdir()
            write_files(folder, low, segments=segments)
        digests = set()
        for folder, kind, chunksize, batch in (
            (sequences, "iterative", None, 2), (sequences, "futures", 37, 4), (sequences, "dask", 64, 1), (singles, "futures", 11, 70),
            (singles, "iterative", 150, 150),
        ):  # fmt: skip
            paths = sorted(str(path) for path in folder.glob("*.trc"))
            with open_source(paths, "trc") as source:
                from processors.pmt_plan import plan_point

                plan = plan_point(source, Processor(), low.metadata)
            plan = PointPlan(**{**vars(plan), "clock_start_ns": 0, "clock_s": 1.0, "trace_time_ns": 0})  # the files have other trigger times
            files = tuple(EventFile(tuple(paths[start : start + batch]), "trc") for start in range(0, len(paths), batch))
            dataset = DatasetInput("low", "data", files, PmtGainProcessor(Processor(), plan))
            outcome = engine.run([dataset], schema.Executor(kind=kind, chunksize=chunksize), executor=opened[kind])
            assert outcome.complete, outcome.account.datasets["low"].failed
            assert outcome.hists["low"]["cutflow"]["read", "passed"] == 150
            del outcome.hists["low"]["times"]  # type: ignore[attr-defined]
            digests.add(digest(outcome.hists))
        assert len(digests) == 1


class TestRefused:
    """Specification 10, the rows that concern triggers behind the plan."""

    def test_triggers_that_are_not_as_planned(self, point: Made) -> None:
        plan = point.plan(NO_FIT)
        processor = PmtGainProcessor(NO_FIT, plan)
        for change, name in ({"dt_ns": np.full(400, 0.2)}, "502 samples of 0.2 ns"), ({"coupling": ["DC1M"] * 400}, "coupling DC1M"):
            other = Made(point.truth, point.made, change)
            if "coupling" in change:
                other.columns["coupling"] = change["coupling"][:20]
            with pytest.raises(InputError, match=f"C1--00000.trc: .*{name}.*but its point has 502 samples of 0.1 ns, coupling DC50"):
                processor.process(other.events(0, 20))

    def test_gate_outside_a_later_record(self, point: Made) -> None:
        plan = point.plan(NO_FIT)
        late = Made(point.truth, point.made, {"t0_ns": np.where(np.arange(400) == 300, 50.0, 22.0)})
        late.processed(NO_FIT, plan, [0, 300])
        with pytest.raises(InputError, match="C1--00300.trc: the charge gate .* is outside the record, which goes from 50 to"):
            late.processed(NO_FIT, plan)

    def test_charges_outside_the_axis_are_told(self, point: Made) -> None:
        plan = point.plan(NO_FIT, q_ref_pc=1.0)
        found = point.processed(NO_FIT, plan)
        message = overflow_message(found["charge"], plan)
        assert message is not None
        assert "charges lie outside the axis from -1 to 5 pC (0 below" in message
        processor = PmtGainProcessor(NO_FIT, plan)
        with pytest.warns(UserWarning, match="PMT_1 at 1000 V: .* lie outside the axis"):
            processor.postprocess(found)
        assert mean_pc(found["moments"], plan)[0] == pytest.approx(mean_pc(point.processed(NO_FIT)["moments"], point.plan(NO_FIT))[0], rel=1e-7)
        assert overflow_message(point.processed(NO_FIT)["charge"], point.plan(NO_FIT)) is None

    def test_coupling_is_told_at_the_end(self, point: Made) -> None:
        other = Made(point.truth, point.made, {"coupling": ["DC1M"] * 400})
        plan = other.plan(NO_FIT)
        with pytest.warns(UserWarning, match="coupled DC1M, but processor.load_ohm is 50"):
            PmtGainProcessor(NO_FIT, plan).postprocess({})

    def test_no_triggers(self, point: Made) -> None:
        found = PmtGainProcessor(NO_FIT, point.plan(NO_FIT)).process(point.events(0, 0))
        assert found["cutflow"].sum() == 0


def test_memory_does_not_grow_with_the_chunk() -> None:
    """Specification 11: waveforms become volts in blocks. 20,000 triggers of 502 samples would be 80 MB, and half a dozen arrays as large."""
    few = made(200, "low", hv_v=1400.0)
    plan = few.plan(NO_FIT)
    many = Made(few.truth, replace(few.made, codes=np.tile(few.made.codes, (100, 1)), t0_ns=np.tile(few.made.t0_ns, 100)))
    events, processor = many.events(0, 20_000), PmtGainProcessor(NO_FIT, plan)
    processor.process(few.events(0, 200))
    tracemalloc.start()
    try:
        processor.process(events)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60e6


def test_processors_of_points_are_made_with_their_plan(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("{name: a, analysis: pmt_gain, datasets: {led: {files: [a.trc], metadata: {pmt: A, hv_v: 1000}}}}")
    with pytest.raises(InputError, match="datasets.led: waveforms are processed point by point, each with its own plan"):
        build(schema.load_config(tmp_path / "config.yaml"), "led")


def test_one_flash_of_many_photoelectrons_is_no_different_from_its_light() -> None:
    """The selected sample keeps all of a bright point."""
    bright = made(300, light=Light(bright=60.0))
    assert flow(bright.processed(NO_FIT))["pulse_found"][1] == 0
