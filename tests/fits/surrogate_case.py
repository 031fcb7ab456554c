"""The three-parameter fit of the surrogate response, without events and files: what the tests of intervals and toys work on."""

from __future__ import annotations

import functools
import json
import math
from pathlib import Path

import numpy as np

from configs.diffuse import ParameterOptions
from data_info.hese_tables import NODE_CENTRES_GEV, NODE_EDGES_GEV, load_tables
from fits.model import Model
from fits.nll import NegativeLogLikelihood
from fits.parameters import ATMOSPHERIC_PRIOR, configure
from fits.response import Bin, Response
from physics.binning import binning
from physics.constants import HESE_LIVETIME_S
from physics.spectra import PowerLaw
from simulation.surrogate import astro_response, atmospheric_background

PUBLISHED = {"astro_norm": 6.36488608, "astro_gamma": 2.87375956, "atmos_norm": 1.0}


@functools.cache
def surrogate_response() -> Response:
    """441 bins x 60 nodes; M_1 and M_2 vanish because a node is a point."""
    tables = load_tables()
    astro, background = astro_response(tables), atmospheric_background(tables)
    bins, blocks, atmosphere = [], [], []
    for name, channel in binning("surrogate").items():
        energies = list(zip(channel.energy_edges_gev[:-1], channel.energy_edges_gev[1:], strict=True))
        angles = list(zip(channel.third_edges[:-1], channel.third_edges[1:], strict=True))
        bins += [Bin(name, energy, channel.third_axis, angle) for angle in angles for energy in energies]
        blocks.append(astro[name].sum(axis=0).transpose(2, 1, 0).reshape(-1, NODE_CENTRES_GEV.size))
        atmosphere.append(background[name].T.reshape(-1))
    moments = np.zeros((3, len(bins), NODE_CENTRES_GEV.size))
    moments[0] = np.concatenate(blocks)
    atmo = np.zeros_like(moments)
    atmo[0, :, 20] = np.concatenate(atmosphere)
    ln_energy = np.log(NODE_CENTRES_GEV)
    return Response(
        tuple(bins), ln_energy, np.diff(np.log(NODE_EDGES_GEV)), {("all", "astro"): moments, ("all", "atmo"): atmo}, {}, 2.5, HESE_LIVETIME_S
    )


def likelihood(counts=None, *, spectrum=None, prior: bool = True, axes=None) -> NegativeLogLikelihood:
    """Poisson likelihood of ``counts`` (default: the Asimov set at the published point)."""
    whole = surrogate_response()
    response = whole if axes is None else whole.project(axes)
    model = Model(response, spectrum or PowerLaw())
    parameters = configure(model.parameters, {}, {"atmos_norm": ATMOSPHERIC_PRIOR} if prior else {})
    if counts is None:
        counts = Model(response, PowerLaw()).expected(list(PUBLISHED.values()))
    elif axes is not None:
        counts = whole.project_counts(counts, axes)
    return NegativeLogLikelihood(model, counts, parameters=parameters)


def toy_counts(number: int) -> np.ndarray:
    """Poisson counts at the published point."""
    expected = Model(surrogate_response(), PowerLaw()).expected(list(PUBLISHED.values()))
    return np.random.default_rng(np.random.SeedSequence(17, spawn_key=(number,))).poisson(expected)


def observed_counts(public_data: Path) -> np.ndarray:
    """The 60 events of the release above 60 TeV in the surrogate's bins."""
    events = {key: np.array(values, float) for key, values in json.loads((public_data / "hese" / "HESE_data.json").read_text()).items()}
    energy, cosine = events["recoDepositedEnergy"], np.cos(events["recoZenith"])
    channels = {0: "cascade", 1: "track", 2: "dcascade"}
    counts = np.zeros(len(surrogate_response().bins), dtype=np.int64)
    for i, one in enumerate(surrogate_response().bins):
        assert one.energy_gev is not None
        assert one.third is not None
        low, high = one.third
        here = np.array([channels[int(m)] == one.channel for m in events["recoMorphology"]])
        here &= (energy >= one.energy_gev[0]) & (energy < one.energy_gev[1]) & (energy <= 1e7)
        here &= (cosine >= low) & ((cosine < high) | ((high == 1.0) & (cosine <= high)))
        if one.channel == "dcascade":
            here &= (events["recoLength"] >= 10.0) & (events["recoLength"] <= 1000.0)
        counts[i] = here.sum()
    return counts


def gaussian_half_width(level: float) -> float:
    """Distance at which a parabola of unit width has risen by ``level``."""
    return math.sqrt(2.0 * level)


def counting_experiment(count: float, background: float) -> NegativeLogLikelihood:
    """One bin with one event for each unit of ``astro_norm`` above a known background: the model of textbook intervals in ours."""
    signal, atmosphere = np.zeros((3, 1, 1)), np.zeros((3, 1, 1))
    signal[0], atmosphere[0] = 1.0, background
    only = Bin("cascade", (6.0e4, 1.0e7), "reco_coszen", (-1.0, 1.0))
    response = Response((only,), np.array([math.log(1.0e5)]), np.array([0.1]), {("all", "astro"): signal, ("all", "atmo"): atmosphere}, {})
    model = Model(response, PowerLaw())
    known = {name: ParameterOptions(fixed=True) for name in ("astro_gamma", "atmos_norm")}
    return NegativeLogLikelihood(model, [count], parameters=configure(model.parameters, known))
