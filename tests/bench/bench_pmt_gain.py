"""Speed of the waveform analysis (specification 11), as ratios measured side by side: no time of a machine is asserted.

The published analysis (49 waveforms/s, specification 11.1) needs ROOT; ``reference/published_chain.py`` stands for it, which does the same steps in
Python and is about four times as fast as that.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from bench.stopwatch import least_s
from pmt_waves_case import Made, made, volts, write_files
from reference import published_chain
from reference import waveform_loops as loops

from configs.pmt_gain import Processor
from processors.pmt_gain import PmtGainProcessor
from processors.pmt_plan import plan_point
from processors.waveform_baseline import baselines
from processors.waveform_times import pulse_times
from processors.waveforms import charge_pc
from readers import open_source
from readers.events import with_metadata

FILES, SLOW = 500, 20


@pytest.fixture(scope="module")
def point() -> Made:
    return made(FILES, hv_v=1100.0)


@pytest.fixture(scope="module")
def paths(point: Made, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return [str(path) for path in write_files(tmp_path_factory.mktemp("traces"), point)]


@pytest.mark.parametrize("n", [100, 1000, 10_000])
def test_preparation(benchmark, point: Made, n: int) -> None:
    """Baseline, charge, amplitude and times of every waveform, beside plain Python."""
    y, t0, plan = np.resize(volts(point), (n, 502)), np.full(n, 22.0), point.plan()

    def prepared() -> None:
        level = baselines(y, t0, plan.dt_ns, plan.baseline_ns).level_v
        charge_pc(y, t0, plan.dt_ns, level, plan.gate_ns)
        pulse_times(y, t0, plan.dt_ns, level, plan.gate_ns)

    def slowly() -> None:
        t = 22.0 + 0.1 * np.arange(502)
        for row in y[:SLOW]:
            level = loops.baseline(t, row, plan.dt_ns, plan.baseline_ns, "clipped_mean")[0]
            loops.charge_pc(t, row, plan.dt_ns, level, plan.gate_ns)
            loops.times(t, row, plan.dt_ns, level, plan.gate_ns)

    prepared()
    benchmark.pedantic(prepared, rounds=5)
    ratio = (least_s(slowly, 3, time.process_time) / SLOW) / (least_s(prepared, 3, time.process_time) / n)
    benchmark.extra_info["times_plain_python"] = ratio
    assert ratio > 100


@pytest.mark.parametrize("fitted", [True, False])
def test_whole_chain(benchmark, point: Made, paths: list[str], fitted: bool) -> None:
    """500 files from disk to histograms, beside the steps of the published chain without its reading."""
    options = Processor(fit={"enabled": fitted})
    with open_source(paths, "trc") as source:
        plan = plan_point(source, options, point.metadata)
    processor = PmtGainProcessor(options, plan)

    def chain() -> None:
        with open_source(paths, "trc") as source:
            processor.process(with_metadata(source.events(0, len(source)), {"filename": "traces"}))

    def published() -> None:
        found = [20.0 * published_chain.area_vns(22.0, 50.2, row) for row in volts(point)[:SLOW]]
        np.testing.assert_allclose(found, point.made.charge_pc[:SLOW], rtol=0.15)

    chain()
    benchmark.pedantic(chain, rounds=5)
    ratio = (least_s(published, 3, time.process_time) / SLOW) / (least_s(chain, 3, time.process_time) / FILES)
    benchmark.extra_info["times_published_chain"] = ratio
    assert ratio > 25
