"""The spectrum fit in zfit gives the numbers of our own engine."""

from __future__ import annotations

import subprocess
import sys

import pytest
from spe_case import spectra

from fits.spe_fit import fit_spe

TRUTH = {"gamma": (2.1, 0.4), "gauss": (2.1, 0.3), "bellamy": (2.1, 0.3, 0.15, 1.2), "dossi": (0.15, 0.5, 2.2, 0.7)}


@pytest.mark.slow
@pytest.mark.zfit
@pytest.mark.parametrize("model", TRUTH)
def test_same_numbers(model: str) -> None:
    both = spectra(model, TRUTH[model], seed=3)
    ours, theirs = (fit_spe(*both, model, frontend=frontend, minos=["mu"]) for frontend in ("iminuit", "zfit"))
    assert theirs.valid, theirs.reason
    assert theirs.engine == "zfit"
    assert theirs.nll == pytest.approx(ours.nll, abs=1e-4)
    assert abs(theirs.gain - ours.gain) < 0.01 * ours.gain_error
    assert theirs.gain_error == pytest.approx(ours.gain_error, rel=5e-3)
    for name, one in ours.parameters.items():
        other = theirs.parameters[name]
        assert abs(other.value - one.value) < 0.01 * one.error
        assert other.error == pytest.approx(one.error, rel=1e-2)
    assert theirs.parameters["mu"].minos == pytest.approx(ours.parameters["mu"].minos, rel=1e-2)
    assert theirs.goodness.chi2 == pytest.approx(ours.goodness.chi2, rel=1e-3)


@pytest.mark.slow
@pytest.mark.zfit
def test_vanished_share() -> None:
    """zfit calls a parameter at its limit a failure; the share is then held at zero as in our own fit."""
    both = spectra("gamma", TRUTH["gamma"], seed=0)
    ours, theirs = (fit_spe(*both, "bellamy", frontend=frontend) for frontend in ("iminuit", "zfit"))
    assert ours.parameters["w"].at_bound
    assert theirs.valid, theirs.reason
    assert theirs.parameters["w"].at_bound
    assert abs(theirs.gain - ours.gain) < 0.01 * ours.gain_error


def test_native_fit_imports_no_zfit() -> None:
    code = "import sys, fits.spe_fit, fits.saldanha, fits.photostatistics; sys.exit(any(name in sys.modules for name in ('zfit', 'tensorflow')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
