"""Norm and spectral index from the flux by surface energy, and how a fit to the flux agrees with one to the counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from numpy.typing import ArrayLike

from configs.errors import InputError, nearest
from fits.stopping_muons.chi_square import Measured
from fits.stopping_muons.spectrum_fit import spectrum_fit
from fits.stopping_muons.spectrum_models import PowerLawModel, SpectrumModel, TiltedModel
from fits.stopping_muons.targets import ENERGY
from fits.stopping_muons.theory import PIVOT_GEV, BinNodes, Theory
from records.stopping_muons import SpectrumFit

Form = Literal["tilt", "power_law"]


def energy_fit(
    edges: ArrayLike,
    flux: ArrayLike,
    covariances: Mapping[str, ArrayLike],
    theory: Theory,
    *,
    form: Form = "tilt",
    used: Sequence[bool] | None = None,
    n_eff: float | None = None,
    truth: Mapping[str, float] | None = None,
) -> SpectrumFit:
    """Fit N and dgamma of N Phi(E) (E/TeV)^-dgamma (``tilt``), or Phi0 and gamma of Phi0 (E/TeV)^-gamma (``power_law``).

    ``edges`` (bins + 1,) in GeV; ``flux`` (bins,) in GeV^-1 m^-2 s^-1 sr^-1 with ``covariances`` as for ``range_fit``. The model is integrated over
    each bin. A fit that fails is a result with ``valid`` False. InputError where the theory does not cover the bins.
    """
    nodes = BinNodes.of(edges)
    models: dict[str, SpectrumModel] = {"tilt": TiltedModel(theory, nodes), "power_law": PowerLawModel(nodes, float(theory.at(PIVOT_GEV)))}
    if form not in models:
        raise InputError(f"energy fit: form {form!r} does not exist{nearest(form, models)}")
    return spectrum_fit(models[form], Measured.of(edges, flux, covariances, used), ENERGY.flux_unit, truth=truth, n_eff=n_eff, notes=theory.notes)


def differences(one: SpectrumFit, other: SpectrumFit) -> dict[str, float]:
    """Common parameters: difference over the larger of the two errors. Both fits see the same events, so much below 1 is expected."""
    common = one.parameters.keys() & other.parameters.keys()
    pairs = {name: (one.parameters[name], other.parameters[name]) for name in sorted(common)}
    return {name: (first.value - second.value) / max(first.error, second.error) for name, (first, second) in pairs.items()}
