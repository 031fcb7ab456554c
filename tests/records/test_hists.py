"""Histograms survive the file exactly: values, axes, storage; bad files and names are refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import hist
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from configs.errors import InputError
from records import hists


def response() -> hist.Hist:
    """The axes of a diffuse response, filled with numbers that no rounding would leave alone."""
    axes = (
        hist.axis.StrCategory(["nue", "numu"], name="class", label="Class"),
        hist.axis.StrCategory(["astro", "pion", "astro*astro", "astro*pion"], name="component"),
        hist.axis.IntCategory([0, 1, 2], name="moment"),
        hist.axis.Variable([6e4, 7.7473e4, 1e5], name="reco_energy", label="Deposited energy [GeV]"),
        hist.axis.Variable([-1, 0.1, 1], name="reco_coszen"),
        hist.axis.Variable([1e4, 1e5, 1e6], name="true_energy", flow=False),
    )
    histogram = hist.Hist(*axes, storage=hist.storage.Double())
    view = histogram.view(flow=True)
    view[...] = np.random.default_rng(1).normal(size=view.shape) * 10.0 ** np.random.default_rng(2).integers(-300, 300, view.shape)
    view.flat[:4] = [np.nan, np.inf, -0.0, 5e-324]
    return histogram


def counts() -> hist.Hist:
    return hist.Hist(hist.axis.Variable([1, 2, 5], name="reco_energy"), storage=hist.storage.Int64()).fill([1.5, 3, 9, -1])


def weighted() -> hist.Hist:
    axes = (hist.axis.Regular(3, 0, 1, name="x", label="x [m]"), hist.axis.StrCategory([], growth=True, name="s"))
    return hist.Hist(*axes, storage=hist.storage.Weight(), name="w", label="weights").fill([0.1, 0.2, 5.0], ["b", "a", "a"], weight=[1.5, -2.0, 3.0])


def mean() -> hist.Hist:
    """Bins of 0, 1, 2 and 4 entries: their variance is undefined or does not divide evenly."""
    entries = [1, 1, 3, 2, 2, 2, 2]
    return hist.Hist(hist.axis.Integer(0, 4, name="i"), storage=hist.storage.Mean()).fill(entries, sample=np.sqrt(np.arange(7.0)))


def weighted_mean() -> hist.Hist:
    entries = [1, 1, 3, 2, 2, 2, 2]
    histogram = hist.Hist(hist.axis.Integer(0, 4, name="i"), storage=hist.storage.WeightedMean())
    return histogram.fill(entries, sample=np.sqrt(np.arange(7.0)), weight=np.linspace(0.1, 0.7, 7))


def scalar_axes() -> hist.Hist:
    axes = (hist.axis.Regular(4, 1, 1e4, transform=hist.axis.transform.log, name="e"), hist.axis.Boolean(name="up"))
    return hist.Hist(*axes, storage=hist.storage.Int64()).fill([10.0, 1e9], [True, False])


def assert_same(one: hist.Hist, other: hist.Hist) -> None:
    assert one.axes == other.axes
    assert [axis.__dict__ for axis in one.axes] == [axis.__dict__ for axis in other.axes]
    assert [axis.traits for axis in one.axes] == [axis.traits for axis in other.axes]
    assert one.storage_type is other.storage_type
    assert (one.name, one.label) == (other.name, other.label)
    assert one.view(flow=True).tobytes() == other.view(flow=True).tobytes()  # bitwise: NaN and -0.0 too


@pytest.mark.parametrize("make", [response, counts, weighted, mean, weighted_mean, scalar_axes])
def test_round_trip_is_exact(make, tmp_path: Path) -> None:
    path = tmp_path / "hists.h5"
    hists.save_hists(path, {"mc": {"h": make()}})
    assert_same(hists.load_hist(path, "mc", "h"), make())
    assert_same(hists.load_hists(path)["mc"]["h"], make())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edges=st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=6, unique=True).map(sorted),
    categories=st.lists(
        st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=5), max_size=4, unique=True
    ),
    flow=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_round_trip_of_any_axes(edges, categories, flow, seed, tmp_path: Path) -> None:
    axes = (hist.axis.Variable(edges, flow=flow, name="v"), hist.axis.StrCategory(categories, growth=True, name="c"))
    histogram = hist.Hist(*axes, storage=hist.storage.Weight())
    view = histogram.view(flow=True)
    view["value"], view["variance"] = np.random.default_rng(seed).normal(size=(2, *view.shape))
    hists.save_hists(tmp_path / "any.h5", {"d": {"h": histogram}})
    assert_same(hists.load_hist(tmp_path / "any.h5", "d", "h"), histogram)


@pytest.mark.parametrize("make", [counts, weighted, mean, weighted_mean])
def test_sum_after_a_round_trip_is_the_sum(make, tmp_path: Path) -> None:
    """Merging commutes with writing: what is read back adds to the bit."""
    hists.save_hists(tmp_path / "a.h5", {"d": {"h": make()}})
    read = hists.load_hist(tmp_path / "a.h5", "d", "h")
    assert_same(read + read, make() + make())


def test_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        hists.save_hists(tmp_path / name, {"mc": {"r": response(), "w": weighted()}, "data": {"c": counts()}})
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_mostly_empty_histogram_is_small(tmp_path: Path) -> None:
    big = hist.Hist(*(hist.axis.Regular(30, 0, 1, name=f"x{i}") for i in range(4)))
    big.view(flow=True)[3, 4, 5, ::7] = np.pi
    hists.save_hists(tmp_path / "big.h5", {"mc": {"r": big}})
    assert (tmp_path / "big.h5").stat().st_size < 0.01 * big.view(flow=True).nbytes


def test_digest_knows_content_and_nothing_else(tmp_path: Path) -> None:
    reference = {"mc": {"r": response(), "w": weighted()}, "data": {"c": counts()}}
    hists.save_hists(tmp_path / "a.h5", reference)
    assert hists.digest(hists.load_hists(tmp_path / "a.h5")) == hists.digest(reference)
    assert hists.digest({"data": reference["data"], "mc": dict(reversed(reference["mc"].items()))}) == hists.digest(reference)
    assert len({hists.digest(reference), hists.digest({**reference, "more": {}})}) == 1  # a data set without histograms holds nothing


@pytest.mark.parametrize("change", ["value", "edge", "label", "storage", "name", "dataset"])
def test_digest_sees_every_change(change: str) -> None:
    def made(edge: float = 5.0, label: str = "", storage: hist.storage.Storage | None = None) -> hist.Hist:
        return hist.Hist(hist.axis.Variable([1, 2, edge], label=label), storage=storage or hist.storage.Int64()).fill([1.5])

    changed = {
        "value": {"d": {"h": made().fill([1.5])}},
        "edge": {"d": {"h": made(edge=np.nextafter(5.0, 6.0))}},
        "label": {"d": {"h": made(label="E")}},
        "storage": {"d": {"h": made(storage=hist.storage.AtomicInt64())}},
        "name": {"d": {"g": made()}},
        "dataset": {"c": {"h": made()}},
    }
    assert hists.digest(changed[change]) != hists.digest({"d": {"h": made()}})


def test_one_histogram_is_read_without_the_others(tmp_path: Path) -> None:
    """A damaged neighbour does not matter, and nobody needs to read it."""
    path = tmp_path / "hists.h5"
    hists.save_hists(path, {"mc": {"bad": response(), "good": counts()}, "data": {"c": counts()}})
    with h5py.File(path, "r+") as file:
        del file["mc/bad/storage"]
    assert hists.list_hists(path) == {"mc": ["bad", "good"], "data": ["c"]}
    assert_same(hists.load_hist(path, "mc", "good"), counts())
    with pytest.raises(InputError, match=r"hists\.h5: /mc/bad is not a histogram in the UHI format"):
        hists.load_hist(path, "mc", "bad")


def test_stored_histograms_are_read_when_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hists.h5"
    hists.save_hists(path, {"mc": {"r": response(), "n": counts()}, "data": {"n": counts()}})
    stored, read, plain = hists.StoredHists(path), [], hists.load_hist

    def counted(*place: Any) -> hist.Hist:
        read.append(place[1:])
        return plain(*place)

    monkeypatch.setattr(hists, "load_hist", counted)
    assert {dataset: list(names) for dataset, names in stored.items()} == hists.list_hists(path)
    assert "r" in stored["mc"]
    assert "r" not in stored["data"]
    assert read == []
    assert_same(stored["mc"]["r"], response())
    assert_same(stored["mc"]["r"], response())
    assert read == [("mc", "r")]
    with pytest.raises(InputError, match="no such histogram file"):
        hists.StoredHists(tmp_path / "absent.h5")


def test_missing_file_and_garbage_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.h5: no such histogram file; run run_processor\.py"):
        hists.load_hists(tmp_path / "none.h5")
    (tmp_path / "garbage.h5").write_bytes(b"not an HDF5 file at all")
    with pytest.raises(InputError, match=r"garbage\.h5: not a readable HDF5 file"):
        hists.load_hists(tmp_path / "garbage.h5")
    hists.save_hists(tmp_path / "cut.h5", {"mc": {"r": response()}})
    (tmp_path / "cut.h5").write_bytes((tmp_path / "cut.h5").read_bytes()[:2000])
    with pytest.raises(InputError, match=r"cut\.h5: not a readable HDF5 file"):
        hists.load_hist(tmp_path / "cut.h5", "mc", "r")


def test_wrong_names_are_answered_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "hists.h5"
    hists.save_hists(path, {"simulation": {"response_cascade": counts()}})
    with pytest.raises(InputError, match=r"no data set 'simulatoin'; did you mean 'simulation'\?"):
        hists.load_hist(path, "simulatoin", "response_cascade")
    with pytest.raises(InputError, match=r"'simulation' has no histogram 'response_cascad'; did you mean 'response_cascade'\?"):
        hists.load_hist(path, "simulation", "response_cascad")


@pytest.mark.parametrize("name", ["", "a/b", ".", ".."])
def test_names_that_hdf5_would_take_as_paths_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot name a data set or histogram"):
        hists.save_hists(tmp_path / "h.h5", {name: {"h": counts()}})
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "hists.h5"
    hists.save_hists(path, {"mc": {"h": counts()}})
    with pytest.raises(TypeError, match="object"):
        hists.save_hists(path, {"mc": {"h": weighted(), "broken": object()}})  # type: ignore[dict-item]
    assert_same(hists.load_hist(path, "mc", "h"), counts())
    assert [item.name for item in tmp_path.iterdir()] == ["hists.h5"]
