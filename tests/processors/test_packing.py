"""Packed histograms: what comes out is what went in, and adding packed ones is boost-histogram's own sum, bit by bit."""

from __future__ import annotations

import pickle
from typing import Any

import boost_histogram as bh
import hist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import InputError
from processors.packing import add, pack, unpack

STORAGES = [hist.storage.Double(), hist.storage.Int64(), hist.storage.AtomicInt64(), hist.storage.Weight(), hist.storage.Unlimited()]


def filled(storage: Any, seed: int, entries: int) -> hist.Hist:
    h = hist.Hist(
        hist.axis.StrCategory(["a", "b"], name="kind"), hist.axis.Regular(40, 0, 1, name="x", label="X"), storage=storage, name="n", label="counts"
    )
    rng = np.random.default_rng(seed)
    weights = {} if "Int64" in type(storage).__name__ else {"weight": rng.normal(size=entries)}
    return h.fill(rng.choice(["a", "b", "c"], entries), rng.uniform(-0.2, 1.2, entries), **weights)


def bits(h: Any) -> bytes:
    return np.asarray(h.view(flow=True)).tobytes()


@pytest.mark.parametrize("storage", STORAGES, ids=lambda storage: type(storage).__name__)
@pytest.mark.parametrize("entries", [0, 3, 1000])
def test_packing_is_lossless(storage: Any, entries: int) -> None:
    h = filled(storage, 1, entries)
    back = unpack(pickle.loads(pickle.dumps(pack(h))))
    assert back == h
    assert bits(back) == bits(h)
    assert (back.name, back.label, back.axes["x"].label) == ("n", "counts", "X")


@pytest.mark.parametrize("storage", STORAGES, ids=lambda storage: type(storage).__name__)
@given(entries=st.lists(st.sampled_from([0, 2, 500]), min_size=1, max_size=4))
def test_adding_packed_ones_is_the_sum_of_boost_histogram(storage: Any, entries: list[int]) -> None:
    hists = [filled(storage, seed, count) for seed, count in enumerate(entries)]
    total: dict[str, hist.Hist] = {}
    expected = hists[0].copy().reset()
    for h in hists:
        add(total, "n", pack(h))
        expected += h
    assert bits(total["n"]) == bits(expected)


def test_profiles_add_as_boost_histogram_adds_them() -> None:
    profiles = [hist.Hist.new.Reg(5, 0, 1, name="x").Mean().fill(np.linspace(0, 1, 30), sample=np.arange(30.0) + shift) for shift in (0, 7)]
    total: dict[str, hist.Hist] = {}
    for h in profiles:
        add(total, "p", pack(h))
    np.testing.assert_allclose(total["p"].values(), (profiles[0] + profiles[1]).values(), rtol=1e-14)
    np.testing.assert_allclose(total["p"].variances(), (profiles[0] + profiles[1]).variances(), rtol=1e-12)


def test_mostly_empty_takes_little_room() -> None:
    h = hist.Hist.new.Reg(1000, 0, 1).Reg(1000, 0, 1).Weight()
    h.fill([0.5], [0.5])
    assert len(pickle.dumps(pack(h))) < 2000
    assert np.asarray(h.view(flow=True)).nbytes > 1.6e7


def test_growing_categories_are_merged() -> None:
    parts = [hist.Hist(hist.axis.StrCategory([], growth=True, name="cut")) for _ in range(3)]
    for h, cuts in zip(parts, [["a", "b"], ["b", "c"], ["a"]], strict=True):
        h.fill(cuts)
    total: dict[str, hist.Hist] = {}
    for h in parts:
        add(total, "cutflow", pack(h))
    assert {name: total["cutflow"][hist.loc(name)] for name in total["cutflow"].axes[0]} == {"a": 2, "b": 2, "c": 1}


def test_nan_stays_and_negative_zero_is_harmless() -> None:
    h = hist.Hist.new.Reg(100, 0, 1).Double()
    h.view()[3], h.view()[4] = np.nan, -0.0
    assert np.isnan(unpack(pack(h)).view()[3])
    assert unpack(pack(h)).view()[4] == 0.0


def test_a_weighted_sum_in_plain_storage_has_no_variance() -> None:
    plain, weighted = (hist.Hist.new.Reg(3, 0, 1).Double() for _ in range(2))
    weighted.fill([0.5], weight=[2.0])
    total: dict[str, hist.Hist] = {}
    add(total, "h", pack(plain.fill([0.5])))
    assert total["h"].variances() is not None
    add(total, "h", pack(weighted))
    assert total["h"].variances() is None


def test_boost_histograms_become_hists() -> None:
    h = bh.Histogram(bh.axis.Regular(3, 0, 1))
    h.fill([0.5, 0.6])
    assert isinstance(unpack(pack(h)), hist.Hist)
    assert unpack(pack(h)).sum() == 2


def test_the_packed_histogram_is_a_copy() -> None:
    h = hist.Hist.new.Reg(2, 0, 1).Double().fill([0.1, 0.7])
    packed = pack(h)
    h.fill([0.1])
    assert unpack(packed).sum() == 2


@pytest.mark.parametrize(
    "other", [hist.Hist.new.Reg(4, 0, 1, name="x").Double(), hist.Hist.new.Reg(3, 0, 1, name="x").Weight()], ids=["axes", "storage"]
)
def test_histograms_that_do_not_fit_together_are_refused(other: hist.Hist) -> None:
    total: dict[str, hist.Hist] = {}
    add(total, "h", pack(hist.Hist.new.Reg(3, 0, 1, name="x").Double()))
    with pytest.raises(InputError, match=r"histogram 'h' does not have the same axes and storage in every chunk.*x \(3\) Double against x"):
        add(total, "h", pack(other))
