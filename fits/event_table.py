"""What the fitted model says about every selected event: how likely it is astrophysical, and the energy of its neutrino."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fits.bins import Bin, ends_of
from fits.folding import vector
from fits.model import Model
from fits.observed_events import ROW, short_names
from fits.official_model import OfficialModel
from records.diffuse_studies import EventTable
from records.tables import Table

Array = NDArray[np.float64]

QUANTILES = (0.05, 0.16, 0.5, 0.84, 0.95)


def event_table(model: Model | OfficialModel, theta: ArrayLike, counts: ArrayLike, kept: Table | None = None) -> EventTable:
    """One row for each of the ``counts`` (bins,) of ``model``, at the parameters ``theta``; the fit's numbers of events of one bin are equal.

    ``kept``: these events one by one (``fits.observed_events``), which the rows follow. Signalness is mu_astro / mu of the bin. Events in bins
    that expect nothing are kept with NaN and counted.
    """
    events = np.repeat(np.arange(model.n_bins), np.asarray(counts, dtype=float).round().astype(int)) if kept is None else kept[ROW]
    components = model.components(theta)
    total = np.sum(list(components.values()), axis=0)
    shares = {name: np.divide(values, total, out=np.full(total.shape, np.nan), where=total > 0) for name, values in components.items()}
    signalness = shares["astro"]
    energies = true_energy_quantiles(model, theta)
    return EventTable(
        **_place([model.response.bins[i] for i in events]),
        expected=total[events].tolist(),
        signalness=signalness[events].tolist(),
        true_energy_gev={f"{share:g}": energies[i, events].tolist() for i, share in enumerate(QUANTILES)},
        n_unexplained=int(np.isnan(signalness[events]).sum()),
        shares={name: values[events].tolist() for name, values in shares.items()},
        **({} if kept is None else _identity(kept)),
    )


def _identity(kept: Table) -> dict[str, list[Any]]:
    """The columns that say which event each is and what was reconstructed."""
    return {"file": short_names(kept["file"]), **{name: kept[name].tolist() for name in ("entry", "energy_gev", "coszen", "length_m", "bin")}}


def _place(bins: Sequence[Bin]) -> dict[str, list[Any]]:
    """The columns that say where each event lies; NaN where an axis was summed over."""
    energy, third = ends_of(bins)
    return {
        "channel": [one.channel for one in bins],
        "energy_low_gev": energy[:, 0].tolist(),
        "energy_high_gev": energy[:, 1].tolist(),
        "third_axis": [one.third_axis or "" for one in bins],
        "third_low": third[:, 0].tolist(),
        "third_high": third[:, 1].tolist(),
    }


def true_energy_weights(model: Model | OfficialModel, theta: ArrayLike) -> Array:
    """Expected astrophysical events (bins, nodes) up to the norm: the response's row of each bin times the fitted spectrum.

    The detector factors of an official model act on a whole bin and flavour; the energies of a bin do not contain them.
    """
    plain = Model(model.response, model.spectrum, pivot_gev=model.pivot_gev)
    shape = np.asarray(theta, dtype=float)[: model.flux.shape.stop]
    folding = vector(plain.weights(np.append(shape, 1.0)), plain.n_moments)
    terms = (plain.matrix * folding).reshape(plain.n_bins, plain.n_moments, -1)
    return np.maximum(terms.sum(axis=1), 0.0)


def true_energy_quantiles(model: Model | OfficialModel, theta: ArrayLike, shares: Sequence[float] = QUANTILES) -> Array:
    """Neutrino energies in GeV (shares, bins) below which ``shares`` of the bin's astrophysical expectation lies; flat in ln E within a node."""
    weights = true_energy_weights(model, theta)
    ln_energy, width = model.response.ln_energy, model.response.width
    edges = np.column_stack([ln_energy - 0.5 * width, ln_energy + 0.5 * width]).ravel()  # both ends of each node: there may be gaps between
    found = np.full((len(shares), len(weights)), np.nan)
    for i in np.flatnonzero(weights.sum(axis=1) > 0):
        cumulated = np.append(0.0, np.cumsum(weights[i])) / weights[i].sum()
        found[:, i] = np.exp(np.interp(shares, np.column_stack([cumulated[:-1], cumulated[1:]]).ravel(), edges))
    return found
