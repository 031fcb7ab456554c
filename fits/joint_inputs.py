"""The samples of a joint fit of ``diffuse``: what other configurations' runs left, and the likelihood that they make together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from configs import diffuse
from configs.errors import InputError
from configs.schema import DiffuseConfig
from data_info.joint_samples import sample_configs
from fits.astro_flux import flux_names
from fits.diffuse_inputs import Inputs, Prepared, prepare, read_inputs
from fits.fit_result import Provenance
from fits.flavour import composition
from fits.joint_data import refuse_same_events
from fits.joint_likelihood import join
from fits.joint_model import JointModel, own_name
from fits.processed import read_processed
from fits.response import AXES
from fits.spectrum_choice import spectrum_of
from records.provenance import value_digest

SPECTRUM = ("astro", "break_gev", "table", "class_", "expression", "shape", "edges_gev")  # keys of a model that go together


@dataclass(frozen=True)
class Sample:
    """One sample: the entry of ``fits:`` that it stands for, and what the run of its configuration left."""

    fit: str
    options: diffuse.Fit
    inputs: Inputs


@dataclass(frozen=True)
class JointInputs:
    """The samples of one joint fit by name; ``config``: that of the joint fit."""

    config: DiffuseConfig
    samples: Mapping[str, Sample]

    @property
    def counts(self) -> None:
        """There is no table of the events of all samples."""
        return

    @property
    def published(self) -> None:
        """What is published belongs to the data of one sample."""
        return

    @property
    def livetime_s(self) -> float:
        """The livetime where all samples have the same one, else NaN."""
        return _the_same([one.inputs.livetime_s for one in self.samples.values()])

    @property
    def description(self) -> str:
        """Where the simulations came from."""
        return "; ".join(dict.fromkeys(one.inputs.description for one in self.samples.values()))

    @property
    def partial(self) -> bool:
        """Whether any sample is from an incomplete run."""
        return any(one.inputs.partial for one in self.samples.values())

    @property
    def digest(self) -> str:
        """Digest of the histograms of all samples, whatever their order."""
        return value_digest({name: one.inputs.digest for name, one in self.samples.items()})

    @property
    def account(self) -> dict[str, Any]:
        """The data sets of all samples, the sample's name before theirs."""
        entries = {f"{name}: {key}": entry for name, one in self.samples.items() for key, entry in one.inputs.account["datasets"].items()}
        return {"complete": not self.partial, "datasets": entries, "histogram_digest": self.digest}

    def exposed(self, factor: float) -> JointInputs:
        """The same for ``factor`` times the livetime of every sample."""
        longer = {name: replace(one, inputs=one.inputs.exposed(factor)) for name, one in self.samples.items()}
        return replace(self, samples=longer)

    def prepare(self, name: str, options: diffuse.Fit) -> Prepared:
        """The joint likelihood; ``options``: of the joint fit, after ``with_common_model``."""
        assert options.joint is not None
        prepared = {sample: self._prepared(name, sample, options) for sample in self.samples}
        nll = join({sample: one.nll for sample, one in prepared.items()}, options.joint.shared, options.parameters)
        if options.data == "asimov":
            nll = nll.with_counts(nll.model.expected([one.start for one in nll.parameters]))
        whole = JointModel({sample: one.whole for sample, one in prepared.items() if not isinstance(one.whole, JointModel)}, options.joint.shared)
        return Prepared(nll, whole, self._provenance(options, prepared), self, options, prepared)

    def _prepared(self, fit: str, sample: str, options: diffuse.Fit) -> Prepared:
        """One sample by itself, with the flux of the joint fit."""
        one = self.samples[sample]
        own = one.options.model
        model = options.model.model_copy(update={"nuisances": own.nuisances, "detector": own.detector})
        if options.data == "observed" and one.options.data == "asimov":
            raise InputError(
                f"{_where(fit, sample)}: the fit {one.fit!r} is one of the Asimov set; name a fit of observed data, or set fits.{fit}.data: asimov"
            )
        try:
            beside = self.config.source if _states_spectrum(self.config.fits[fit]) else None
            parameters = _of_model(one, model, beside)
            wanted = one.options.model_copy(update={"model": model, "data": options.data, "parameters": parameters})
            return prepare(one.inputs, one.fit, wanted, beside=beside)
        except InputError as error:
            raise InputError(f"{_where(fit, sample)}: {error}") from error

    def _provenance(self, options: diffuse.Fit, prepared: Mapping[str, Prepared]) -> Provenance:
        axes = {axis for one in prepared.values() for axis in one.provenance.axes}
        outside = {own_name(key, name): share for name, one in prepared.items() for key, share in one.provenance.outside_tables.items()}
        return Provenance(
            options.engine, options.model.astro, tuple(axis for axis in AXES if axis in axes), self.livetime_s, self.description, self.partial,
            self.config.seed, self.digest, options.published, outside,
        )  # fmt: skip


