"""Every source alone, for information: the fits to one sky share its events and are not combined from these numbers."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from fits.dark_matter.acceptance import Conversion
from fits.dark_matter.case import Case, Shared
from fits.dark_matter.limits import profile_limit
from fits.dark_matter.sky import Densities, Grid, RatioBins, ratio_bins
from fits.dark_matter.stack_fit import fit
from fits.intervals import half_chi2_p_value
from records.dark_matter import SourceResult


def source_results(case: Case, shared: Shared) -> list[SourceResult]:
    """Asymptotic sensitivity of each source, and its fit and profile limit where the data may be looked at."""
    return [_alone(case, shared, number) for number in range(len(shared.sources))]


def _alone(case: Case, shared: Shared, number: int) -> SourceResult:
    found, cl = case.acceptance, shared.options.statistics.cl
    bins = _bins(case, shared, number)
    share = float(found.share[number])
    scale = share if case.conversion.decay else 1.0 / share
    value = Conversion(case.conversion.per_event * scale, case.conversion.decay)
    n_hat = ts = p = up = math.nan
    if not shared.sample.blind:
        counts = bins.counts(case.row, shared.sample.sky.ra[case.event])
        best = fit(counts, bins.ratio)
        n_hat, ts, p = best.n_hat, best.ts, half_chi2_p_value(best.ts)
        up = value(profile_limit(counts, bins.ratio, cl))
    sensitivity = value(float(ndtri(cl)) * bins.sigma_n)
    return SourceResult(
        name=shared.sources[number].name, share=share, acceptance_cm2=float(found.area_cm2[number]),
        acceptance_error=float(found.relative_error[number]), sigma_n=bins.sigma_n, sensitivity=sensitivity, n_hat=n_hat, ts=ts,
        p_asymptotic=p, up=up,
    )  # fmt: skip


def _bins(case: Case, shared: Shared, number: int) -> RatioBins:
    """The sky with this source alone."""
    psf = case.densities.psf_per_sr
    one = Densities(np.ones(1), psf[number : number + 1] if len(psf) > 1 else psf, case.densities.background, case.densities.n_events)
    likelihood = shared.options.likelihood
    cells = Grid(shared.cells.shape, shared.cells.psi_bin[number : number + 1])
    return ratio_bins(cells, one, bins=likelihood.ratio_bins, max_loss=likelihood.max_info_loss, background=likelihood.background)
