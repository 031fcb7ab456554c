"""Expected counts of the 3-parameter model event by event: slow and obvious, from the release's or the exercise's columns.

No NumPy, no histogram, no node: each event's weight at the wanted spectrum is computed and added to its bin (specification 4.1 and 4.2
without nuisance parameters). Sums by ``math.fsum``.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

LIVETIME_S = 227708167.68
CHANNEL = {0: "cascade", 1: "track", 2: "dcascade"}


class Point(NamedTuple):
    """Six-species norm at 100 TeV in 1e-18 GeV^-1 cm^-2 s^-1 sr^-1, spectral index, norm of the atmosphere."""

    astro_norm: float
    astro_gamma: float
    atmos_norm: float


class Edges(NamedTuple):
    """Edges of one channel; ``third`` in cos zenith or in m."""

    energy_gev: Sequence[float]
    third: Sequence[float]
    is_length: bool


Bin = tuple[str, int, int]  # channel, energy bin, bin of the third axis; from 0


def bin_of(edges: Sequence[float], value: float) -> int | None:
    """Lower edges inclusive; the last bin has both."""
    if value == edges[-1]:
        return len(edges) - 2
    index = bisect_right(edges, value) - 1
    return index if 0 <= index < len(edges) - 1 else None


def rows(events: Mapping[str, Sequence[float]]) -> Iterator[dict[str, float]]:
    """One dictionary for each event."""
    names = list(events)
    for values in zip(*(events[name] for name in names), strict=True):
        yield dict(zip(names, (float(value) for value in values), strict=True))


def release_weight(event: Mapping[str, float], point: Point) -> float:
    """w = T {W [A + C] + muonWeight} without nuisance parameters."""
    astro = point.astro_norm * (1e-18 / 6) * (event["primaryEnergy"] / 1e5) ** -point.astro_gamma
    conventional = (event["pionFlux"] + event["kaonFlux"]) * event["conventionalSelfVetoCorrection"]
    neutrino = event["weightOverFluxOverLivetime"] * (astro + point.atmos_norm * conventional)
    return LIVETIME_S * (neutrino + point.atmos_norm * event["muonWeightOverLivetime"])


def toy_weight(event: Mapping[str, float], point: Point) -> float:
    """lambda = atmos_norm atmoWeight + astro_norm astroWeight (E / 1e5)^-(gamma - 2.5)."""
    return point.atmos_norm * event["atmoWeight"] + point.astro_norm * event["astroWeight"] * (event["primaryEnergy"] / 1e5) ** -(
        point.astro_gamma - 2.5
    )


def release_bin(event: Mapping[str, float], edges: Mapping[str, Edges]) -> Bin | None:
    """The bin of a selected event, else nothing."""
    energy, morphology = event["recoDepositedEnergy"], int(event["recoMorphology"])
    if not 6e4 <= energy <= 1e7 or (morphology == 2 and not 10 <= event["recoLength"] <= 1000):
        return None
    if morphology == 2 and "dcascade" not in edges:
        morphology = 0
    channel = edges[CHANNEL[morphology]]
    return _placed(CHANNEL[morphology], channel, energy, event["recoLength"] if channel.is_length else math.cos(event["recoZenith"]))


def toy_bin(event: Mapping[str, float], edges: Mapping[str, Edges]) -> Bin | None:
    """The bin of a selected event, else nothing."""
    name = CHANNEL[int(event["topology"])]
    if not 6e4 <= event["energy"] <= 1e7 or name not in edges:
        return None
    return _placed(name, edges[name], event["energy"], math.cos(event["zenith"]))


def _placed(name: str, channel: Edges, energy: float, third: float) -> Bin | None:
    first, second = bin_of(channel.energy_gev, energy), bin_of(channel.third, third)
    return None if first is None or second is None else (name, first, second)


def expected(events: Mapping[str, Sequence[float]], edges: Mapping[str, Edges], point: Point) -> tuple[dict[Bin, float], dict[Bin, float]]:
    """mu and s2 = sum of w^2 in every bin that has an event."""
    toy = "astroWeight" in events
    weights: dict[Bin, list[float]] = defaultdict(list)
    for event in rows(events):
        where = toy_bin(event, edges) if toy else release_bin(event, edges)
        if where is not None:
            weights[where].append(toy_weight(event, point) if toy else release_weight(event, point))
    return {b: math.fsum(ws) for b, ws in weights.items()}, {b: math.fsum(w * w for w in ws) for b, ws in weights.items()}
