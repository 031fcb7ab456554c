"""Data-based systematics: the same flux measured in disjoint sectors of reconstructed quantities; what statistics do not explain is systematic."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError
from configs.stopping_muons import Cut, Cuts
from processors.stopping_muons_cuts import passed
from records.stopping_muons import SectorComparison

Array = NDArray[np.float64]


def check_sectors(sectors: Mapping[str, Cuts], sample: Mapping[str, ArrayLike], *, allow_overlap: bool = False) -> float:
    """Share of the events in any sector that are in more than one; 0 where the cuts exclude each other.

    ``sample``: columns of selected events that stand for all (unweighted). Raises InputError for fewer than two sectors and, unless
    ``allow_overlap``, for sectors that share events or whose cuts are in columns that are not in the sample and do not exclude each other.
    """
    if len(sectors) < 2:
        raise InputError(f"sectors: at least two are needed to see a spread, found {', '.join(sectors) or 'none'} (Systematics: sectors)")
    pairs = [pair for pair in itertools.combinations(sectors, 2) if not _exclusive(*(sectors[name] for name in pair))]
    if not pairs:
        return 0.0
    missing = sorted({column for pair in pairs for name in pair for column in sectors[name]} - sample.keys())
    if missing and not allow_overlap:
        raise InputError(
            f"sectors {_words(pairs)} may overlap: their cuts do not exclude each other, and {', '.join(missing)} is not among the "
            "observables, so that the overlap fraction is not known; set allow_overlap: true if they may"
        )
    return math.nan if missing else _shared(sectors, pairs, sample, allow_overlap)


def _shared(sectors: Mapping[str, Cuts], pairs: list[tuple[str, str]], sample: Mapping[str, ArrayLike], allow_overlap: bool) -> float:
    """Share of the sample's events in any sector that are in more than one."""
    masks = {name: _inside(cuts, sample) for name, cuts in sectors.items()}
    inside = np.sum(list(masks.values()), axis=0)
    overlap = float(np.sum(inside > 1) / max(np.sum(inside > 0), 1))
    shared = [(one, other) for one, other in pairs if np.any(masks[one] & masks[other])]
    if shared and not allow_overlap:
        raise InputError(
            f"sectors {_words(shared)} overlap: overlap fraction {overlap:.3g} of their events; make the cuts disjoint, or set allow_overlap: true"
        )
    return overlap


def compare_sectors(
    edges: ArrayLike, flux: Mapping[str, ArrayLike], statistical: Mapping[str, ArrayLike], full: ArrayLike, *, overlap: float = 0.0
) -> SectorComparison:
    """sigma_syst^2 = max(0, Var_s(phi_s) - mean_s(sigma_s^2)) by bin, the inverse-variance mean, and chi-square against the full result.

    ``flux`` and ``statistical``: sector -> flux and its error (bins,) from counts and simulation, but without what is common to all sectors; ``full``
    (bins,). Var_s is the unbiased variance over sectors. chi2 = sum_s ((phi_s - full)/sigma_s)^2; the full result contains the sectors, so
    sectors - 1 is expected. Where a sector sees nothing (NaN), mean and chi2 are NaN and the systematic error is 0.
    Raises InputError for fewer than two sectors, other bins, or errors that are not positive.
    """
    if len(flux) < 2 or flux.keys() != statistical.keys():
        raise InputError(
            f"sectors: fluxes and errors of the same two or more sectors are needed, found {', '.join(flux)} and {', '.join(statistical)}"
        )
    values, errors = (np.array([np.asarray(one[name], float) for name in flux]) for one in (flux, statistical))
    whole, limits = np.asarray(full, float), np.asarray(edges, float)
    if values.shape != errors.shape or values.shape[1:] != whole.shape or limits.shape != (whole.size + 1,):
        raise InputError(f"sectors: {limits.size - 1} bins, but fluxes {values.shape}, errors {errors.shape}, full result {whole.shape}")
    wrong = ~((errors > 0) | np.isnan(values))
    if wrong.any():
        bad = [name for name, one in zip(flux, wrong, strict=True) if one.any()]
        raise InputError(f"sectors {', '.join(bad)}: errors must be positive in every bin")
    weight = errors**-2
    excess = values.var(axis=0, ddof=1) - np.mean(errors**2, axis=0)
    return SectorComparison(
        edges=limits.tolist(),
        flux={name: one.tolist() for name, one in zip(flux, values, strict=True)},
        statistical={name: one.tolist() for name, one in zip(flux, errors, strict=True)},
        mean=(np.sum(weight * values, axis=0) / np.sum(weight, axis=0)).tolist(),
        systematic=np.sqrt(np.maximum(np.nan_to_num(excess), 0.0)).tolist(),
        chi2=np.sum(((values - whole) / errors) ** 2, axis=0).tolist(),
        overlap=overlap,
    )


def _inside(cuts: Cuts, sample: Mapping[str, ArrayLike]) -> NDArray[np.bool_]:
    return np.logical_and.reduce([passed(np.asarray(sample[name], float), cut) for name, cut in cuts.items()])


def _exclusive(one: Cuts, other: Cuts) -> bool:
    """Whether some column cannot pass the cuts of both."""
    return any(_disjoint(one[name], other[name]) for name in one.keys() & other.keys())


def _disjoint(one: Cut, other: Cut) -> bool:
    (low, low_in, high, high_in), (from_, from_in, to, to_in) = _interval(one), _interval(other)
    apart = high < from_ or to < low
    touching = (high == from_ and not (high_in and from_in)) or (to == low and not (to_in and low_in))
    return apart or touching


def _interval(cut: Cut) -> tuple[float, bool, float, bool]:
    """(low, whether it belongs, high, whether it belongs) of what a cut keeps; ``!=`` keeps all but one point."""
    if not isinstance(cut, tuple):
        return float(cut), True, math.inf, False
    first, second = cut
    if not isinstance(first, str):
        return float(first), True, float(second), False
    value = float(second)
    ends = {
        "<": (-math.inf, False, value, False), "<=": (-math.inf, False, value, True), ">": (value, False, math.inf, False),
        ">=": (value, True, math.inf, False), "==": (value, True, value, True), "!=": (-math.inf, False, math.inf, False),
    }  # fmt: skip
    return ends[first]


def _words(pairs: list[tuple[str, str]]) -> str:
    return "; ".join(f"{one} and {other}" for one, other in pairs)
