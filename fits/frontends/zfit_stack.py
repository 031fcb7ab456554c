"""The stacking likelihood of one combination in zfit: an extended binned pdf with a free background and a number of signal events.

The expectation is ``bkg`` N b + n (s - s_scr), or ``bkg`` N b + n s for a known background; n_hat and TS are those of ``fits.dark_matter.stack_fit``.
zfit is imported when a function is called (some 17 s).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError
from fits.dark_matter.sky import RatioBins
from fits.dark_matter.stack_fit import StackFit, largest_share
from fits.frontends.zfit import TOLERANCE, import_zfit, quiet

Array = NDArray[np.float64]
BACKGROUND_BOUNDS = (0.5, 1.5)


@quiet
def binned_loss(bins: RatioBins, counts: ArrayLike) -> tuple[Any, Any]:
    """The loss of ``counts`` (K,) and the parameter n. Raises ``InputError`` for other than K counts."""
    observed = np.asarray(counts, dtype=np.float64)
    if observed.shape != bins.background.shape:
        raise InputError(f"{observed.size} counts for {len(bins.background)} bins of the likelihood ratio; give one for each bin")
    zfit = import_zfit()
    top = bins.n_events * (1.0 if bins.known else BACKGROUND_BOUNDS[0] * float(largest_share(bins.ratio)))
    number = zfit.Parameter("n", 0.5 * bins.sigma_n, 0.0, top, stepsize=0.1 * bins.sigma_n)
    scale = zfit.Parameter("bkg", 1.0, *BACKGROUND_BOUNDS, stepsize=0.01)
    background = bins.n_events * bins.background
    excess = bins.signal - (0.0 if bins.known else bins.scrambled)
    space = zfit.Space("bin", binning=zfit.binned.RegularBinning(len(observed), 0, float(len(observed)), name="bin"))
    pdf = _pdf(zfit, {"n": number, "bkg": scale}, background, excess, space)
    return zfit.loss.ExtendedBinnedNLL(pdf, zfit.data.BinnedData.from_tensor(space, values=observed)), number


@quiet
def fit(bins: RatioBins, counts: ArrayLike) -> StackFit:
    """Fitted number of signal events and TS of n = 0 by zfit with Minuit. Raises ``InputError`` when a fit fails."""
    loss, number = binned_loss(bins, counts)
    zfit = import_zfit()
    minimizer = zfit.minimize.Minuit(tol=TOLERANCE, gradient="zfit")
    best = _converged(minimizer.minimize(loss))
    fitted = float(best.params[number]["value"])
    number.set_value(0.0)
    number.floating = False
    without = _converged(minimizer.minimize(loss))
    return StackFit(fitted, max(0.0, 2.0 * float(without.fmin - best.fmin)))


def _converged(result: Any) -> Any:
    if not (result.converged and (result.valid or result.params_at_limit)):  # n at 0 is a good fit
        raise InputError(f"zfit: {result.message or 'no convergence'}; use the native fit")
    return result


def _pdf(zfit: Any, parameters: dict[str, Any], background: Array, excess: Array, space: Any) -> Any:
    znp = zfit.z.numpy

    def expected(bkg: Any, n: Any) -> Any:
        return bkg * background + n * excess

    class Stack(zfit.pdf.BaseBinnedPDF):
        """Counts in every bin of r."""

        def _counts(self, x: Any, norm: Any = None) -> Any:
            return expected(self.params["bkg"].value(), self.params["n"].value())

        def _rel_counts(self, x: Any, norm: Any = None) -> Any:
            counts = self._counts(x)
            return counts / znp.sum(counts)

    total = zfit.ComposedParameter("total", lambda params: znp.sum(expected(params["bkg"], params["n"])), params=parameters)
    return Stack(obs=space, extended=total, params=parameters, name="stack")
