"""Gate, baseline and scales of a point from its first triggers; what is refused before any work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pmt_waves_case import NO_FIT, Made, made, volts, with_volts

from configs.errors import InputError
from configs.pmt_gain import Processor
from physics.pulse_shapes import pulse, rates_of
from processors.pmt_plan import before_pulse, plan_point
from processors.waveform_baseline import baselines
from processors.waveforms import charge_pc

RATES = rates_of(0.93, 3.2)


@pytest.fixture(scope="module")
def point() -> Made:
    return made(120)


class TestGate:
    def test_gate_lies_around_the_leading_edge_of_the_mean_pulse(self, point: Made) -> None:
        """Specification 3.1: from 2 ns before to 22 ns behind the 10 % edge, which is just behind the generated onset of 47.3 ns."""
        plan = point.plan()
        assert plan.onset_ns == pytest.approx(47.35, abs=0.06)
        np.testing.assert_allclose(plan.gate_ns, [plan.onset_ns - 2, plan.onset_ns + 22], rtol=1e-12)
        np.testing.assert_allclose(plan.baseline_ns, [21.95, plan.onset_ns - 6], rtol=1e-12)
        np.testing.assert_allclose(plan.fit_window_ns, [plan.gate_ns[0] - 4, plan.gate_ns[1] + 5], rtol=1e-12)

    def test_edge_of_a_known_pulse(self) -> None:
        """Without noise the edge is where the closed form reaches a tenth of its height, up to a straight line between samples."""
        time = 22.0 + 0.1 * np.arange(502)
        fine = np.linspace(0, 1, 100_001)
        shape = pulse(fine, *RATES)
        edge = fine[np.argmax(shape >= 0.1 * 0.188357)]
        plan = with_volts(made(5), np.tile(-0.16 * pulse(time - 47.3, *RATES), (5, 1))).plan()
        assert plan.onset_ns == pytest.approx(47.3 + edge, abs=0.01)

    def test_triggers_behind_the_first_hundred_change_nothing(self, point: Made) -> None:
        few = with_volts(point, np.concatenate([volts(point)[:100], np.full((20, 502), -9.0)]))
        assert few.plan() == with_volts(point, volts(point)).plan()

    def test_own_gate_and_positive_pulses(self, point: Made) -> None:
        plan = point.plan(Processor(gate=(46.0, 66.0)))
        assert plan.gate_ns == (46.0, 66.0)
        assert plan.baseline_ns[1] == pytest.approx(42.0)
        turned = with_volts(point, -volts(point)).plan(Processor(polarity="positive"))
        same = with_volts(point, volts(point)).plan()
        assert turned == replace(same, warnings=turned.warnings)

    def test_gate_before_the_pulse_has_its_length_and_own_baseline(self, point: Made) -> None:
        """The record of 19 ns before the pulse has no room for it; one of 60 ns has."""
        assert point.plan().pre_gate_ns is None
        dark = volts(made(len(point), "off"))[:, :400]
        early = with_volts(point, np.concatenate([dark, volts(point)], axis=1), t0_ns=point.made.t0_ns - 40.0)
        plan = early.plan()
        assert plan.pre_gate_ns is not None
        assert plan.pre_baseline_ns is not None
        assert plan.pre_gate_ns[1] - plan.pre_gate_ns[0] == pytest.approx(24.0)
        assert plan.pre_gate_ns[1] == plan.baseline_ns[1]
        assert plan.pre_gate_ns[0] - plan.pre_baseline_ns[1] == pytest.approx(plan.gate_ns[0] - plan.baseline_ns[1])

    def test_a_gate_before_the_pulse_needs_samples_of_a_baseline(self) -> None:
        options = Processor()
        assert before_pulse((0.0, 40.0), (44.0, 68.0), 0.1, options)[0] == (16.0, 40.0)
        assert before_pulse((0.0, 29.9), (34.0, 58.0), 0.1, options) == (None, None)


class TestScales:
    def test_charge_scale_of_a_bright_point_follows_its_cut(self, point: Made) -> None:
        """Specification 2.4: 212.4 pC for each V of the cut; a given scale wins."""
        assert point.plan().q_ref_pc == pytest.approx(212.4 * 0.04623)
        assert point.plan().amplitude_ref_v == pytest.approx(2 * 0.04623)
        assert point.plan(q_ref_pc=5.0).q_ref_pc == 5.0

    @pytest.mark.parametrize("photoelectrons", [0.15, 1.2, 5.0])
    def test_low_light_resolves_the_pedestal_and_keeps_the_charges(self, photoelectrons: float) -> None:
        from simulation.pmt_gain import Light

        low = made(4000, "low", hv_v=1400.0, jitter=True, light=Light(low=photoelectrons))
        dark = made(1000, "low.off", hv_v=1400.0, jitter=True, light=Light(low=photoelectrons))
        plan = low.plan()
        bin_pc = 6 * plan.q_ref_pc / plan.charge_bins
        y, t0 = volts(dark), dark.made.t0_ns
        pedestal = charge_pc(y, t0, 0.1, baselines(y, t0, 0.1, plan.baseline_ns).level_v, plan.gate_ns)
        assert pedestal.std() >= 3 * bin_pc
        assert low.made.charge_pc.max() < 5 * plan.q_ref_pc

    def test_bright_point_without_cut(self, point: Made) -> None:
        plan = point.plan(cut_v=None)
        assert point.made.charge_pc.max() < 5 * plan.q_ref_pc
        assert plan.charge_bins == 1200
        assert 0.5 < plan.amplitude_ref_v / (2 * 0.04623) < 2.0

    def test_noise_of_limited_bandwidth(self, point: Made) -> None:
        assert point.plan().correlation_samples == pytest.approx(4.0, abs=0.4)

    def test_trigger_times_of_all_files_that_a_plan_sees_fit_their_axis(self, point: Made) -> None:
        """120 triggers every 0.1 s; a point may have twenty times as many files."""
        plan = point.plan()
        assert 20 * 11.9 <= plan.clock_s <= 50 * 11.9
        assert plan.clock_start_ns == point.columns["trigger_time"][0].astype(np.int64)
        unknown = Made(point.truth, point.made, {"trigger_time": np.full(120, np.datetime64("NaT"), "M8[ns]")})
        assert unknown.processed(NO_FIT)["times"].sum(flow=True) == 0
        assert point.processed(NO_FIT)["times"]["count", :].sum() > 115

    def test_plan_is_plain_numbers(self, point: Made) -> None:
        """It is part of the journal's key and, in parts, of processing.json."""
        import json
        from dataclasses import asdict

        assert json.loads(json.dumps(asdict(point.plan())))["sampling"] == {"dt_ns": 0.1, "samples": 502, "coupling": "DC50"}
        assert json.loads(json.dumps(point.plan().numbers))["q_ref_pc"] == point.plan().q_ref_pc


