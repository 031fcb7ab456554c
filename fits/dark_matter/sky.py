"""The sky cut into cells, and the cells gathered in bins of r: an exact multinomial likelihood of a few dozen counts.

Background is uniform in right ascension, b(sin dec, E); the signal s is the stack of the sources' densities. A background measured by scrambling the
data's right ascensions holds the scrambled signal s_scr too, b_hat = (1 - f) b + f s_scr with f the share of signal, so that
    p = b_hat + f (s - s_scr),   r = (s - s_scr) / b_hat;   for a background known beforehand   p = b + f (s - b),   r = s / b - 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError
from fits.dark_matter.trials import Sky
from physics.sphere import angle

Array = NDArray[np.float64]
Background = Literal["scrambled", "mc"]

MAX_BINS = 512  # of r; more do not help
FINE_BINS = 4000  # of asinh r, from which the edges of the bins are taken


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells of equal solid angle, rows in sin dec from -1, columns in right ascension from 0, with the bin of psi of every cell for every source."""

    shape: tuple[int, int]
    psi_bin: NDArray[np.int16]  # (sources, rows, columns)


def grid(source_ra: ArrayLike, source_dec: ArrayLike, psi_edges: ArrayLike, shape: tuple[int, int]) -> Grid:
    """Angles of all cell centres to all sources, in bins of ``psi_edges`` (rad, 0 to pi); the same for every channel and mass."""
    rows, columns = shape
    dec = np.arcsin((np.arange(rows) + 0.5) * 2.0 / rows - 1.0)
    ra = (np.arange(columns) + 0.5) * 2.0 * math.pi / columns
    psi = angle(np.asarray(source_ra)[:, None, None], np.asarray(source_dec)[:, None, None], ra, dec[:, None])
    edges = np.asarray(psi_edges, dtype=np.float64)
    return Grid(shape, np.clip(np.searchsorted(edges, psi, side="right") - 1, 0, len(edges) - 2).astype(np.int16))


@dataclass(frozen=True, eq=False)
class Densities:
    """What the sky of one combination is made of: weights (J,) of the sources, densities of psi and of sin dec, in energy bins.

    ``psf_per_sr`` (J or 1, energies, psi bins): of the signal; ``background`` (energies, rows): probability of a row of cells. Each sums to 1 over
    the sky and the energies.
    """

    weight: Array
    psf_per_sr: Array
    background: Array
    n_events: int


@dataclass(frozen=True, eq=False)
class RatioBins:
    """K bins of r with their probabilities; ``cell_bin`` (energies, rows, columns) says in which of them an event falls."""

    edges: Array  # (K - 1,) inner edges in r
    background: Array  # (K,) b: what background events follow
    signal: Array  # (K,)
    scrambled: Array  # (K,) s_scr
    by_source: Array  # (J, K)
    ratio: Array  # (K,)
    n_events: int
    information: float  # sum b r^2 over the cells
    information_loss: float  # share lost by the bins
    cell_bin: NDArray[np.int16]
    known: bool = False  # background, apart from the data
    scrambled_by_source: Array = field(default_factory=lambda: np.zeros((0, 0)))  # (J, K)

    @property
    def rows(self) -> NDArray[np.int16]:
        """Bins of r of the cells (rows of all energy bins, columns)."""
        return self.cell_bin.reshape(-1, self.cell_bin.shape[-1])

    def counts(self, row: NDArray[np.int64], ra: Array) -> Array:
        """Numbers (K,) of events in the bins of r, from their rows (as ``rows``) and right ascensions in rad."""
        columns = self.rows.shape[1]
        column = np.clip((ra / (2.0 * math.pi) * columns).astype(int), 0, columns - 1)
        return np.bincount(self.rows[row, column], minlength=len(self.ratio)).astype(np.float64)

    @property
    def sigma_n(self) -> float:
        """Standard deviation of the fitted number on background: sqrt(N / I)."""
        return math.sqrt(self.n_events / self.information)

    def sky(self) -> Sky:
        """What pseudo-experiments are drawn from and fitted with."""
        return Sky(self.background, self.signal, self.ratio, self.n_events)

    def with_signal(self, events: float) -> Sky:
        """The same with r as measured where ``events`` signal events are among the data and so in a scrambled background.

        The cells stay in their bins, so that p = b_hat + f (s - s_scr) holds exactly; bins made anew would hold a little more information.
        """
        if self.known:
            return self.sky()
        share = events / self.n_events
        measured = (1.0 - share) * self.background + share * self.scrambled
        return Sky(self.background, self.signal, (self.signal - self.scrambled) / measured, self.n_events)

    def with_uncertain_signal(self, weight: Array, plus: Array, minus: Array) -> Sky:
        """The same for trials that draw the strength of the signal: each measures r with what it drew.

        ``weight``, ``plus``, ``minus`` (J,): of sources whose log10 J vary one by one; empty ones where they do not.
        """
        excess, scrambled = (np.zeros(0), np.zeros(0)) if self.known else (self.signal - self.scrambled, self.scrambled)
        by_source = self.by_source if len(weight) else np.zeros((0, 0))
        return Sky(self.background, self.signal, self.ratio, self.n_events, by_source, weight, plus, minus, excess, scrambled)


