"""Generated low-energy events like those of IceCube's DeepCore: data of seven seasons, simulation with weights, good run lists.

For demonstration and tests; not a simulation of a detector. Angles in rad, energies in GeV, times in MJD; weights ow in GeV cm^2 sr for one type of
neutrino: expected events = livetime x sum ow x flux of that type.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from physics.sphere import offset

Array = NDArray[np.float64]

SEASONS = tuple(range(2011, 2018))
FIRST_MJD, SEASON_DAYS, RUNS = 55_700.0, 365.0, 330
TRUE_LOG_ENERGY = (0.3, 2.6)
RESOLUTION_LOG10 = 0.15
MEDIAN_TO_SIGMA = 1.18  # of a Rayleigh distribution

DATA_TYPE = np.dtype(
    [("run", "i8"), ("event", "i8"), ("subevent", "i8"), *((name, "f8") for name in ("ra", "dec", "azi", "zen", "time", "logE", "angErr"))]
)
SIMULATION_TYPE = np.dtype(
    [*DATA_TYPE.descr[:8], ("trueRa", "f8"), ("trueDec", "f8"), ("trueE", "f8"), ("logE", "f8"), ("angErr", "f8"), ("ow", "f8"), ("pdg", "i4")]
)
RUN_TYPE = np.dtype([("run", "i8"), ("start", "f8"), ("stop", "f8"), ("livetime", "f8"), ("events", "i8")])


def angular_error(energy_gev: ArrayLike) -> Array:
    """Estimated angular error in rad: 47.8 degrees at 5 GeV, 6.4 at 100 GeV (the published analysis' estimator)."""
    return np.asarray(0.89318577 * np.exp(-0.03439216 * np.asarray(energy_gev, dtype=np.float64)) + 0.08273342)


def effective_area_cm2(energy_gev: ArrayLike) -> Array:
    """Of one type of neutrino, the same in all directions: 0.2 cm^2 (E / 20 GeV)^1.5 (1 - exp(-(E / 5 GeV)^2)).

    >>> effective_area_cm2([10.0, 20.0, 100.0]).round(4).tolist()
    [0.0694, 0.2, 2.2361]
    """
    energy = np.asarray(energy_gev, dtype=np.float64)
    return np.asarray(0.2 * (energy / 20.0) ** 1.5 * -np.expm1(-((energy / 5.0) ** 2)))


def data(season: int, size: int, generator: np.random.Generator) -> NDArray[np.void]:
    """Background events of one season: density of sin dec as 1 - 0.35 sin dec, right ascension uniform."""
    events = np.zeros(size, DATA_TYPE)
    events["run"] = 110_000 + 1000 * (season - SEASONS[0]) + np.sort(generator.integers(0, RUNS, size))
    events["event"] = np.arange(size)
    events["dec"] = np.arcsin(_falling(generator.uniform(size=size), 0.35))
    events["ra"], events["azi"] = generator.uniform(0.0, 2.0 * math.pi, (2, size))
    events["zen"] = np.clip(math.pi / 2.0 + events["dec"], 0.0, math.pi)
    events["time"] = _start(season) + (events["run"] - 110_000 - 1000 * (season - SEASONS[0])) + generator.uniform(size=size)
    energy_gev = np.clip(10.0 ** generator.normal(1.25, 0.32, size), 1.0, 1000.0)
    events["angErr"] = angular_error(energy_gev)
    events["logE"] = np.log10(energy_gev)
    return events


def simulation(size: int, generator: np.random.Generator) -> NDArray[np.void]:
    """Neutrinos (even entries) and antineutrinos from all directions, log10 of the true energy uniform, reconstructed at a Rayleigh angle."""
    events = np.zeros(size, SIMULATION_TYPE)
    events["run"], events["event"], events["time"] = 14_674, np.arange(size), FIRST_MJD
    low, high = TRUE_LOG_ENERGY
    true_gev = 10.0 ** generator.uniform(low, high, size)
    events["trueE"] = true_gev
    events["logE"] = np.log10(true_gev) + generator.normal(0.0, RESOLUTION_LOG10, size)
    events["trueRa"], turned, events["azi"] = generator.uniform(0.0, 2.0 * math.pi, (3, size))
    events["trueDec"] = np.arcsin(generator.uniform(-1.0, 1.0, size))
    events["ra"], events["dec"] = offset(events["trueRa"], events["trueDec"], _rayleigh(angular_error(true_gev), generator), turned)
    events["zen"] = np.clip(math.pi / 2.0 + events["dec"], 0.0, math.pi)
    events["angErr"] = angular_error(10.0 ** events["logE"])
    events["pdg"] = np.where(np.arange(size) % 2, -14, 14)
    events["ow"] = effective_area_cm2(true_gev) * 4.0 * math.pi * true_gev * math.log(10.0) * (high - low) / (size / 2.0)
    return events


def good_runs(season: int, events: NDArray[np.void]) -> NDArray[np.void]:
    """330 runs of one day; in 2013 the first of them stands in the list twice."""
    runs = np.zeros(RUNS, RUN_TYPE)
    runs["run"] = 110_000 + 1000 * (season - SEASONS[0]) + np.arange(RUNS)
    runs["start"] = _start(season) + np.arange(RUNS)
    runs["stop"], runs["livetime"] = runs["start"] + 1.0, 1.0
    runs["events"] = np.bincount(events["run"] - runs["run"][0], minlength=RUNS)
    return np.concatenate([runs, runs[:1]]) if season == 2013 else runs


def inject(
    events: NDArray[np.void], signal: NDArray[np.void], weight: ArrayLike, sources: tuple[ArrayLike, ArrayLike, ArrayLike], count: int,
    generator: np.random.Generator,
) -> NDArray[np.void]:  # fmt: skip
    """Put ``count`` simulated events, drawn with ``weight``, in the place of random data events, turned to sources.

    ``sources``: right ascensions, declinations (rad) and shares of the signal. An event keeps its angle and its direction relative to its source.
    """
    ra, dec, share = (np.asarray(one, dtype=np.float64) for one in sources)
    weights = np.asarray(weight, dtype=np.float64)
    chosen = signal[generator.choice(len(signal), count, p=weights / weights.sum())]
    source = generator.choice(len(ra), count, p=share / share.sum())
    psi, turned = _offset_of(chosen)
    result = events.copy()
    places = generator.choice(len(events), count, replace=False)
    new = result[places]
    new["ra"], new["dec"] = offset(ra[source], dec[source], psi, turned)
    for name in ("logE", "angErr"):
        new[name] = chosen[name]
    new["zen"] = np.clip(math.pi / 2.0 + new["dec"], 0.0, math.pi)
    result[places] = new
    return result


def _offset_of(events: NDArray[np.void]) -> tuple[Array, Array]:
    """Angle from true to reconstructed direction, and its position angle."""
    d1, d2, dra = events["trueDec"], events["dec"], events["ra"] - events["trueRa"]
    east = np.cos(d2) * np.sin(dra)
    north = np.cos(d1) * np.sin(d2) - np.sin(d1) * np.cos(d2) * np.cos(dra)
    along = np.sin(d1) * np.sin(d2) + np.cos(d1) * np.cos(d2) * np.cos(dra)
    return np.arctan2(np.hypot(east, north), along), np.arctan2(east, north)


def _rayleigh(median_rad: Array, generator: np.random.Generator) -> Array:
    """Rayleigh-distributed angles, cut at pi."""
    sigma = median_rad / MEDIAN_TO_SIGMA
    inside = -np.expm1(-((math.pi / sigma) ** 2) / 2.0)
    return np.asarray(sigma * np.sqrt(-2.0 * np.log1p(-generator.uniform(size=len(sigma)) * inside)))


def _falling(u: Array, slope: float) -> Array:
    """Numbers in [-1, 1] of density (1 - slope x) / 2, from uniform ones."""
    return np.asarray((1.0 - np.sqrt((1.0 + slope) ** 2 - 4.0 * slope * u)) / slope)


def _start(season: int) -> float:
    return FIRST_MJD + SEASON_DAYS * (season - SEASONS[0])
