"""Mutual information of reconstructed proxies with the targets, by nearest neighbours (Kraskov et al., PRE 69 (2004) 066138).

The events have no weights: those that have were sampled by weight *without* replacement (``processors.stopping_muons_training.sampled``), as the
estimator takes a repeated event for a neighbour at distance zero. For the same reason errors are from halves drawn without replacement, whose spread
is that of the whole sample (delete-half jackknife; Shao and Wu, Ann. Stat. 17 (1989)).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, nearest
from records.stopping_muons import MutualInformation

Array = NDArray[np.float64]

NEIGHBOURS = 3
FEWEST = 50  # events, of which a half still has neighbours that are near


def mutual_information(
    sample: Mapping[str, ArrayLike],
    proxies: Sequence[str],
    targets: Mapping[str, str],
    *,
    replicas: int = 20,
    seed: int = 0,
) -> MutualInformation:
    """Of each proxy with log10 of each target, in nats, with its error and sqrt(1 - exp(-2 MI)), the |correlation| of a normal pair.

    ``sample``: columns of equal length (events,), each event once; ``targets``: name of the result (range, energy) -> its true column; ``replicas``:
    halves that the error is from. InputError for an unknown column, fewer than 50 events, a target that is not positive.
    """
    rng = np.random.default_rng(seed)
    columns = _columns(sample, (*proxies, *targets.values()))
    logarithms = {target: _log10(column, columns[column]) for target, column in targets.items()}
    features = np.stack([columns[name] for name in proxies], axis=1)
    found = {target: _with_error(rng, features, values, replicas) for target, values in logarithms.items()}
    nats, error = ({target: dict(zip(proxies, pair[i].tolist(), strict=True)) for target, pair in found.items()} for i in (0, 1))
    normalised = {target: {name: _normalised(one) for name, one in row.items()} for target, row in nats.items()}
    return MutualInformation(nats, error, normalised, len(features))


def _columns(sample: Mapping[str, ArrayLike], names: Sequence[str]) -> dict[str, Array]:
    """The columns of these names, checked."""
    missing = [name for name in names if name not in sample]
    if missing:
        raise InputError(f"mutual information: no column {missing[0]!r} in the sample{nearest(missing[0], sample)}")
    columns = {name: np.asarray(sample[name], float) for name in names}
    size = min(map(len, columns.values()))
    if size < FEWEST:
        raise InputError(f"mutual information: {size} events are too few, {FEWEST} needed; generate more, or loosen the cuts")
    return columns


def _log10(name: str, values: Array) -> Array:
    if not np.all(values > 0):
        raise InputError(f"mutual information: {name} must be positive, its logarithm is used; found {values.min():g}")
    return np.log10(values)


def _normalised(nats: float) -> float:
    return float(np.sqrt(-np.expm1(-2 * max(nats, 0.0))))


def _with_error(rng: Generator, features: Array, target: Array, replicas: int) -> tuple[Array, Array]:
    """Estimate and error (proxies,) each."""
    half = len(target) // 2
    spread = [_estimate(rng, features[chosen], target[chosen]) for chosen in (rng.permutation(len(target))[:half] for _ in range(replicas))]
    error = np.std(spread, axis=0, ddof=1) if replicas > 1 else np.full(features.shape[1], np.nan)
    return _estimate(rng, features, target), error


def _estimate(rng: Generator, features: Array, target: Array) -> Array:
    from sklearn.feature_selection import mutual_info_regression

    seed = int(rng.integers(2**31))  # of the jitter that parts equal values
    return np.asarray(mutual_info_regression(features, target, n_neighbors=NEIGHBOURS, random_state=seed), float)
