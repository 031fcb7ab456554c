"""From the histograms of ``diffuse`` and the account of their run to the likelihood of one fit; what cannot be fitted is refused here."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import hist
import numpy as np
from numpy.typing import NDArray

from configs import diffuse
from configs.errors import InputError
from configs.schema import DiffuseConfig
from data_info.hese_tables import SURROGATE
from data_info.published_fit import PublishedFit, published_fit
from fits.asimov_exposures import exposed
from fits.compare_report import published_intervals
from fits.fit_result import Provenance
from fits.flavour import composition, with_composition
from fits.joint_model import JointModel
from fits.model import Model
from fits.nll import NegativeLogLikelihood
from fits.observed_events import observed_events
from fits.official_model import OfficialModel
from fits.parameters import ATMOSPHERIC_PRIOR, configure
from fits.priors import Prior
from fits.response import AXES, Response, counts_from_hists, data_livetime_s
from fits.spectrum_choice import spectrum_of
from physics.spectra import Spectrum
from records.diffuse import Composition
from records.tables import Table, TablesByDataset

if TYPE_CHECKING:
    from fits.joint_inputs import JointInputs

Array = NDArray[np.float64]
Histograms = Mapping[str, Mapping[str, hist.Hist]]
NO_TABLES: TablesByDataset = MappingProxyType({})


@dataclass(frozen=True)
class Inputs:
    """What all fits of one configuration share: the response in all its bins, the observed counts (None: no data), and their origin."""

    config: DiffuseConfig
    response: Response
    counts: NDArray[np.int64] | None
    livetime_s: float
    description: str
    partial: bool
    digest: str
    outside_tables: Mapping[str, float] = field(default_factory=dict)  # detector parameter -> share of simulated events outside its tables
    events: Table | None = None  # the counted events one by one, where they were kept
    account: Mapping[str, Any] = field(default_factory=dict)  # the content of processing.json
    published: PublishedFit | None = None  # where the events are those of a publication

    def prepare(self, name: str, options: diffuse.Fit) -> Prepared:
        """The likelihood of one entry of ``fits:``."""
        return prepare(self, name, options)

    def exposed(self, factor: float) -> Inputs:
        """The same for ``factor`` times the livetime."""
        return replace(self, response=exposed(self.response, factor), livetime_s=factor * self.livetime_s)


@dataclass(frozen=True)
class Prepared:
    """One fit: its likelihood, the model in all bins, what its results say about their origin, and what it was made of.

    ``options``: of a joint fit with the model that its samples have in common; ``samples``: of a joint fit by name.
    """

    nll: NegativeLogLikelihood
    whole: Model | OfficialModel | JointModel
    provenance: Provenance
    inputs: Inputs | JointInputs
    options: diffuse.Fit
    samples: Mapping[str, Prepared] = field(default_factory=dict)


def read_inputs(config: DiffuseConfig, hists: Histograms, account: Mapping[str, Any], tables: TablesByDataset = NO_TABLES) -> Inputs:
    """Response and data for the livetime of the data.

    ``hists``: data set -> name -> histogram; ``account``: the content of processing.json; ``tables``: data set -> name -> table, with the events
    that were kept. An incomplete account scales the exposures and marks every result ``partial``. Raises InputError when data and simulation
    were selected or binned differently, when no event is left (with the cut flow), or when a livetime is missing.
    """
    refuse_different_selections(account)
    refuse_unprocessed(account)
    reference_index = getattr(config.processor, "reference_index", 2.5)
    response = Response.from_hists(hists, account, reference_index=reference_index)
    counts, events = None, None
    if any(entry["kind"] == "data" for entry in account["datasets"].values()):
        counts = counts_from_hists(hists, account, response)
        if counts.sum() == 0:
            raise InputError(f"no event of the data is left after the selection; {cut_flows(hists, account)}; check processor.selection and units")
        if (choice := getattr(config.processor, "binning", None)) is not None:
            events = observed_events(tables, account, choice, counts)
    livetime_s = data_livetime_s(account) or _simulated_livetime_s(account)
    digest, outside = account.get("histogram_digest") or "", outside_tables(hists)
    response_words, partial, published = describe_response(config), not account["complete"], published_fit(config)
    return Inputs(config, response, counts, livetime_s, response_words, partial, digest, outside, events, account, published)


def prepare(inputs: Inputs, name: str, options: diffuse.Fit, *, beside: Path | None = None) -> Prepared:
    """The likelihood of one entry of ``fits:``; ``beside``: the configuration that states its spectrum, if another."""
    spectrum = spectrum_of(options.model, beside or inputs.config.source)
    response = with_composition(inputs.response, composition(options.model.flavour))
    whole, projected = (_model(response, spectrum, options, axes) for axes in (AXES, options.axes))
    parameters = configure(projected.parameters, options.parameters, default_priors(inputs.config))
    if options.data == "asimov":
        counts = projected.expected([one.start for one in parameters])
    elif inputs.counts is None:
        raise InputError(f"fits.{name}: there is no data set of kind data; add one, or fit the Asimov set (data: asimov)")
    else:
        counts = inputs.response.project_counts(inputs.counts, options.axes)
    nll = NegativeLogLikelihood(projected, counts, options.likelihood, parameters=parameters, empty_bins=options.empty_bins)
    provenance = Provenance(
        options.engine,
        options.model.astro,
        tuple(options.axes),
        inputs.livetime_s,
        inputs.description,
        inputs.partial,
        inputs.config.seed,
        inputs.digest,
        published_intervals(options, nll.names, inputs.published),
        inputs.outside_tables if isinstance(projected, OfficialModel) and options.model.detector else {},
    )
    return Prepared(nll, whole, provenance, inputs, options)


def _model(response: Response, spectrum: Spectrum, options: diffuse.Fit, axes: Sequence[str]) -> Model | OfficialModel:
    """The model in a projection of the bins."""
    pivot_gev = options.model.pivot_gev
    if options.model.nuisances == "official":
        return OfficialModel(response, spectrum, axes=axes, pivot_gev=pivot_gev, detector=options.model.detector)
    return Model(response if axes is AXES else response.project(axes), spectrum, pivot_gev=pivot_gev)


@dataclass(frozen=True)
class LikelihoodByFlavour:
    """Composition by flavour -> the likelihood ``nll`` of a fit for that composition instead of its own; picklable. ``response`` has all flavours."""

    response: Response
    axes: Sequence[str]
    spectrum: Spectrum
    options: diffuse.Fit
    nll: NegativeLogLikelihood

    def __call__(self, fractions: Composition) -> NegativeLogLikelihood:
        """The same counts, parameters and options with this composition."""
        model = _model(with_composition(self.response, fractions), self.spectrum, self.options, self.axes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is said of empty bins was said by the fit
            return NegativeLogLikelihood(
                model, self.nll.counts, self.options.likelihood, parameters=self.nll.parameters, empty_bins=self.options.empty_bins
            )


def likelihoods_by_flavour(inputs: Inputs, options: diffuse.Fit, nll: NegativeLogLikelihood) -> LikelihoodByFlavour:
    """Composition by flavour -> the likelihood ``nll`` of a fit for that composition instead of its own."""
    early = options.model.nuisances == "simple" and list(options.axes) != list(AXES)  # detector factors need all bins
    response, axes = (inputs.response.project(options.axes), AXES) if early else (inputs.response, options.axes)
    return LikelihoodByFlavour(response, axes, spectrum_of(options.model, inputs.config.source), options, nll)


def is_exercise(config: DiffuseConfig) -> bool:
    """Whether the simulation is that of the 2019 exercise, whose three parameters have no priors (specification 4.1)."""
    formats = {dataset.format for dataset in config.datasets.values() if dataset.kind == "mc"}
    return "toy_json" in formats or getattr(config.processor, "binning", None) == "bootcamp"


def default_priors(config: DiffuseConfig) -> dict[str, Prior]:
    """Priors that hold where the configuration says nothing."""
    return {} if is_exercise(config) else {"atmos_norm": ATMOSPHERIC_PRIOR}


def outside_tables(hists: Histograms) -> dict[str, float]:
    """Share of the simulated events of all data sets that lie outside the tables of each detector parameter and keep their weight there."""
    counts: dict[str, NDArray[np.int64]] = {}
    for by_name in hists.values():
        if "tables" in by_name:
            for name, row in zip(by_name["tables"].axes["systematic"], by_name["tables"].values(), strict=True):
                counts[name] = counts.get(name, np.zeros(2, dtype=np.int64)) + row.astype(np.int64)
    return {name: float(outside / max(inside + outside, 1)) for name, (inside, outside) in counts.items()}


def describe_response(config: DiffuseConfig) -> str:
    """Where the simulation came from, in words that stand on every figure."""
    sources = []
    for name, dataset in config.datasets.items():
        if dataset.kind == "mc":
            kind = SURROGATE if dataset.format == "surrogate" else "generated example simulation" if dataset.example else f"simulation {name!r}"
            sources.append(kind)
    return "; ".join(dict.fromkeys(sources))


def refuse_different_selections(account: Mapping[str, Any]) -> None:
    """Data and simulation that state a selection (``metadata.selection``) must state the same one."""
    stated = {name: entry["metadata"]["selection"] for name, entry in account["datasets"].items() if "selection" in entry.get("metadata", {})}
    for name, selection in stated.items():
        first = next(iter(stated))
        if selection != stated[first]:
            raise InputError(
                f"data sets {first} and {name} were selected differently ({stated[first]} and {selection}); data and simulation need the same "
                "cuts: select them alike, or correct metadata.selection"
            )


def refuse_unprocessed(account: Mapping[str, Any]) -> None:
    """A data set of which nothing was processed has no exposure, even where an incomplete run was accepted."""
    for name, entry in account["datasets"].items():
        if entry["fraction"] == 0:
            reasons = f" ({entry['failed'][0]['reason']})" if entry.get("failed") else ""
            raise InputError(f"nothing of the data set {name!r} was processed{reasons}: no exposure to fit; mend its files and process them again")


def cut_flows(hists: Histograms, account: Mapping[str, Any]) -> str:
    """Entries left after each cut of the data sets of kind data, in words."""
    flows = []
    for name, entry in account["datasets"].items():
        if entry["kind"] == "data" and "cutflow" in hists.get(name, {}):
            flow = hists[name]["cutflow"]
            counts = ", ".join(f"{cut} {int(value)}" for cut, value in zip(flow.axes[0], flow.view(), strict=True))
            flows.append(f"cut flow of {name}: {counts}")
    return "; ".join(flows) or "no cut flow was recorded"


def _simulated_livetime_s(account: Mapping[str, Any]) -> float:
    stated = [entry.get("livetime_s") for entry in account["datasets"].values() if entry["kind"] == "mc"]
    return next((float(value) for value in stated if value is not None), math.nan)