def mixed(point: Made, name: str, value: Any, row: int = 7) -> Made:
    other = Made(point.truth, point.made, dict(point.columns))
    values = other.columns[name] if name in other.columns else np.array(["DC50"] * len(point))
    other.columns[name] = np.where(np.arange(len(point)) == row, value, values)
    if name == "coupling":
        other.columns[name] = other.columns[name].tolist()
    return other


class TestRefused:
    """Specification 10, the rows that concern the plan."""

    def test_wrong_polarity(self, point: Made) -> None:
        with pytest.raises(
            InputError, match=r"PMT_1 at 1000 V: the mean pulse is positive \(.* mV, .* way\); did you mean polarity: positive\? One polarity"
        ):
            with_volts(point, -volts(point)).plan()
        with pytest.raises(InputError, match="did you mean polarity: negative"):
            point.plan(Processor(polarity="positive"))
        with pytest.raises(InputError, match="did you mean polarity: positive"):
            with_volts(point, -volts(point)).plan(Processor(gate=(45.0, 69.0)))

    def test_no_pulse(self) -> None:
        dark = made(100, "off")
        with pytest.raises(InputError, match="no pulse in the mean of the first triggers: .* say source: off"):
            dark.plan()
        assert dark.plan(Processor(gate=(45.0, 69.0))).gate_ns == (45.0, 69.0)

    @pytest.mark.parametrize("gate", [(60.0, 80.0), (10.0, 30.0)])
    def test_gate_outside_the_record(self, point: Made, gate: tuple[float, float]) -> None:
        with pytest.raises(InputError, match=r"charge gate \[.*\] ns is outside the record, which goes from 22 to 72.1 ns; set processor.gate"):
            point.plan(Processor(gate=gate))

    def test_record_that_ends_in_the_pulse(self, point: Made) -> None:
        with pytest.raises(InputError, match="outside the record, which goes from 22 to 61.9 ns"):
            with_volts(point, volts(point)[:, :400]).plan()

    def test_too_few_samples_before_the_pulse(self, point: Made) -> None:
        late = with_volts(point, volts(point)[:, 185:], t0_ns=point.made.t0_ns + 18.5)
        with pytest.raises(InputError, match=r"samples of baseline up to 41.\d+ ns .*fewer than processor.baseline.min_samples 20"):
            late.plan()
        assert late.plan(Processor(baseline={"min_samples": 5})).baseline_ns[0] == pytest.approx(40.45)

    @pytest.mark.parametrize(("name", "value"), [("dt_ns", 0.2), ("coupling", "DC1M")])
    def test_mixed_triggers(self, point: Made, name: str, value: Any) -> None:
        with pytest.raises(InputError, match=f"{name} is mixed inside one point: .* in C1--00000.trc, .* in C1--00007.trc"):
            mixed(point, name, value).plan()

    def test_mixed_lengths(self, point: Made) -> None:
        other = with_volts(point, volts(point))
        other.columns["waveform_v"] = [row[: 400 if number == 3 else 502].tolist() for number, row in enumerate(volts(point))]
        with pytest.raises(InputError, match="samples is mixed inside one point: 502 in C1--00000.trc, 400 in C1--00003.trc"):
            other.plan()

    def test_missing_columns_and_no_triggers(self, point: Made) -> None:
        other = Made(point.truth, point.made)
        del other.columns["dt_ns"]
        with pytest.raises(InputError, match="no column 'dt_ns'; waveforms need"):
            other.plan()
        empty = made(1)
        empty.made = replace(empty.made, codes=empty.made.codes[:0])
        with pytest.raises(InputError, match="no triggers; give at least one file"):
            plan_point(empty, Processor(), empty.metadata)

    def test_load_of_the_input_itself(self, point: Made) -> None:
        """The coupling of the header is the load where it is one; elsewhere the load is outside and must be told."""
        options = Processor(load_ohm="auto", fit={"enabled": False})
        assert point.plan(options).load_ohm == 50.0
        np.testing.assert_array_equal(point.processed(options)["moments"].values(), point.processed(NO_FIT)["moments"].values())
        other = Made(point.truth, point.made, {"coupling": ["DC1M"] * len(point)})
        with pytest.raises(InputError, match="load_ohm is auto, but the coupling of the input is DC1M: set the load outside in ohm"):
            other.plan(options)

    def test_other_coupling_than_the_load_is_said(self, point: Made) -> None:
        """Specification 2.3: a warning and a field, not a refusal."""
        other = Made(point.truth, point.made, {"coupling": ["DC1M"] * len(point)})
        plan = other.plan()
        (warning,) = plan.warnings
        assert "coupled DC1M, but processor.load_ohm is 50" in warning
        assert plan.numbers["warnings"] == [warning]
        assert other.plan(Processor(load_ohm=1e6)).warnings == ()
        assert point.plan().warnings == ()
