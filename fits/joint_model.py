"""One flux seen by several samples: the models of all of them side by side, as one model of all their bins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from configs.errors import InputError, nearest
from fits.bins import Bin
from fits.model import Model
from fits.official_model import OfficialModel
from fits.parameters import FitParameter
from physics.spectra import Shape

Array = NDArray[np.float64]
OneModel = Model | OfficialModel

PROBE = 0.05  # spectra are compared where every parameter is so much, a different multiple for each, above its start
SAME_SHAPE = 1.0e-9  # relative difference of the flux between spectra that are the same


@dataclass(frozen=True)
class JointBins:
    """The bins of all samples; the sample's name stands before the channel's. ``ln_energy``: of the true-energy nodes of any."""

    bins: tuple[Bin, ...]
    ln_energy: Array


class JointModel:
    """Expected counts of several samples (name -> model), bins in their order.

    Parameters: ``astro_norm`` and the spectrum's own, then ``shared`` nuisance parameters, then those of each sample as ``atmos_norm[sample]``.
    ``one_flux=False``: every sample has a flux of its own (``astro_norm[sample]``), the wider model of a test that they agree. Raises InputError for
    fewer than two samples, for spectra that differ, and for a shared parameter that a sample does not have.
    """

    def __init__(self, models: Mapping[str, OneModel], shared: Sequence[str] = (), *, one_flux: bool = True) -> None:
        self.models = dict(models)
        first = _of_one_spectrum(self.models)
        self.spectrum, self.pivot_gev, self.flux = first.spectrum, first.pivot_gev, first.flux
        self.shared = tuple(shared)
        self._check_shared()
        self.common = (*(self.flux.names if one_flux else ()), *self.shared)
        by_sample = {sample: [self.name_of(sample, name) for name in model.names] for sample, model in self.models.items()}
        self.names = (*self.common, *dict.fromkeys(name for names in by_sample.values() for name in names if name not in self.common))
        self.places = {sample: np.array([self.names.index(name) for name in names]) for sample, names in by_sample.items()}
        self.slices = _slices(self.models)
        self.response = _joint_bins(self.models)
        self.parameters = self._first_parameters()

    def name_of(self, sample: str, parameter: str) -> str:
        """What a parameter of one sample is called here."""
        return parameter if parameter in self.common else own_name(parameter, sample)

    @property
    def n_bins(self) -> int:
        """Number of bins of all samples."""
        return len(self.response.bins)

    @property
    def reachable(self) -> NDArray[np.bool_]:
        """(bins,): whether any parameters give the bin an expectation."""
        return np.concatenate([model.reachable for model in self.models.values()])

    def of(self, sample: str, theta: ArrayLike) -> Array:
        """The parameters of one sample out of all."""
        return np.asarray(theta, dtype=float)[self.places[sample]]

    def check(self, parameters: Sequence[FitParameter]) -> None:
        """Refuse bounds beyond what a sample has tabulated."""
        for sample, model in self.models.items():
            if isinstance(model, OfficialModel):
                places = self.places[sample]
                model.check([replace(parameters[i], name=name) for i, name in zip(places, model.names, strict=True)])

    def expected(self, theta: ArrayLike) -> Array:
        """Expected counts (bins,)."""
        return np.concatenate([model.expected(self.of(sample, theta)) for sample, model in self.models.items()])

    def mu_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        """Expected counts (bins,) and their derivatives (parameters, bins)."""
        mu, gradient = np.empty(self.n_bins), np.zeros((len(self.names), self.n_bins))
        for sample, model in self.models.items():
            mu[self.slices[sample]], gradient[self.places[sample], self.slices[sample]] = model.mu_and_gradient(self.of(sample, theta))
        return mu, gradient

    def components(self, theta: ArrayLike) -> Mapping[str, Array]:
        """Expected counts (bins,) of each component; 0 in the bins of samples that do not have it."""
        found: dict[str, Array] = {}
        for sample, model in self.models.items():
            for name, values in model.components(self.of(sample, theta)).items():
                found.setdefault(name, np.zeros(self.n_bins))[self.slices[sample]] = values
        return found

    def check_fold(self, theta: ArrayLike) -> float:
        """Largest relative error of the folding in any sample; warns where it is not small (``Model.check_fold``)."""
        return max(model.check_fold(self.of(sample, theta)) for sample, model in self.models.items())

    def _first_parameters(self) -> tuple[FitParameter, ...]:
        """The parameters, those in common as the first sample has them."""
        found: dict[str, FitParameter] = {}
        for sample, model in self.models.items():
            for one in model.parameters:
                name = self.name_of(sample, one.name)
                found.setdefault(name, replace(one, name=name))
        return tuple(found[name] for name in self.names)

    def _check_shared(self) -> None:
        for name in self.shared:
            if name in self.flux.names:
                raise InputError(f"shared: {name!r} is a parameter of the flux, which all samples share anyway; name nuisance parameters only")
            for sample, model in self.models.items():
                if name not in model.names:
                    known = [one for one in model.names if one not in self.flux.names]
                    raise InputError(f"shared: the sample {sample} has no nuisance parameter {name!r}{nearest(name, known)}")
        if len(set(self.shared)) < len(self.shared):
            raise InputError(f"shared: {', '.join(self.shared)}: name each parameter once")


def own_name(parameter: str, sample: str) -> str:
    """The name of a parameter that belongs to one sample.

    >>> own_name("atmos_norm", "tracks")
    'atmos_norm[tracks]'
    """
    return f"{parameter}[{sample}]"


def _slices(models: Mapping[str, OneModel]) -> dict[str, slice]:
    """Where the bins of each sample stand among all."""
    ends = np.cumsum([0, *(model.n_bins for model in models.values())]).tolist()
    return {sample: slice(*pair) for sample, pair in zip(models, pairwise(ends), strict=True)}


def _joint_bins(models: Mapping[str, OneModel]) -> JointBins:
    bins = tuple(replace(one, channel=f"{sample}: {one.channel}") for sample, model in models.items() for one in model.response.bins)
    return JointBins(bins, np.unique(np.concatenate([model.response.ln_energy for model in models.values()])))


def _of_one_spectrum(models: Mapping[str, OneModel]) -> OneModel:
    """The first of two models or more, when all have the same spectrum."""
    if len(models) < 2:
        raise InputError("a joint fit needs two samples or more")
    (first_name, first), *others = models.items()
    for name, other in others:
        _same_spectrum(first_name, first, name, other)
    return first


def _same_spectrum(name: str, model: OneModel, other_name: str, other: OneModel) -> None:
    """The samples must give the flux the same parameters, and the same shape where both have simulation."""
    ours, theirs = (list(each.flux.names) for each in (model, other))
    if ours != theirs:
        raise InputError(
            f"the flux has the parameters {', '.join(ours)} in {name} and {', '.join(theirs)} in {other_name}; "
            "a joint fit has one spectrum: give it as the joint fit's model.astro, or the same in both"
        )
    if model.pivot_gev != other.pivot_gev:
        pivots = f"{model.pivot_gev:g} in {name} and {other.pivot_gev:g} in {other_name}"
        raise InputError(f"astro_norm stands at pivot_gev: {pivots}; give it as the joint fit's model.pivot_gev, or the same in both")
    here, there = model.response.ln_energy, other.response.ln_energy
    x = here[(here >= there.min()) & (here <= there.max())] - math.log(model.pivot_gev)
    theta = np.array([min(one.start + PROBE * i, one.upper) for i, one in enumerate(model.spectrum.parameters, start=1)])
    first, second = (_relative_flux(each.spectrum.evaluate(x, theta)) for each in (model, other))
    if not np.allclose(first, second, rtol=SAME_SHAPE, atol=0.0):
        raise InputError(f"the spectra of {name} and {other_name} have equal parameters and different shapes; a joint fit has one spectrum")


def _relative_flux(shape: Shape) -> Array:
    return np.exp(shape.l) if shape.factor is None else shape.factor * np.exp(shape.l)
