"""Densities of signal and background in angle, declination and energy, from the histograms."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import eval_legendre

from configs.errors import InputError
from fits.dark_matter.inputs import Folded, Sample
from fits.dark_matter.sky import Densities
from fits.dark_matter.windows import Window
from physics.sphere import ring_sr, scrambled_cdf

Array = NDArray[np.float64]

DEGREE = 4  # of the Legendre series in the logarithm of the background density
STEPS = 50
POINTS = 8  # in a bin of sin dec, for angles to sources


def densities(
    sample: Sample, folded: Folded, share: Array, window: Window, edges: NDArray[np.intp], rows: int, floor: float, source_dec: Array | None = None
) -> Densities:
    """Densities of one combination in the energy bins ``edges`` (whole GeV) of its window.

    ``share`` (J,) of the sources, ``rows`` of the sky grid, ``floor``: share of the signal that is isotropic, ``source_dec`` (J,) where the response
    is in bands of declination. Raises ``InputError`` for a window without data or without signal, with both counts.
    """
    n_events = events_in(sample, folded, window)
    return Densities(share, psf_per_sr(folded, sample.psi_edges_rad, edges, floor, source_dec), background(sample.counts, edges, rows), n_events)


def events_in(sample: Sample, folded: Folded, window: Window) -> int:
    """Data events in a window. Raises ``InputError`` for a window without data or without signal, with both counts."""
    counts = int(sample.counts[:, window.bins].sum())
    signal = float(folded.psf.value[:, window.bins].sum())
    if counts == 0 or not signal > 0.0:
        raise InputError(f"the window {window} holds {counts} data events and a signal of {signal:.3g} cm^2 sr; both are needed")
    return counts


def psf_per_sr(folded: Folded, psi_edges_rad: Array, edges: NDArray[np.intp], floor: float, source_dec: Array | None = None) -> Array:
    """Density of the angle to the source (J or 1, energies, psi bins) per sr; sums to 1 over the sky and the energies.

    A response in bands of true declination gives every source that of its band, one in a single band the same to all. Raises ``InputError`` for a
    source whose band has no simulated signal.
    """
    of_bins = np.stack([folded.psf.value[:, low:high].sum(axis=1) for low, high in pairwise(edges)], axis=1)
    if len(of_bins) > 1:
        if source_dec is None:
            raise InputError("a response in bands of declination (processor.psf_sindec_bins) needs the declinations of the sources")
        band = np.minimum(((np.sin(source_dec) + 1.0) / 2.0 * len(of_bins)).astype(int), len(of_bins) - 1)
        of_bins = of_bins[band]
    totals = of_bins.sum(axis=(1, 2), keepdims=True)
    if not (totals > 0.0).all():
        raise InputError("a source's band of declination holds no simulated signal in the window; take fewer processor.psf_sindec_bins")
    shares = of_bins / totals
    isotropic = shares.sum(axis=2, keepdims=True) / (4.0 * math.pi)
    return np.asarray((1.0 - floor) * shares / ring_sr(psi_edges_rad) + floor * isotropic)


def background(counts: Array, edges: NDArray[np.intp], rows: int) -> Array:
    """Probability of rows of the sky (energies, rows), smooth and positive; sums to 1.

    In every energy bin the density in sin dec is exp(sum of Legendre polynomials) of the highest Poisson likelihood for the counts.
    """
    of_bins = np.stack([counts[:, low:high].sum(axis=1) for low, high in pairwise(edges)])
    smooth = np.stack([_smoothed(one, rows) * one.sum() for one in of_bins])
    return np.asarray(smooth / smooth.sum())


def _smoothed(counts: Array, rows: int) -> Array:
    """Shape in ``rows`` bins of sin dec of the counts in their bins; flat where there are too few."""
    centres, wanted = (2.0 * (np.arange(number) + 0.5) / number - 1.0 for number in (len(counts), rows))
    degree = min(DEGREE, int(counts.sum()) // 20)
    basis = np.stack([eval_legendre(order, centres) for order in range(degree + 1)])
    theta = np.zeros(degree + 1)
    theta[0] = math.log(max(counts.mean(), 1e-12))
    for _ in range(STEPS):
        expected = np.exp(theta @ basis)
        step = np.linalg.solve((basis * expected) @ basis.T, basis @ (counts - expected))
        theta = theta + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-10:
            break
    shape = np.exp(theta @ np.stack([eval_legendre(order, wanted) for order in range(degree + 1)]))
    return np.asarray(shape / shape.sum())


def background_around_sources(sample: Sample, source_dec: Array, share: Array) -> Array:
    """Scrambled data by energy and angle to the sources (energies, psi bins), the sources averaged with their shares; nothing is drawn.

    Within a bin of sin dec the events are taken to be spread evenly.
    """
    bins = len(sample.counts)
    sindec = 2.0 * (np.arange(bins * POINTS) + 0.5) / (bins * POINTS) - 1.0
    below = scrambled_cdf(sample.psi_edges_rad[:, None, None], np.arcsin(sindec), source_dec[:, None])
    of_points = np.einsum("pjd,j->dp", np.diff(below, axis=0), share)
    return np.asarray(sample.counts.T @ of_points.reshape(bins, POINTS, -1).mean(axis=1))
