"""Lines of the results table for the segments and the composition by flavour of ``diffuse``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from records.diffuse import Composition, FlavourResult, SpectrumResult
from records.joint import JointResult, joint_rows

Row = tuple[str, str, str]
SHOWN_UNIT = 1.0e-8  # GeV cm^-2 s^-1 sr^-1


def segment_rows(result: SpectrumResult) -> list[Row]:
    """E^2 Phi per flavour of each segment with its interval, an upper limit where that reaches 0, the published value beside it."""
    shown: list[Row] = [] if result.valid else [("INVALID", result.reason, "")]
    for i, (value, low, high, limit) in enumerate(zip(result.e2_flux, result.low, result.high, result.upper_limit, strict=True)):
        words = f"{value / SHOWN_UNIT:.2f} [{low / SHOWN_UNIT:.2f}, {high / SHOWN_UNIT:.2f}]"
        if not math.isnan(limit):
            words += f", < {limit / SHOWN_UNIT:.2f} at {result.cl:.0%}"
        shown.append((f"{energy(result.edges_gev[i])} to {energy(result.edges_gev[i + 1])}", words, _published(result, i)))
    shown.append(("unit", "E^2 Phi per flavour in 1e-8 GeV cm^-2 s^-1 sr^-1", ""))
    return shown + ([("not compared", result.not_compared.splitlines()[0], "")] if result.not_compared else [])


def flavour_rows(result: FlavourResult) -> list[Row]:
    """Best composition at Earth, ranges of the fractions, and how far each source's composition is from the best."""
    shown: list[Row] = [] if result.valid else [("INVALID", result.reason, "")]
    shown.append(("e : mu : tau at Earth", _composition(result.best), ""))
    for flavour, best in zip(("e", "mu", "tau"), result.best, strict=True):
        ranges = [f"{100 * float(label):.0f} %: {low:.2f} to {high:.2f}" for label, of in result.ranges.items() for low, high in [of[flavour]]]
        shown += [(f"fraction of {flavour}", f"{best:.2f}, {', '.join(ranges)}", "")] if ranges else []
    for name, fractions in result.sources.items():
        p = f"p = {result.p_asymptotic(name):.2f} (chi2, 2 degrees)"
        if name in result.toys:
            one = result.toys[name]
            p += f", {one.p:.3f} \u00b1 {one.p_error:.3f} ({len(one.ts_toys)} toys)"
        shown.append((name, f"{_composition(fractions)}: TS {result.ts[name]:.2f}, {p}, {result.contained(name)}", ""))
    shown += [("FAILED", f"{one.n_failed} toys of {name}", "") for name, one in result.toys.items() if one.n_failed]
    return shown + ([("not converged", f"{result.n_failed} compositions", "")] if result.n_failed else [])


def _composition(fractions: Composition) -> str:
    return " : ".join(f"{one:.2f}" for one in fractions)


def _published(result: SpectrumResult, i: int) -> str:
    if not result.published:
        return ""
    value, minus, plus = (number / SHOWN_UNIT for number in result.published[i])
    return f"{value:.2f} [{max(value - minus, 0.0):.2f}, {value + plus:.2f}]"


def energy(value_gev: float) -> str:
    """An energy in TeV or PeV with three digits.

    >>> energy(8.83e4), energy(1.73e6)
    ('88.3 TeV', '1.73 PeV')
    """
    return f"{value_gev / 1e3:.3g} TeV" if value_gev < 1e6 else f"{value_gev / 1e6:.3g} PeV"


ROWS: dict[type, Callable[[Any], list[Row]]] = {SpectrumResult: segment_rows, FlavourResult: flavour_rows, JointResult: joint_rows}
