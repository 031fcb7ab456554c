"""Generated events of the dark-matter analysis: published formulae and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from configs.errors import InputError
from configs.schema import ANALYSES
from physics.sphere import angle
from simulation.dark_matter import DATA_TYPE, SIMULATION_TYPE, angular_error, data, effective_area_cm2, good_runs, inject, simulation
from simulation.dark_matter_request import request

MC = simulation(40_000, np.random.default_rng(1))
DATA = data(2014, 20_000, np.random.default_rng(2))


def test_forms_of_the_published_files() -> None:
    names = ("run", "event", "subevent", "ra", "dec", "azi", "zen", "time", "logE", "angErr")
    assert DATA_TYPE.names == names
    assert SIMULATION_TYPE.names == (*names[:8], "trueRa", "trueDec", "trueE", "logE", "angErr", "ow", "pdg")
    assert {str(DATA_TYPE[name]) for name in names[:3]} == {"int64"}
    assert {str(DATA_TYPE[name]) for name in names[3:]} == {"float64"}


@pytest.mark.parametrize(("energy", "degrees"), [(5, 47.8), (10, 41.0), (20, 30.5), (50, 13.9), (100, 6.4), (300, 4.7)])
def test_angular_error_of_the_published_estimator(energy: float, degrees: float) -> None:
    assert math.degrees(angular_error(energy)) == pytest.approx(degrees, abs=0.05)


def test_data_follow_their_distributions() -> None:
    sindec = np.sin(DATA["dec"])
    assert stats.kstest(sindec, lambda x: 0.5 * (x + 1.0) - 0.35 / 4.0 * (x**2 - 1.0)).pvalue > 1e-3
    assert stats.kstest(DATA["ra"] / (2 * math.pi), "uniform").pvalue > 1e-3
    assert stats.kstest(DATA["logE"], lambda x: stats.norm.cdf(x, 1.25, 0.32)).pvalue > 1e-3
    np.testing.assert_allclose(DATA["zen"], math.pi / 2 + DATA["dec"], atol=1e-15)
    assert (DATA["time"] >= 55_700 + 3 * 365).all()
    assert (DATA["time"] <= 55_700 + 3 * 365 + 330).all()
    assert len(np.unique(DATA[["run", "event", "subevent"]])) == len(DATA)


def test_directions_of_the_simulation() -> None:
    assert stats.kstest((np.sin(MC["trueDec"]) + 1) / 2, "uniform").pvalue > 1e-3
    psi = angle(MC["ra"], MC["dec"], MC["trueRa"], MC["trueDec"])
    sigma = angular_error(MC["trueE"]) / 1.18
    below = -np.expm1(-(psi**2) / (2 * sigma**2)) / -np.expm1(-((math.pi / sigma) ** 2) / 2)
    assert stats.kstest(below, "uniform").pvalue > 1e-3


def test_weights_integrate_to_the_effective_area() -> None:
    """sum ow f(E) over both types is 4 pi times the integral of 2 A f dE, whatever f; each type has half of it."""
    energy = np.geomspace(10**0.3, 10**2.6, 20_001)
    for power in (-2.0, 0.0, 1.0):
        expected = 8.0 * math.pi * np.trapezoid(effective_area_cm2(energy) * energy**power, energy)
        terms = MC["ow"] * MC["trueE"] ** power
        assert terms.sum() == pytest.approx(expected, abs=5.0 * math.sqrt((terms**2).sum()))
    for code in (14, -14):
        half = MC["ow"][MC["pdg"] == code]
        assert half.sum() == pytest.approx(4.0 * math.pi * np.trapezoid(effective_area_cm2(energy), energy), abs=5.0 * math.sqrt((half**2).sum()))


def test_good_runs_hold_the_events() -> None:
    runs = good_runs(2014, DATA)
    assert (len(runs), runs["events"].sum(), runs["livetime"].sum()) == (330, 20_000, 330.0)
    repeated = good_runs(2013, data(2013, 10, np.random.default_rng(0)))
    assert repeated[0] == repeated[-1]


def test_injected_events_keep_their_angle_to_the_source() -> None:
    ra, dec, share = np.array([1.0, 4.0]), np.array([0.9, -1.2]), np.array([3.0, 1.0])
    close = MC[angle(MC["ra"], MC["dec"], MC["trueRa"], MC["trueDec"]) < 0.05]
    found = inject(DATA, close, np.ones(len(close)), (ra, dec, share), 4000, np.random.default_rng(5))
    new = found[found["ra"] != DATA["ra"]]
    assert len(new) == 4000
    to_sources = np.stack([angle(new["ra"], new["dec"], *there) for there in zip(ra, dec, strict=True)])
    assert (to_sources.min(axis=0) < 0.05).all()
    assert np.count_nonzero(to_sources[0] < 0.05) == pytest.approx(3000, abs=4 * math.sqrt(750))
    expected = angle(close["ra"], close["dec"], close["trueRa"], close["trueDec"])
    assert stats.ks_2samp(to_sources.min(axis=0), expected).pvalue > 1e-3
    np.testing.assert_array_equal(found[["run", "event"]], DATA[["run", "event"]])


def test_injection_needs_no_event_lost() -> None:
    """Whatever the number, so many are injected: the published program rounded them away source by source."""
    sources = (np.linspace(0.1, 6.0, 29), np.linspace(-1.4, 1.4, 29), np.ones(29))
    for count in (0, 1, 5, 17):
        found = inject(DATA, MC, MC["ow"], sources, count, np.random.default_rng(count))
        assert np.count_nonzero(found["ra"] != DATA["ra"]) == count


def config(dataset: dict, **changes) -> object:
    given = {"name": "test", "analysis": "dark_matter", "seed": 5, "datasets": {"one": dataset}, **changes}
    return ANALYSES["dark_matter"].model_validate(given)


def test_requests_differ_by_kind_season_size_and_seed(tmp_path) -> None:
    first = request(config({"kind": "data", "season": 2012, "example": {"size": 50}}), "one")
    assert first.options == {"kind": "data", "season": 2012, "size": 50, "seed": 5}
    files, beside = first.write(tmp_path)
    assert [path.name for path in (*files, *beside)] == ["exp.npy", "grl.npy"]
    again = np.load(files[0])
    assert len(again) == 50
    other = request(config({"kind": "data", "season": 2013, "example": {"size": 50}}), "one")
    other.write(tmp_path)
    assert not np.isin(np.load(files[0])["ra"], again["ra"]).any()
    mc, none = request(config({"kind": "mc", "example": {"size": 20, "seed": 9}}), "one").write(tmp_path)
    assert (len(np.load(mc[0])), none) == (20, [])


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"kind": "mc", "format": "parquet", "example": {"size": 5}}, "datasets.one.format: no generated mc in the form 'parquet'; .* are npy"),
        ({"kind": "mc", "example": {"size": 5, "truth": {"n": 3.0}}}, "datasets.one.example.truth: this generator has no truth to choose"),
    ],
)
def test_bad_requests(dataset: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        request(config(dataset), "one")
