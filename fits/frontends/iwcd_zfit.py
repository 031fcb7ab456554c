"""The composition of a sample in zfit: a sum of extended histogram pdfs with exact templates (no factors of bins, no systematics)."""

from __future__ import annotations

import numpy as np

from fits.composition import LARGEST, Composition
from fits.frontends.outcome import failed, minimum_of
from fits.frontends.zfit import TOLERANCE, import_zfit, quiet
from fits.minimise import Minimum


@quiet
def minimise(likelihood: Composition) -> Minimum:
    """Fit the groups with zfit; the result's ``nll`` is our likelihood with exact templates."""
    zfit = import_zfit()
    exact = Composition(likelihood.binned, template_errors=False)
    data = exact.binned
    space = zfit.Space("bin", binning=zfit.binned.RegularBinning(len(data.counts), 0, float(len(data.counts)), name="bin"))
    own = [zfit.Parameter(f"events_{name}", data.unit, 0.0, LARGEST * data.unit, stepsize=0.1 * data.unit) for name in data.groups]
    pdfs = [
        zfit.pdf.HistogramPDF(zfit.data.BinnedData.from_tensor(space, values=data.unit * shape), extended=parameter)
        for shape, parameter in zip(data.shapes, own, strict=True)
    ]
    total = zfit.pdf.BinnedSumPDF(pdfs, obs=space) if len(pdfs) > 1 else pdfs[0]
    loss = zfit.loss.ExtendedBinnedNLL(total, zfit.data.BinnedData.from_tensor(space, values=data.counts))
    result = zfit.minimize.Minuit(tol=TOLERANCE, gradient="zfit").minimize(loss)
    if not (result.valid and result.converged):
        return failed(exact, f"zfit: {result.message or 'no convergence'}")
    theta = np.array([float(result.params[parameter]["value"]) for parameter in own]) / data.unit
    covariance = np.asarray(result.covariance(params=own, method="hesse_np"), float) / data.unit**2
    return minimum_of(exact, theta, covariance, {}, valid=True, edm=float(result.edm))