def ratio_bins(
    cells: Grid, densities: Densities, *, bins: int = 64, max_loss: float = 0.005, background: Background = "scrambled", injected: float = 0.0
) -> RatioBins:
    """Gather the cells in ``bins`` bins of r, or twice as many, and so on, until less than ``max_loss`` of the information is lost.

    ``injected`` signal events among N are in a scrambled background, as the analyser would measure it. Raises ``InputError`` where the background
    is not positive and when more than 512 bins were needed.
    """
    _check(densities)
    stack, scrambled = stacked(cells, densities)
    true_background = np.broadcast_to(_background(cells, densities), stack.shape)
    share = injected / densities.n_events
    measured = true_background if background == "mc" else (1.0 - share) * true_background + share * scrambled
    excess = stack - (true_background if background == "mc" else scrambled)
    ratio = excess / measured
    information = float((measured * ratio**2).sum())
    while True:
        cell_bin, edges = _binned(ratio, measured, bins)
        of_bin = _Sums(cell_bin, len(edges) + 1)
        measured_in = of_bin(measured)
        binned_ratio = np.divide(of_bin(excess), measured_in, out=np.zeros(len(edges) + 1), where=measured_in > 0.0)
        loss = 1.0 - float((measured_in * binned_ratio**2).sum()) / information if information > 0.0 else 0.0
        if loss <= max_loss:
            break
        if bins >= MAX_BINS:
            raise InputError(f"{bins} bins of the likelihood ratio lose {loss:.2%} of the information, more than max_info_loss = {max_loss:.2%}")
        bins *= 2
    each = [(of_bin(one), of_bin(np.broadcast_to(one.mean(axis=2, keepdims=True), one.shape))) for one in _sources(cells, densities)]
    by_source, scrambled_by_source = (np.stack(one) for one in zip(*each, strict=True))
    return RatioBins(
        edges, of_bin(true_background), densities.weight @ by_source, of_bin(np.broadcast_to(scrambled, stack.shape)), by_source, binned_ratio,
        densities.n_events, information, loss, cell_bin, background == "mc", scrambled_by_source,
    )  # fmt: skip


@dataclass(frozen=True)
class _Sums:
    """Sums over the cells of every bin."""

    cell_bin: NDArray[np.int16]
    bins: int

    def __call__(self, values: Array) -> Array:
        return np.bincount(self.cell_bin.ravel(), values.ravel(), minlength=self.bins).astype(np.float64)


def _check(densities: Densities) -> None:
    if not (densities.background > 0.0).all():
        energy, row = (int(index[0]) for index in np.nonzero(~(densities.background > 0.0)))
        sin_dec = 2.0 * (row + 0.5) / densities.background.shape[1] - 1.0
        raise InputError(
            f"the background density is not positive at sin dec {sin_dec:.3f} (energy bin {energy}); smooth it more, or widen the window"
        )


def _background(cells: Grid, densities: Densities) -> Array:
    """Probability of cells, (energies, rows, 1)."""
    return np.asarray((densities.background / densities.background.sum() / cells.shape[1])[:, :, None])


def _sources(cells: Grid, densities: Densities) -> Iterator[Array]:
    """Probability of cells for the signal of one source after the other, (energies, rows, columns); sums to 1."""
    each_its_own = len(densities.psf_per_sr) > 1
    for number, psi_bin in enumerate(cells.psi_bin):
        density = densities.psf_per_sr[number if each_its_own else 0][:, psi_bin]
        yield density / density.sum()


def stacked(cells: Grid, densities: Densities) -> tuple[Array, Array]:
    """Signal of all sources, and the same averaged over right ascension (energies, rows, 1)."""
    total = np.zeros((densities.background.shape[0], *cells.shape))
    for weight, one in zip(densities.weight, _sources(cells, densities), strict=True):
        total += weight * one
    return total, total.mean(axis=2, keepdims=True)


def _binned(ratio: Array, probability: Array, bins: int) -> tuple[NDArray[np.int16], Array]:
    """The bin of every cell and the inner edges: the density of edges goes as the cube root of the density of r, the least loss for many bins.

    (Panter and Dite, Proc. IRE 39 (1951) 44.) The density is that of a fine histogram in asinh r.
    """
    x = np.arcsinh(ratio)
    content, fine = np.histogram(x, FINE_BINS, weights=np.broadcast_to(probability, ratio.shape))
    centres = 0.5 * (fine[1:] + fine[:-1])
    cumulated = np.concatenate([[0.0], np.cumsum(np.cbrt(content * np.cosh(centres) ** 2))])
    edges = np.unique(np.interp(np.arange(1, bins) / bins * cumulated[-1], cumulated, fine))
    cell_bin = np.searchsorted(edges, x, side="right")
    filled = np.unique(cell_bin)
    return np.searchsorted(filled, cell_bin).astype(np.int16), np.sinh(edges[filled[1:] - 1])
