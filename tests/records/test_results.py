"""Results survive JSON: NaN, infinities, tuples, nested results; other files are refused in words."""

from __future__ import annotations

import dataclasses
import json
import math
import typing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs.errors import InputError
from records import results
from records.results import FitResult, Parameter, ScanResult


def fit_result(**changes: Any) -> FitResult:
    values = {
        "valid": True,
        "reason": "",
        "parameters": {
            "astro_gamma": Parameter(2.874, 0.19, (-0.188, 0.201), prior="flat", pull=-0.3),
            "atmos_norm": Parameter(0.0, math.nan, None, at_bound=True),
        },
        "correlation": [[1.0, 0.6], [0.6, 1.0]],
        "nll": math.inf, "nll_data": 61.25, "nll_prior": 0.1, "nll_prior_constant": -math.inf,
        "n_observed": 60.0, "n_bins": 441, "expected": {"astro": {"cascade": 40.5}}, "likelihood": "poisson", "engine": "native",
        "model": "power_law", "axes": ("energy", "zenith"), "starts_tried": 1, "edm": 1e-9, "livetime_s": 227708167.68,
        "published": {"astro_gamma": (2.87, 0.19, 0.20)},
    }  # fmt: skip
    return FitResult(**(values | changes))


def scan_result() -> ScanResult:
    return ScanResult(
        "x", "y", [1.0, 2.0], [0.0, 1.0, 2.0], [[0.0, math.nan, math.inf]] * 2, {"n": [[1.0] * 3] * 2}, (1.0, 0.0),
        {"0.6827": [[(1.0, 0.5), (1.5, 0.25)], []]}, {"iou_68": 0.9},
        {"source": "a scan", "x": [1.0, math.nan], "delta_nll": [[-math.inf, 2.0]], "contours": None},
    )  # fmt: skip


def same(one: Any, other: Any) -> bool:
    """Equality with NaN equal to NaN and types compared."""
    if dataclasses.is_dataclass(one):
        return type(one) is type(other) and all(same(getattr(one, f.name), getattr(other, f.name)) for f in dataclasses.fields(one))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and (one == other or (one != one and other != other))


