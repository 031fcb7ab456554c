"""The batched pulse fit: numbers of the specification, minima, errors, statuses, and SciPy as an independent program."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pulse_cases import DT_NS, GOLDEN, GOLDEN_WINDOW_NS, T0_NS

from configs.pmt_gain import PulseFit
from processors.pulse_fit import PulseFits, fit_pulses

# P (V ns), c (ns), beta (1/ns), eta, tau_r, tau_f (ns), charge (pC), chi2; errors of P, c, beta, eta (specification, chapter 8)
NUMBERS = {
    "G1": ((0.1624975, 47.310241, 0.729434, 0.342207, 0.864946, 3.303318, 3.249949, 306.78760), (0.00155, 0.0182, 0.0276, 0.0293)),
    "G2": ((0.0308177, 46.868539, 0.751812, 0.388508, 0.819391, 3.531021, 0.616355, 307.34688), (0.00053, 0.0278, 0.0491, 0.0474)),
    "G3": ((0.5028965, 48.031768, 0.509463, 0.025053, 1.694624, 2.331960, 10.057930, 304.83636), (0.00152, 0.0063, 0.0050, 0.0120)),
}
TOLERANCES = (1e-5, 1e-5, 1e-4, 1e-4, 1e-4, 1e-4, 1e-5, 1e-6)


def golden(name: str, **options: Any) -> PulseFits:
    waveform = GOLDEN[name].waveform_v()
    noise = GOLDEN[name].noise_mv * 1e-3
    return fit_pulses(waveform, T0_NS, DT_NS, waveform[:, :200].mean(axis=1), noise, GOLDEN_WINDOW_NS, PulseFit(**options))


@pytest.mark.parametrize("starts", [[0.0, -1.0], [0.0, -1.0, -2.0], "dense"])
@pytest.mark.parametrize("name", ["G1", "G2", "G3"])
def test_golden_fits(name: str, starts: list[float] | str) -> None:
    fit = golden(name, c_starts=starts)
    values, errors = NUMBERS[name]
    found = (fit.area_vns, fit.onset_ns, fit.beta_per_ns, fit.eta, *fit.times_ns, 20 * fit.area_vns, fit.chi2)
    for value, expected, tolerance in zip(found, values, TOLERANCES, strict=True):
        assert value[0] == pytest.approx(expected, rel=tolerance)
    digits = (5, 4, 4, 4)
    assert [round(float(error), places) for error, places in zip(fit.errors[0], digits, strict=True)] == list(errors)
    assert fit.ndf[0] == 302 - 4
    assert fit.valid[0]


def test_golden_equal_times_do_not_run_away() -> None:
    fit = golden("G4")
    assert fit.status[0] == 5
    assert fit.valid[0]
    assert fit.iterations[0] <= 15
    np.testing.assert_allclose([fit.area_vns[0], fit.onset_ns[0], fit.beta_per_ns[0]], [0.5, 48.03, 0.5], rtol=1e-9)
    assert fit.eta[0] < 1e-12
