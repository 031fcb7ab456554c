"""Histograms of another configuration are not fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from configs.errors import InputError
from configs.schema import ANALYSES
from fits.dark_matter.processed import refuse_other_datasets

DATASETS: dict[str, dict[str, Any]] = {
    "a": {"kind": "data", "season": 2012, "files": ["a.npy"], "livetime_days": 300.0},
    "b": {"kind": "data", "season": 2013, "files": ["b.npy"], "grl": "b_grl.npy"},
    "mc": {"kind": "mc", "files": ["mc.npy"]},
}
ACCOUNT = {
    "datasets": {
        "a": {"kind": "data", "metadata": {"season": 2012, "livetime_s": 300.0 * 86400.0}},
        "b": {"kind": "data", "metadata": {"season": 2013, "livetime_s": 1.0}},
        "mc": {"kind": "mc", "metadata": {"flavour": "mu", "seasons": None}},
    }
}


def configuration(**datasets: Any) -> Any:
    kept = {name: one for name, one in {**DATASETS, **datasets}.items() if one is not None}
    config = ANALYSES["dark_matter"].model_validate({"name": "test", "analysis": "dark_matter", "datasets": kept})
    return config.model_copy(update={"source": Path("mine.yaml")})


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ({"mc": None}, r"hists.h5 was made of other data sets \(mc: not in the configuration\); run python run_processor.py mine.yaml"),
        ({"c": {**DATASETS["b"], "season": 2014}}, r"\(c: not processed\)"),
        ({"mc": {**DATASETS["mc"], "flavour": "tau"}}, r"\(mc: flavour\)"),
        ({"mc": {**DATASETS["mc"], "seasons": [2012, 2013]}}, r"\(mc: seasons\)"),
        ({"a": {**DATASETS["a"], "livetime_days": 310.0}}, r"\(a: livetime_s\)"),
        ({"a": {**DATASETS["a"], "season": 2016}, "b": {**DATASETS["b"], "season": 2012}}, r"\(a: season, b: season\)"),
    ],
)
def test_other_data_sets_are_named(datasets: dict[str, Any], message: str) -> None:
    """One that was gone from the configuration ended in a fault of the program; another livetime or flavour was not noticed."""
    with pytest.raises(InputError, match=message):
        refuse_other_datasets(configuration(**datasets), ACCOUNT)


def test_the_same_data_sets_pass() -> None:
    """Other files of them, given on the command line, are no other data sets."""
    for changes in ({}, {"b": {**DATASETS["b"], "files": ["elsewhere.npy"]}}):
        assert refuse_other_datasets(configuration(**changes), ACCOUNT) is None
