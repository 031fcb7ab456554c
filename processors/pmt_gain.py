"""Waveforms of one point of a photomultiplier -> histograms, and a table of triggers on request (specification 3).

Every trigger is measured in the same windows, those of the point's plan. The mean charge needs no pulse to be found: zeros count.
"""

from __future__ import annotations

import warnings
from typing import Any

import awkward as ak
import hist
import numpy as np
from coffea.processor import ProcessorABC

from configs import pmt_gain
from configs.errors import InputError
from processors import pmt_histograms, pmt_traces
from processors.pmt_measure import measure
from processors.pmt_plan import PointPlan, gate_problem, trigger_times_ns
from processors.pmt_records import blocks, check_sampling, file_of
from processors.pmt_selection import fill_cutflow, select
from processors.pmt_triggers import reference_table, trigger_table
from records.tables import Table, concatenate

TABLE, REFERENCE = "triggers", "reference"
OVERFLOW = 1e-3  # share of charges outside the axis that is worth a warning


class PmtGainProcessor(ProcessorABC):
    """Fills the histograms of ``axes()`` for the point of a plan, and if the options say so the tables ``triggers`` and ``reference``.

    The latter has the published chain beside ours, for points with light and with that chain's threshold ``cut_v``.
    """

    def __init__(self, options: pmt_gain.Processor, plan: PointPlan) -> None:
        self.options = options
        self.plan = plan

    def axes(self) -> dict[str, tuple[hist.axis.AxisProtocol, ...]]:
        """Axes of every histogram."""
        return pmt_histograms.axes_of(self.plan)

    def process(self, events: ak.Array) -> dict[str, hist.Hist | Table]:
        """Histograms (and table) of one chunk. Raises ``InputError`` for triggers that are not recorded as the plan says."""
        hists = pmt_histograms.empty(self.plan)
        tables: dict[str, list[Table]] = {}
        if len(events):
            _check(events, self.plan)
        times_ns = trigger_times_ns(events)
        clock_s = np.where(times_ns != 0, (times_ns - self.plan.clock_start_ns) * 1e-9, np.nan)
        picked = (times_ns == self.plan.trace_time_ns) & (times_ns != 0)
        for rows, records in blocks(events, self.options.polarity):
            found = measure(records, self.plan, self.options)
            chosen = select(found, self.plan, self.options)
            fill_cutflow(hists["cutflow"], chosen.counts)
            pmt_histograms.fill(hists, found, chosen, clock_s[rows], self.plan)
            pmt_traces.fill_traces(hists, records, found, chosen.all, self.plan)
            pmt_traces.fill_trace(hists["trace"], records, found, picked[rows], self.plan)
            pmt_traces.fill_noise(hists["noise_cov"], records, chosen.all, self.plan)
            if self.options.waveform_table:
                tables.setdefault(TABLE, []).append(trigger_table(events[rows], records, found, chosen, self.options))
            if self.options.compare_reference and self.plan.cut_v is not None and events.metadata.get("source") != "off":
                tables.setdefault(REFERENCE, []).append(reference_table(events[rows], records, found, chosen, self.plan, self.plan.cut_v))
        return {**hists, **{name: concatenate(parts) for name, parts in tables.items()}}

    def postprocess(self, accumulator: Any) -> Any:
        """Warn of charges outside their axis and of what the plan has found. Histograms stay as they are."""
        overflow = overflow_message(accumulator["charge"], self.plan) if "charge" in accumulator else None
        for text in (*self.plan.warnings, *filter(None, [overflow])):
            warnings.warn(f"{self.plan.name}: {text}", stacklevel=2)
        return accumulator


def overflow_message(charge: hist.Hist, plan: PointPlan) -> str | None:
    """What to say where more than one in a thousand charges lies outside the axis; nothing else. Moments hold them all."""
    counts = charge.values(flow=True)[0, 0]  # gate, all
    outside, total = int(counts[0] + counts[-1]), int(counts.sum())
    if outside <= OVERFLOW * total:
        return None
    return (
        f"{outside} of {total} charges lie outside the axis from {-plan.q_ref_pc:.4g} to {pmt_histograms.REACH * plan.q_ref_pc:.4g} pC "
        f"({int(counts[0])} below, {int(counts[-1])} above); set q_ref_pc of the point"
    )


def _check(events: ak.Array, plan: PointPlan) -> None:
    """Refuse triggers that are not recorded as the plan says with ``InputError`` naming the file."""
    check_sampling(events, plan.sampling)
    if problem := gate_problem(np.asarray(events["t0_ns"], np.float64), plan.sampling, plan.gate_ns):
        raise InputError(f"{file_of(events, problem[0])}: {problem[1]}")