def example(kind: Any) -> Any:
    """A value of an annotated type, with NaN and infinities where numbers are."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{field.name: example(hints[field.name]) for field in dataclasses.fields(kind)})
    if type(None) in arguments:  # NaN of an optional number comes back as None
        return 1.5 if arguments[0] is float else example(arguments[0])
    if origin is tuple:
        return tuple(example(item) for item in arguments if item is not ...)
    if origin is list:
        return [example(arguments[0]), example(arguments[0])]
    if origin is not None:
        return {"a": example(arguments[1]), "b c": example(arguments[1])}
    return {float: math.nan, int: 3, bool: True, str: "text"}.get(kind, [math.inf, math.nan, 1.5])


@pytest.mark.parametrize("kind", results.KINDS.values(), ids=results.KINDS)
def test_every_kind_comes_back(kind: type, tmp_path: Path) -> None:
    """A new kind of result is covered as soon as it stands in KINDS."""
    value = example(kind)
    results.save_results(tmp_path / "results.json", "diffuse", "name", {"main": value})
    assert same(results.load_results(tmp_path / "results.json")["main"], value)


def test_numbers_json_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results.save_results(path, "diffuse", "hese", {"main": fit_result(), "main.scan": scan_result()})
    document = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    main = document["results"]["main"]
    assert (document["analysis"], document["name"], document["schema"], main["kind"]) == ("diffuse", "hese", 1, "FitResult")
    assert main["nll"] == "inf"
    assert main["nll_prior_constant"] == "-inf"
    assert main["parameters"]["atmos_norm"]["error"] is None
    assert main["parameters"]["astro_gamma"]["minos"] == [-0.188, 0.201]
    loaded = results.load_results(path)
    assert same(loaded["main"], fit_result())
    assert same(loaded["main.scan"], scan_result())


def test_numpy_values_are_plain_numbers(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    numpy_made = fit_result(nll=np.float64(1.5), n_bins=np.int64(7), valid=np.bool_(True), correlation=np.eye(2))
    results.save_results(path, "diffuse", "n", {"main": numpy_made})
    loaded = results.load_results(path)["main"]
    assert (loaded.nll, loaded.n_bins, loaded.valid, loaded.correlation) == (1.5, 7, True, [[1.0, 0.0], [0.0, 1.0]])


def test_floats_keep_every_digit(tmp_path: Path) -> None:
    exact = [math.nextafter(1.0, 2.0), 5e-324, 1.7976931348623157e308, -0.0]
    results.save_results(tmp_path / "r.json", "diffuse", "n", {"main": fit_result(correlation=[exact])})
    loaded = results.load_results(tmp_path / "r.json")["main"].correlation[0]
    assert [value.hex() for value in loaded] == [value.hex() for value in exact]


def test_repr_stays_short_and_names_the_numbers() -> None:
    long = dataclasses.replace(scan_result(), x=[float(i) for i in range(10_000)])
    assert len(repr(long)) < 1000
    assert "x=[0.0, 1.0, 2.0, 3.0, ...]" in repr(long)
    assert "'astro_gamma': Parameter(value=2.874, error=0.19, minos=(-0.188, 0.201)" in repr(fit_result())


def test_something_else_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="result 'main' is dict; known: .*FeldmanCousinsResult"):
        results.save_results(tmp_path / "r.json", "diffuse", "n", {"main": {"value": 1}})
    assert not (tmp_path / "r.json").exists()


def damaged(path: Path, change: Any) -> None:
    results.save_results(path, "diffuse", "n", {"main": fit_result()})
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


BAD = {
    "unknown kind": (lambda d: d["results"]["main"].update(kind="FitResul"), r"main\.kind: 'FitResul' is not a kind of result; did you mean 'Fit"),
    "no kind": (lambda d: d["results"]["main"].pop("kind"), r"results\.main\.kind: None is not a kind of result"),
    "other schema": (lambda d: d.update(schema=2), r"schema 2 is not 1, the one this version reads"),
    "no results": (lambda d: d.pop("results"), r"not a results file \(no mapping 'results'\)"),
    "missing field": (lambda d: d["results"]["main"].pop("edm"), r"results\.main: FitResult lacks edm; run run_fit\.py again"),
    "unknown field": (lambda d: d["results"]["main"].update(engin="x"), r"main\.engin: FitResult has no such field; did you mean 'engine'\?"),
    "not a number": (lambda d: d["results"]["main"].update(nll="much"), r"results\.main\.nll: expected a number, found 'much'"),
    "true for a number": (lambda d: d["results"]["main"].update(nll=True), r"results\.main\.nll: expected a number, found True"),
    "nested": (
        lambda d: d["results"]["main"]["parameters"]["astro_gamma"].update(value=[1]),
        r"results\.main\.parameters\.astro_gamma\.value: expected a number, found \[1\]",
    ),
    "short tuple": (
        lambda d: d["results"]["main"]["published"].update(astro_gamma=[2.87, 0.2]),
        r"results\.main\.published\.astro_gamma: expected 3 values, found 2",
    ),
    "list for mapping": (lambda d: d["results"]["main"].update(expected=[1]), r"results\.main\.expected: expected a mapping, found \[1\]"),
    "number for result": (lambda d: d["results"]["main"]["parameters"].update(b=1), r"b: expected a mapping with the fields of Parameter, found 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_damaged_file_is_refused_with_the_place(case: str, tmp_path: Path) -> None:
    change, message = BAD[case]
    damaged(tmp_path / "results.json", change)
    with pytest.raises(InputError, match=r"results\.json: .*" + message):
        results.load_results(tmp_path / "results.json")


def test_missing_file_and_garbage_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such results file; run run_fit\.py with the same configuration first"):
        results.load_results(tmp_path / "results.json")
    (tmp_path / "results.json").write_text('{"results": {')
    with pytest.raises(InputError, match="not a readable results file"):
        results.load_results(tmp_path / "results.json")
