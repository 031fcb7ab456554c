"""The stacking likelihood in zfit: number and test statistic are those of the native fit."""

from __future__ import annotations

import numpy as np
import pytest
from dark_matter_case import stacked

from configs.errors import InputError
from fits.dark_matter import stack_fit
from fits.frontends import zfit_stack


@pytest.mark.zfit
@pytest.mark.slow
@pytest.mark.parametrize("background", ["scrambled", "mc"])
@pytest.mark.parametrize(("sigmas", "seed"), [(0.0, 1), (3.0, 2)])
def test_number_and_test_statistic_are_ours(background: str, sigmas: float, seed: int) -> None:
    bins = stacked(background=background)
    share = sigmas * bins.sigma_n / bins.n_events
    counts = np.random.default_rng(seed).multinomial(bins.n_events, (1.0 - share) * bins.background + share * bins.signal)
    ours, theirs = stack_fit.fit(counts, bins.ratio), zfit_stack.fit(bins, counts)
    assert theirs.ts == pytest.approx(ours.ts, abs=1e-4)
    assert theirs.n_hat == pytest.approx(ours.n_hat, rel=1e-3, abs=5e-3 * bins.sigma_n)


def test_counts_of_every_bin() -> None:
    """Refused before zfit is imported, which takes longer than all other tests of this file."""
    with pytest.raises(InputError, match=r"2 counts for \d+ bins of the likelihood ratio; give one for each"):
        zfit_stack.fit(stacked(), [1.0, 2.0])
