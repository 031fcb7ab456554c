"""Sources, stacked signal and data on the sky."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from physics.galactic import SAGITTARIUS_A, equatorial
from physics.sphere import angle, ring_sr
from plotting.canvas import Array
from plotting.dark_matter_view import CombinationView
from plotting.drawn import DrawnFigure
from plotting.mollweide import HEIGHT_IN, across, line_pieces, sky_page
from plotting.style import BLACK, GREY, VERMILLION

CONTAINED = (0.2, 0.5, 0.8)  # of the signal, inside the contours
SINDEC_BINS, RA_BINS = 18, 36
FINER = 8  # pieces of a cell, so that its sides follow the meridians
JOINED = 3  # bins of the angle to a source
ROWS, COLUMNS = 90, 180  # of the grid that contours are drawn from
NAMED = 6  # sources with the largest J
LARGEST_MARK, SMALLEST_MARK = 260.0, 8.0  # area of a source's mark in points squared


def sky(view: CombinationView) -> dict[str, partial[DrawnFigure]]:
    """The figure of one channel and mass."""
    return {view.named("sky"): partial(_sky, view)}


def data_density_per_sr(view: CombinationView) -> Array:
    """Data events of the window in cells of equal solid angle (sin dec, right ascension) per sr."""
    low, high = view.result.window_gev
    counts = np.zeros((SINDEC_BINS, RA_BINS))
    for name in view.fit.run.of_kind("data"):
        events = view.fit.run.tables[name]["events"]
        kept = events.select((events["energy_gev"] >= low) & (events["energy_gev"] < high))
        counts += np.histogram2d(kept["sindec"], kept["ra"], bins=(SINDEC_BINS, RA_BINS), range=((-1.0, 1.0), (0.0, 2.0 * math.pi)))[0]
    return counts * SINDEC_BINS * RA_BINS / (4.0 * math.pi)


def smooth_stack(view: CombinationView) -> Array:
    """Expected signal per sr on a grid (rows in sin dec, columns in right ascension): densities interpolated between bins of the angle, a few
    of which are joined, as thin bins hold few simulated events.
    """
    edges, psf = joined(view.arrays["psi_edges_rad"], view.arrays["signal_per_sr"].sum(axis=1))
    centres = np.concatenate([edges[:1], 0.5 * (edges[1:] + edges[:-1]), edges[-1:]])
    sindec, ra = (np.arange(ROWS) + 0.5) * 2.0 / ROWS - 1.0, (np.arange(COLUMNS) + 0.5) * 2.0 * math.pi / COLUMNS
    total = np.zeros((ROWS, COLUMNS))
    for number, share in enumerate(view.arrays["source_share"]):
        psi = angle(view.arrays["source_ra_rad"][number], view.arrays["source_dec_rad"][number], ra, np.arcsin(sindec)[:, None])
        heights = np.log(psf[number if len(psf) > 1 else 0])
        total += share * np.exp(np.interp(psi, centres, np.concatenate([heights[:1], heights, heights[-1:]])))
    return total * total.size / (4.0 * math.pi * total.sum())


def joined(psi_edges_rad: Array, per_sr: Array) -> tuple[Array, Array]:
    """Edges and densities (sources, psi) in bins that are three of the given ones."""
    first = np.arange(0, len(psi_edges_rad) - 1, JOINED)
    ring = ring_sr(psi_edges_rad)
    return np.append(psi_edges_rad[:-1][first], psi_edges_rad[-1]), np.add.reduceat(per_sr * ring, first, axis=1) / np.add.reduceat(ring, first)


def contour_levels(density: Array, contained: tuple[float, ...] = CONTAINED) -> list[float]:
    """Densities above which the given shares of the whole lie (cells of equal solid angle), rising.

    >>> contour_levels(np.array([[4.0, 3.0], [2.0, 1.0]]), (0.4, 0.9))
    [2.0, 4.0]
    """
    ordered = np.sort(density.ravel())[::-1]
    share = np.cumsum(ordered) / ordered.sum()
    return sorted(float(ordered[np.searchsorted(share, one)]) for one in contained)


def _sky(view: CombinationView) -> DrawnFigure:
    density = data_density_per_sr(view)
    stack = smooth_stack(view)
    levels = contour_levels(stack)
    names = [str(one) for one in view.arrays["source_name"]]
    ra, dec, j = (view.arrays[f"source_{key}"] for key in ("ra_rad", "dec_rad", "log10_j"))
    with view.style.context():
        figure, axes = sky_page(view.style, view.caption(of_data=True))
        x = across(np.linspace(0.0, 2.0 * math.pi, RA_BINS + 1))
        y = np.arcsin(np.linspace(-1.0, 1.0, FINER * SINDEC_BINS + 1))
        mesh = axes.pcolormesh(
            x, y, np.repeat(density, FINER, axis=0), cmap="Blues", vmin=0.0, vmax=1.3 * density.max(), rasterized=True, alpha=0.75, gid="data"
        )
        _contours(axes, stack, levels)
        _galaxy(axes)
        area = np.clip(LARGEST_MARK * 10.0 ** (0.5 * (j - j.max())), SMALLEST_MARK, None)
        axes.scatter(
            across(ra), dec, s=area, facecolor="#F0E442", edgecolor=BLACK, linewidth=1.0, zorder=5,
            label=f"Dwarf galaxies, area by √{view.fit.factor}", gid="sources",
        )  # fmt: skip
        _names(axes, names, across(ra), dec, j)
        width, height = figure.get_size_inches()
        foot = height - HEIGHT_IN
        bar = figure.add_axes((6.4 / width, (foot + 0.72) / height, 3.8 / width, 0.2 / height))
        figure.colorbar(mesh, cax=bar, orientation="horizontal")
        bar.set_xlabel("Data events in the window per sr", fontsize=14, loc="center")
        bar.tick_params(labelsize=12)
        axes.legend(loc="upper left", bbox_to_anchor=(0.3 / width, (foot + 1.4) / height), bbox_transform=figure.transFigure, fontsize=13)
    numbers = {
        "sources": names, "ra_rad": ra, "dec_rad": dec, "log10_j": j, "share": view.arrays["source_share"],
        "data_per_sr": density, "sindec_edges": np.linspace(-1.0, 1.0, SINDEC_BINS + 1), "ra_edges_rad": np.linspace(0.0, 2.0 * math.pi, RA_BINS + 1),
        "signal_contours_per_sr": {f"{share:g}": level for share, level in zip(CONTAINED, levels[::-1], strict=True)}, "blind": view.fit.run.blind,
    }  # fmt: skip
    return DrawnFigure(figure, numbers)


def _contours(axes: Axes, stack: Array, levels: list[float]) -> None:
    rows, columns = stack.shape
    ra = (np.arange(-1, columns + 1) + 0.5) * 2.0 * math.pi / columns
    dec = np.arcsin((np.arange(rows) + 0.5) * 2.0 / rows - 1.0)
    around = np.concatenate([stack[:, -1:], stack, stack[:, :1]], axis=1)
    x = np.clip(across(ra), -math.pi, math.pi)
    axes.contour(x, dec, around, levels=levels, colors=VERMILLION, linewidths=(1.0, 1.6, 2.2), linestyles=(":", "--", "-"))
    for share, style, width in zip(CONTAINED, ("-", "--", ":"), (2.2, 1.6, 1.0), strict=True):
        axes.plot([], [], color=VERMILLION, linestyle=style, linewidth=width, label=f"{100 * share:.0f} % of the expected signal")


def _galaxy(axes: Axes) -> None:
    longitude = np.linspace(0.0, 2.0 * math.pi, 721)
    for number, (x, y) in enumerate(line_pieces(*equatorial(longitude, np.zeros(721)))):
        axes.plot(x, y, color=GREY, linewidth=1.6, zorder=3, label="Galactic plane, Sgr A*" if number == 0 else None, gid="plane")
    axes.plot(across(np.array([SAGITTARIUS_A[0]])), [SAGITTARIUS_A[1]], marker="P", markersize=9, color=GREY, markeredgecolor=BLACK, linestyle="none",
              zorder=4, gid="Sgr A*")  # fmt: skip


def _names(axes: Axes, names: list[str], x: Array, y: Array, j: Array) -> None:
    """Names of the brightest sources, to the left or right of their marks, away from the nearest other named one."""
    chosen = np.argsort(-j)[:NAMED]
    for one in chosen:
        others = [other for other in chosen if other != one]
        near = min(others, key=lambda other: math.hypot((x[one] - x[other]) * math.cos(y[one]), y[one] - y[other]))
        right = x[one] >= x[near]
        axes.annotate(names[one], (x[one], y[one]), xytext=(11 if right else -11, 0), textcoords="offset points", ha="left" if right else "right",
                      va="center", fontsize=12, zorder=6, path_effects=[withStroke(linewidth=2.5, foreground="white")])  # fmt: skip
