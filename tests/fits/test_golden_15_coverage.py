"""G15: toys of the surrogate fit at the published point; all valid, no bias of the index, its spread, coverage of its MINOS interval."""

from __future__ import annotations

import numpy as np
import pytest
from surrogate_case import likelihood

from fits.toys import ToyStudy, run_toys, summarise

TRUTH = {"atmos_norm": 1.0, "astro_norm": 6.365, "astro_gamma": 2.874}


def test_golden_15_coverage_of_a_thousand_toys() -> None:
    study = ToyStudy(likelihood(), TRUTH, 20201, minos=("astro_gamma",))
    found = summarise(study, run_toys(study, 1000))
    assert (found.n_requested, found.n_valid, found.n_failed) == (1000, 1000, 0)
    gamma = np.array(found.values["astro_gamma"])
    assert abs(gamma.mean() - TRUTH["astro_gamma"]) < 0.05
    assert 0.18 < gamma.std() < 0.26
    assert found.coverage_68["astro_gamma"] == pytest.approx(0.68, abs=0.05)
    assert min(min(found.values[name]) for name in ("astro_norm", "atmos_norm")) >= 0.0
