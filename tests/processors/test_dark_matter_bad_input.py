"""Bad events of specification 10: each refused, with the message that says what, where and what next."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dark_matter_case import as_events, measured, processor, simulated

from configs.errors import InputError
from readers import SourceError, open_source

MC, DATA = simulated(50), measured(2012, 50)


def changed(events: np.ndarray, **values: Any) -> np.ndarray:
    """Whole columns (name=number or array) or single entries (name={entry: value}) changed."""
    events = events.copy()
    for name, value in values.items():
        for entry, one in value.items() if isinstance(value, dict) else [(slice(None), value)]:
            events[name][entry] = one
    return events


CASES: dict[str, tuple[Any, str, dict[str, Any], str]] = {
    # name: events, kind, options, message
    "declinations in degrees": (
        changed(DATA, dec=np.degrees(DATA["dec"])),
        "data",
        {},
        "column 'dec': {n} of 50 values are wrong, first {v} at entry {e}; a declination in rad lies in -pi/2 to pi/2; is it in degrees?",
    ),
    "right ascensions in degrees": (changed(MC, ra={4: 117.31}), "mc", {}, "column 'ra': 1 of 50 values are wrong, first 117.31 at entry 104;"),
    "negative right ascension": (changed(MC, trueRa={2: -0.1}), "mc", {}, "first -0.1 at entry 102; a right ascension in rad lies in 0 to 2 pi;"),
    "NaN": (changed(DATA, angErr={0: np.nan}), "data", {}, "first nan at entry 100; every angular error in rad must be a finite number"),
    "infinite energy": (
        changed(DATA, logE={1: np.inf}),
        "data",
        {},
        "first inf at entry 101; every log10 of the energy in GeV must be a finite number",
    ),
    "energy zero": (
        changed(DATA, logE={7: -np.inf, 9: -np.inf}),
        "data",
        {},
        "2 event(s), first at entry 107: energy 0 (logE is minus infinity); leave such events out with processor.drop_zero_energy: true",
    ),
    "energy instead of its logarithm": (changed(DATA, logE=10.0 ** DATA["logE"]), "data", {}, "logE is log10(E/GeV), not an energy"),
    "negative weight": (changed(MC, ow={3: -1e-3}), "mc", {}, "column 'ow': 1 of 50 values are wrong, first -0.001 at entry 103; weights ow are not"),
    "weights of another unit": (changed(MC, ow=MC["ow"] * 1e-10), "mc", {}, "GeV cm^2 sr in the mean are too small; are they in m^2"),
    "true energy zero": (changed(MC, trueE={3: 0.0}), "mc", {}, "first 0 at entry 103; a true energy is positive"),
    "true energy out of range": (
        changed(MC, trueE={5: 900.0}),
        "mc",
        {},
        "1 event(s) with true energies outside 10^0 to 10^2.7 GeV, first 900 GeV at entry 105; widen processor.true_energy_log10",
    ),
    "missing fields": (
        {name: MC[name] for name in MC.dtype.names if name not in ("trueRa", "ow")},
        "mc",
        {},
        "missing columns: 'trueRa', 'ow'; present: ",
    ),
    "simulation as data": (
        {name: MC[name] for name in ("ra", "dec", "logE", "angErr")},
        "data",
        {},
        "missing columns: 'run', 'event', 'subevent'; present: ",
    ),
    "one plain array": (
        {"values": np.arange(5.0)},
        "mc",
        {},
        "one plain array, not a structured one; save a structured array with the fields ra, dec,",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_events(name: str) -> None:
    events, kind, options, message = CASES[name]
    pattern = re.escape(message).replace(r"\{n\}", r"\d+").replace(r"\{v\}", r"[-\d.]+").replace(r"\{e\}", r"\d+")
    with pytest.raises(InputError, match=rf"^events\.npy: .*{pattern}"):
        processor(kind, 2012, **options).process(as_events(events, kind, entrystart=100))


def test_missing_columns_are_told_before_events_are_read() -> None:
    with pytest.raises(InputError, match="mc.npy: missing columns: 'trueRa'"):
        processor("mc").check_columns([name for name in MC.dtype.names if name != "trueRa"], {"filename": "mc.npy"})


def test_what_a_file_has_is_told_once() -> None:
    """Four missing columns told four times what there is."""
    with pytest.raises(InputError, match="exp.npy: missing columns") as refused:
        processor("mc").check_columns(["ra", "dec", "LOGE", "run"], {"filename": "exp.npy"})
    assert str(refused.value).count("present: ") == 1
    assert "'logE'; did you mean 'LOGE'?" in str(refused.value)


def test_simulation_given_as_data_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="mc.npy: has trueRa, trueDec, trueE, ow: is it simulation. The data set is of kind: data"):
        processor("data", 2012).check_columns(MC.dtype.names, {"filename": "mc.npy"})


def test_a_simulation_without_weight() -> None:
    one = processor("mc")
    with pytest.raises(InputError, match="the simulation's weights ow are all zero; is the column filled"):
        one.postprocess(one.process(as_events(changed(MC, ow=0.0))))
    only_above_the_axis = changed(MC, logE=2.75)
    assert one.postprocess(one.process(as_events(only_above_the_axis)))["response"].values(flow=True).sum() > 0.0


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{"ra": 1.0}], dtype=object), allow_pickle=True)
    with pytest.raises(SourceError, match="only unpickling could read, and that may run code: refused"):
        open_source(tmp_path / "objects.npy")


@pytest.mark.parametrize(("edges", "message"), [([0.0, 90.0], "rise from 0 to 180"), ([0.0, 50.0, 40.0, 180.0], "rise"), ([0.0, 0.0, 180.0], "rise")])
def test_edges_of_angles(edges: list[float], message: str) -> None:
    with pytest.raises(InputError, match=f"processor.psi_edges_deg: .*{message}"):
        processor(psi_edges_deg=edges)


def test_range_of_true_energies() -> None:
    with pytest.raises(InputError, match="processor.true_energy_log10: 3 to 1 is no range"):
        processor(true_energy_log10=(3.0, 1.0))
