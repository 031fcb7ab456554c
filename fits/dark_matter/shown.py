"""Arrays of one combination that figures show; nothing in them tells more of the data's right ascensions than the tables do."""

from __future__ import annotations

from typing import Any

import numpy as np

from fits.dark_matter.case import Case, Shared, window_merits
from fits.dark_matter.densities import background_around_sources
from fits.dark_matter.sky import stacked
from fits.dark_matter.source_arrays import directions, errors_dex

PDFS = "pdfs.h5"  # the file of these arrays, one group for each result


def arrays(case: Case, shared: Shared) -> dict[str, Any]:
    """By name: spectra (dN/dlog10 x of one type at the ends of intervals), densities, the stack on the sky, bins of r, windows, sources.

    ``signal_per_sr`` (J or 1, energies, psi), ``background_psi`` (psi): share of scrambled events in the window by angle to a source, sources
    averaged; ``signal_psi`` likewise; ``stack`` (rows, columns) and ``scrambled_stack`` (rows): probability of cells of equal solid angle, energies
    summed; ``background_rows`` (rows); ``merit`` (low, high) in GeV, NaN where no window is.
    """
    window, sources = case.window, shared.sources
    ra, dec = directions(sources)
    plus, minus = errors_dex(sources)
    stack, scrambled = stacked(shared.cells, case.densities)
    around = background_around_sources(shared.sample, dec, case.acceptance.share)[window.bins].sum(axis=0)
    of_signal = case.folded.psf.value[:, window.bins].sum(axis=(0, 1))
    return {
        "log10_x": case.source_spectrum.log10_x,
        "source_left": case.source_spectrum.left, "source_right": case.source_spectrum.right,
        "earth_left": case.earth_spectrum.left, "earth_right": case.earth_spectrum.right,
        "psi_edges_rad": shared.sample.psi_edges_rad, "energy_edges_gev": case.energy_edges,
        "signal_per_sr": case.densities.psf_per_sr, "signal_psi": of_signal / of_signal.sum(), "background_psi": around / around.sum(),
        "stack": stack.sum(axis=0).astype(np.float32), "scrambled_stack": scrambled.sum(axis=0)[:, 0],
        "background_rows": case.densities.background.sum(axis=0),
        "ratio_edges": case.bins.edges, "ratio": case.bins.ratio, "ratio_background": case.bins.background, "ratio_signal": case.bins.signal,
        "ratio_scrambled": case.bins.scrambled, "ratio_counts": case.counts,
        "merit": window_merits(shared, case.folded).astype(np.float32),
        "source_name": np.array([source.name for source in sources]), "source_ra_rad": ra, "source_dec_rad": dec,
        "source_log10_j": np.array([source.j.log10 for source in sources]), "source_plus": plus, "source_minus": minus,
        "source_area_cm2": case.acceptance.area_cm2, "source_area_error": case.acceptance.relative_error, "source_share": case.acceptance.share,
    }  # fmt: skip