def read_joint(config: DiffuseConfig, fit: str, own: Inputs | None) -> JointInputs:
    """The samples of the joint fit ``fit``; ``own``: what the configuration's own run left, for samples of this file.

    Raises InputError naming the sample for outputs that are missing, incomplete or of other options, and for the same events in two samples.
    """
    joint = config.fits[fit].joint
    assert joint is not None
    samples = {}
    for name, other in sample_configs(config, fit).items():
        try:
            run = own if other is config and own is not None else read_run(other)
        except InputError as error:
            raise InputError(f"{_where(fit, name)}: {error}") from error
        entry = joint.samples[name].fit
        samples[name] = Sample(entry, other.fits[entry], run)
    refuse_same_events(f"fits.{fit}.joint.samples", {name: one.inputs for name, one in samples.items()})
    return JointInputs(config, samples)


def read_run(config: DiffuseConfig) -> Inputs:
    """What the processor left for a configuration. Raises InputError naming the command to run."""
    hists, account = read_processed(config)
    return read_inputs(config, hists, account)


def with_common_model(inputs: JointInputs, fit: str, options: diffuse.Fit) -> diffuse.Fit:
    """The joint fit's options with the spectrum, pivot and flavour of its samples where it does not state its own.

    Raises InputError for what it does not state and samples have differently.
    """
    stated = options.model.model_fields_set | (set(SPECTRUM) if _states_spectrum(options) else set())
    update: dict[str, Any] = {}
    first_name, first = next(iter(inputs.samples.items()))
    for key in [key for key in (*SPECTRUM, "pivot_gev", "flavour") if key not in stated]:
        for name, one in inputs.samples.items():
            if _plain(key, one.options.model) != _plain(key, first.options.model):
                shown = key.removesuffix("_")
                values = f"{getattr(first.options.model, key)} in {first_name} and {getattr(one.options.model, key)} in {name}"
                raise InputError(f"fits.{fit}.joint: model.{shown} is {values}; state fits.{fit}.model.{shown} for all samples, or make them agree")
        update[key] = getattr(first.options.model, key)
    return options.model_copy(update={"model": options.model.model_copy(update=update)})


def _of_model(one: Sample, model: diffuse.Model, beside: Path | None) -> dict[str, diffuse.ParameterOptions]:
    """What the sample's fit says of parameters, without those of its own flux that another spectrum does not have."""
    own = flux_names(spectrum_of(one.options.model, one.inputs.config.source))
    kept = flux_names(spectrum_of(model, beside or one.inputs.config.source))
    return {name: options for name, options in one.options.parameters.items() if name in kept or name not in own}


def _states_spectrum(options: diffuse.Fit) -> bool:
    return bool(options.model.model_fields_set & set(SPECTRUM))


def _plain(key: str, model: diffuse.Model) -> Any:
    return composition(model.flavour) if key == "flavour" else getattr(model, key)


def _where(fit: str, sample: str) -> str:
    return f"fits.{fit}.joint.samples.{sample}"


def _the_same(values: list[float]) -> float:
    return values[0] if all(math.isclose(one, values[0], rel_tol=1e-9) for one in values) else math.nan
