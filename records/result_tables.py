"""Results of ``iwcd`` as tables for people and papers (``records.text_tables``): summaries, cut flows, performance, compositions, curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import singledispatch
from pathlib import Path
from typing import Any

from records.generator import GeneratorResult
from records.iwcd_fits import FractionsResult, ProfileCurve, ResponseResult, ScaleResult
from records.performance import Confusion, DiscriminantResult, PerformanceResult, Rate
from records.samples import Distribution, SampleSummary
from records.text_tables import Column, TextTable, save_text_table
from records.value import Parameter

Tables = dict[str, TextTable]


def save_result_tables(directory: Path, results: Mapping[str, Any]) -> list[Path]:
    """Write every table of every result as ``<result>.<table>.csv`` and ``.tex``; tables of results that are gone are removed."""
    paths = []
    for name, result in results.items():
        for kind, table in tables(result).items():
            paths += save_text_table(directory, f"{name}.{kind}", table)
    for old in [*directory.glob("*.csv"), *directory.glob("*.tex")]:
        if old not in paths:
            old.unlink()
    return paths


@singledispatch
def tables(result: Any) -> Tables:
    """Tables of a result by name; none for a kind that has none."""
    return {}


@tables.register
def _(result: SampleSummary) -> Tables:
    names, found = list(result.particles), list(result.particles.values())
    columns = [Column("particle", names), Column("events", [one.n for one in found]), Column("selected", [one.selected for one in found]),
               Column("without hits", [one.zero_hit for one in found]), *_distribution("hits", "", [one.nhits for one in found]),
               *_distribution("charge", "p.e.", [one.charge_pe for one in found])]  # fmt: skip
    for name in ("pearson_nhits", "spearman_nhits", "pearson_charge", "spearman_charge"):
        columns.append(Column(f"{name.replace('_', ' ')}, energy", [getattr(one, name) for one in found], digits=3))
    summary = TextTable(f"Events of {result.dataset}; correlations with the true total energy", tuple(columns))
    steps = list(found[0].cut_flow) if found else []
    if not steps:
        return {"summary": summary}
    flow = (Column("cut", steps), *(Column(name, [one.cut_flow.get(cut) for cut in steps]) for name, one in result.particles.items()))
    return {"summary": summary, "cutflow": TextTable(f"Events of {result.dataset} after each cut", flow)}


def _distribution(label: str, unit: str, found: Sequence[Distribution]) -> list[Column]:
    """Mean with error, median and quantiles; each particle a row."""
    columns = [Column(f"mean {label}", [one.mean for one in found], unit, errors=[one.mean_error for one in found])]
    columns.append(Column(f"median {label}", [one.median for one in found], unit, digits=0))
    return columns + [Column(f"{float(key):.0%} {label}", [one.quantiles[key] for one in found], unit, digits=0) for key in found[0].quantiles]


@tables.register
def _(result: PerformanceResult) -> Tables:
    found = result.confusion
    rows = [(f"recall {name}", one) for name, one in zip(found.classes, found.recall, strict=True)]
    rows += [(f"precision {name}", one) for name, one in zip(found.classes, found.precision, strict=True)]
    rows.append(("accuracy", found.accuracy))
    rows += [(f"efficiency at {one.rejection:.1%} rejection of {one.background}", one.efficiency) for one in result.working_points]
    confusion = [Column("true", found.classes), *(Column(f"as {name}", [row[j] for row in found.counts]) for j, name in enumerate(found.classes))]
    scores = _scores(found)
    made = {
        "rates": _rates(f"Rates with {100 * result.level:.4g} % {result.interval} intervals", rows),
        "confusion": TextTable("Events by true and predicted class", tuple(confusion)),
        "scores": TextTable("Scores of the classifier", (Column("score", list(scores)), Column("value", list(scores.values()), digits=4))),
    }
    if result.roc:
        against = [f"{'+'.join(one.signal)} against {one.background}" for one in result.roc]
        areas = Column("AUC", [one.auc for one in result.roc], errors=[one.auc_error for one in result.roc])
        made["auc"] = TextTable("Area under the ROC curve", (Column("pair", against), areas))
    return made


@tables.register
def _(result: DiscriminantResult) -> Tables:
    models = result.models
    published = sorted({name for one in models for name in one.published})
    columns = [Column("pair", [" against ".join(one.pair) for one in models]), Column("model", [one.model for one in models]),
               Column("signal events", [one.n_signal for one in models]), Column("background events", [one.n_background for one in models]),
               Column("AUC", [one.auc for one in models], errors=[one.auc_error for one in models])]  # fmt: skip
    columns += [Column(name, [one.published.get(name) for one in models]) for name in published]
    return {"auc": TextTable("Discriminants on hit features, and published areas of the same pairs", tuple(columns))}


@tables.register
def _(result: FractionsResult) -> Tables:
    groups = list(result.yields)
    columns = [Column("group", groups), Column("particles", ["+".join(result.groups[name]) for name in groups]), _measured("events", result.yields),
               _measured("share", result.fractions)]  # fmt: skip
    columns += _intervals(result.profiles, groups) if result.profiles else []
    if result.truth:
        columns.append(Column("true", [result.truth[name] for name in groups], digits=0))
    return {"yields": TextTable("Composition of the sample", tuple(columns))}


@tables.register
def _(result: ScaleResult) -> Tables:
    return {"parameters": _parameters("Light-yield scale", result.parameters)}


@tables.register
def _(result: ResponseResult) -> Tables:
    good = [one for one in result.slices if one.valid]
    slices = (
        Column("low", _each(good, "low_mev"), "MeV", 0), Column("high", _each(good, "high_mev"), "MeV", 0),
        Column("events", _each(good, "n")),
        Column("charge per energy", _each(good, "peak"), "p.e./MeV", errors=_each(good, "peak_error")),
        Column("sigma", _each(good, "sigma"), "p.e./MeV", errors=_each(good, "sigma_error")),
        Column("68 % half width", _each(good, "half_width"), "p.e./MeV", errors=_each(good, "half_width_error")),
    )  # fmt: skip
    curves = {f"charge, {name}": one for name, one in result.linearity.parameters.items()}
    curves |= {f"resolution, {name}": one for name, one in result.resolution.parameters.items()}
    return {"slices": TextTable(f"Contained {result.particle}", slices), "parameters": _parameters("Linearity and resolution", curves)}


@tables.register
def _(result: GeneratorResult) -> Tables:
    names, found = list(result.particles), list(result.particles.values())
    whole = (
        Column("particle", names), Column("mean hits", _each(found, "total_mean"), errors=_each(found, "total_mean_error")),
        Column("real", _each(found, "total_mean_real"), errors=_each(found, "total_mean_real_error")),
        Column("largest deviation of a slice", _each(found, "largest_deviation"), digits=3),
        Column("chi2", _each(found, "chi2"), digits=1), Column("p", _each(found, "chi2_p"), digits=3),
    )  # fmt: skip
    made = {"means": TextTable(f"Hits of generated events beside real ones ({result.source})", whole)}
    for name, one in result.particles.items():
        columns = (Column("low", one.low_mev, "MeV", 0), Column("high", one.high_mev, "MeV", 0), Column("mean", one.mean, errors=one.mean_error),
                   Column("mean, real", one.mean_real, errors=one.mean_real_error), Column("ratio", one.ratio, errors=one.ratio_error),
                   Column("median", one.median, digits=0), Column("median, real", one.median_real, digits=0), Column("95 %", one.q95, digits=0),
                   Column("95 %, real", one.q95_real, digits=0))  # fmt: skip
        made[f"slices_{name}"] = TextTable(f"Hits of {name} in slices of energy", columns)
    return made


def _each(found: Sequence[Any], field: str) -> list[Any]:
    """One column of a list of records."""
    return [getattr(one, field) for one in found]


def _scores(found: Confusion) -> dict[str, float]:
    f1 = {f"F1 {name}": value for name, value in zip(found.classes, found.f1, strict=True)}
    return f1 | {"balanced accuracy": found.balanced_accuracy, "Cohen kappa": found.kappa, "Matthews coefficient": found.mcc,
                 "mutual information [bit]": found.mutual_information_bits}  # fmt: skip


def _intervals(profiles: Mapping[str, ProfileCurve], groups: Sequence[str]) -> list[Column]:
    """Ends of the 68 and 95 % intervals."""
    ends = [("68 % low", "interval_68", 0), ("68 % high", "interval_68", 1), ("95 % low", "interval_95", 0), ("95 % high", "interval_95", 1)]
    return [Column(name, [getattr(profiles[group], attribute)[end] for group in groups], digits=1) for name, attribute, end in ends]


def _rates(caption: str, rows: Sequence[tuple[str, Rate]]) -> TextTable:
    found = [one for _, one in rows]
    errors = [(one.value - one.low, one.high - one.value) for one in found]
    values = Column("value", [one.value for one in found], errors=errors)
    return TextTable(caption, (Column("quantity", [name for name, _ in rows]), values, Column("passed", [one.passed for one in found], digits=0),
                               Column("of", [one.total for one in found], digits=0)))  # fmt: skip


def _parameters(caption: str, parameters: Mapping[str, Parameter]) -> TextTable:
    units = [one.unit for one in parameters.values()]
    return TextTable(caption, (Column("parameter", list(parameters)), _measured("value", parameters), Column("unit", units)))


def _measured(name: str, parameters: Mapping[str, Parameter]) -> Column:
    """Values with symmetric errors, or where one has an interval with both distances for all."""
    found = list(parameters.values())
    if not any(one.minos for one in found):
        return Column(name, [one.value for one in found], errors=[math.nan if one.fixed else one.error for one in found])
    pairs = [(abs(one.minos[0]), abs(one.minos[1])) if one.minos else (one.error, one.error) for one in found]
    return Column(name, [one.value for one in found], errors=pairs)
