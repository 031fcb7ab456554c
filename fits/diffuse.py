"""The fits of the diffuse analysis: every entry of ``fits:`` to its results, named as ``records.results`` says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs import diffuse
from configs.command_line import Progress
from configs.errors import InputError
from configs.schema import DiffuseConfig
from data_info.catalogue import Unavailable
from data_info.files import find_file
from fits import compare_report, diffuse_studies, goodness, hypothesis, joint_result
from fits.attempts import attempted
from fits.comparison import ExternalScan, read_contour, read_scan
from fits.diffuse_inputs import NO_TABLES, Histograms, Inputs, Prepared, likelihoods_by_flavour, read_inputs
from fits.diffuse_requests import check_request
from fits.engines import minimiser
from fits.feldman_cousins import feldman_cousins
from fits.fit_result import fit_result
from fits.flavour import ToysOfSources, check_flavours, scan_flavours
from fits.frontends import pyhf
from fits.joint_inputs import JointInputs, read_joint, with_common_model
from fits.joint_likelihood import JointLikelihood
from fits.joint_model import JointModel
from fits.limits import limit
from fits.minimise import Minimum, minimise
from fits.predictive import predictive
from fits.profiles import profile
from fits.scans import scan
from fits.segmented_flux import fit_segments, prepare_segments
from fits.spectrum_choice import AT_BOUNDARY, Embedding
from fits.toys import Execute, ToyStudy, run_toys, summarise
from processors.trials import each
from records.failed_fit import FailedFit
from records.results import HypothesisTest, ScanResult
from records.tables import TablesByDataset


def fit_all(
    config: DiffuseConfig,
    hists: Histograms,
    account: Mapping[str, Any],
    progress: Progress | None = None,
    execute: Execute = map,
    tables: TablesByDataset = NO_TABLES,
) -> dict[str, Any]:
    """Run every fit of the configuration: result name -> result (``main``, ``main.scan``, ``main.profile.astro_gamma``, ...).

    ``hists``: data set -> name -> histogram; ``account``: the content of processing.json; ``execute``: an ordered map, for
    toys; ``tables``: data set -> name -> table, with the events that were kept. A fit that does not converge leaves its result with
    ``valid=False`` and nothing further; a study that cannot be done on the data leaves a ``FailedFit`` in its place, and the others are done.
    A spectrum that bends within a true-energy node is warned of. ``engine`` finds the minimum itself; scans, profiles, limits and toys are native.
    Raises InputError for everything that cannot be fitted as asked, before the first fit.
    """
    prepared = prepare_fits(config, hists, account, tables)
    works = [_Fit(name, prepared[name], progress, execute).results for name in config.fits]
    results = {name: result for found in each(works) for name, result in found.items()}
    single = {name: options for name, options in config.fits.items() if options.joint is None}  # what is published belongs to the data of one
    published = next((prepared[name].inputs.published for name in single), None)
    compared = compare_report.report(single, results, published)
    return results if compared is None else {**results, diffuse.REPORT: compared}


def prepare_all(
    config: DiffuseConfig, hists: Histograms, account: Mapping[str, Any], tables: TablesByDataset = NO_TABLES
) -> tuple[Inputs, dict[str, Prepared]]:
    """Inputs and likelihoods of all fits of a configuration with data sets, with every name in it checked."""
    inputs = read_inputs(config, hists, account, tables)
    return inputs, _prepare_fits(config, inputs)


def prepare_fits(config: DiffuseConfig, hists: Histograms, account: Mapping[str, Any], tables: TablesByDataset = NO_TABLES) -> dict[str, Prepared]:
    """Likelihoods of all fits, also of a configuration without data sets, whose joint fits read what others left."""
    return _prepare_fits(config, read_inputs(config, hists, account, tables) if config.datasets else None)


def _prepare_fits(config: DiffuseConfig, own: Inputs | None) -> dict[str, Prepared]:
    found = {}
    for name, options in config.fits.items():
        if options.joint is not None:
            joined = read_joint(config, name, own)
            found[name] = _prepared(joined, name, with_common_model(joined, name, options))
        else:
            assert own is not None  # DiffuseConfig.problems
            found[name] = _prepared(own, name, options)
    return found


def _prepared(inputs: Inputs | JointInputs, name: str, options: diffuse.Fit) -> Prepared:
    """The likelihood of one fit, its options checked; every message begins with the fit's key path."""
    try:
        prepared = inputs.prepare(name, options)
        responses = [inputs.response] if isinstance(inputs, Inputs) else [one.inputs.response for one in inputs.samples.values()]
        check_request(name, options, prepared, responses)
        if options.workspace or options.engine == "pyhf":
            pyhf.workspace(prepared.nll)  # refuses what HistFactory cannot express
        if options.scan is not None:
            _published(options.scan, inputs.config)
        if isinstance(inputs, Inputs) and options.segments is not None:
            prepare_segments(inputs, name, options, options.segments, prepared.nll.model.flux.names)
        if isinstance(inputs, Inputs) and options.flavour_scan is not None:
            check_flavours(inputs.response, options.flavour_scan.mixing)
        diffuse_studies.check(options, inputs)
        diffuse_studies.check_segments(options, inputs, name, prepared)
    except InputError as error:
        path = f"fits.{name}"
        raise InputError(str(error) if str(error).startswith(path) else f"{path}: {error}") from error
    return prepared


def _published(options: diffuse.Scan, config: DiffuseConfig) -> tuple[ExternalScan | None, NDArray[np.float64] | None, list[str]]:
    """The scan and the contour points that a scan is compared with, and why one of them cannot be had.

    Only a catalogue file that is neither here nor to be downloaded is left out; a file of the user's own must be there.
    """
    unavailable: list[str] = []

    def read(name: str | None, reader: Callable[[Path], Any]) -> Any:
        try:
            return None if name is None else reader(find_file(name, config.source))
        except Unavailable as error:
            unavailable.append(str(error))
            return None

    return read(options.compare, read_scan), read(options.compare_contour, read_contour), unavailable


class _Fit:
    """One entry of ``fits:`` while it is worked on."""

    def __init__(self, name: str, prepared: Prepared, progress: Progress | None, execute: Execute = map) -> None:
        self.execute = execute
        self.inputs, self.options = prepared.inputs, prepared.options
        self.name, self.prepared, self.progress = name, prepared, progress
        self.nll, self.seed = prepared.nll, self.inputs.config.seed
        self.minos = list(self.nll.model.flux.names) if self.options.minos is None else self.options.minos

    def results(self) -> dict[str, Any]:
        """The fit itself and everything its options ask for."""
        minimum = minimiser(self.options.engine)(self.nll, minos=self.minos)
        found: dict[str, Any] = {"": fit_result(self.nll, minimum, self.prepared.whole, self.prepared.provenance)}
        if self.options.asimov:
            found |= attempted("asimov", partial(self._asimov, minimum))
        if minimum.valid:
            self.nll.model.check_fold(minimum.theta)
            works = [partial(attempted, kind, work) for kind, work in self._beyond(minimum).items()]
            found |= {kind: result for results in each(works) for kind, result in results.items()}
            samples = found.get("posterior" if self.options.posterior is not None else "toys")
            if self.options.predictive and not isinstance(samples, FailedFit):
                found |= attempted("predictive", partial(self._predictive, samples, minimum))
        return {f"{self.name}.{kind}" if kind else self.name: result for kind, result in found.items()}

    def _beyond(self, minimum: Minimum) -> dict[str, Callable[[], Any]]:
        """What the options ask for besides the fit, by name and in their order; toys of all are asked for before any is waited for."""
        options = self.options
        works: dict[str, Callable[[], Any]] = {}
        if options.scan is not None:
            works["scan"] = partial(self._scan, options.scan, minimum)
        for one in options.profiles:
            works[f"profile.{one.parameter}"] = partial(profile, self.nll, minimum, one.parameter, one.grid)
        for wanted in options.upper_limits:
            works[f"limit.{wanted.parameter}"] = partial(self._limit, wanted, minimum)
        if options.toys is not None:
            works["toys"] = partial(self._toys, options.toys, minimum)
        for unified in options.feldman_cousins:
            name = "feldman_cousins" if len(options.feldman_cousins) == 1 else f"feldman_cousins.{unified.parameter}"
            works[name] = partial(self._feldman_cousins, unified, minimum)
        if options.test is not None:
            works["test"] = partial(self._test, options.test, minimum)
        studied = diffuse_studies.StudiedFit(self.inputs, self.name, options, self.prepared, self.minos, self._progress, self.execute)
        works |= diffuse_studies.works(studied, minimum)
        works |= joint_result.works(self.prepared, minimum, self.minos, self._progress)
        if options.segments is not None:
            works["segments"] = partial(self._segments, options.segments)
        if options.flavour_scan is not None:
            works["flavour"] = partial(self._flavour, options.flavour_scan, minimum)
        return works

    def _predictive(self, samples: Any, minimum: Minimum) -> Any:
        """After what it is made of."""
        assert not isinstance(self.prepared.whole, JointModel)  # a joint fit has none
        counts = None if self.options.data == "asimov" else self.inputs.counts
        return predictive(self.prepared.whole, minimum, samples, counts, self.options.axes, self.seed)

    def _limit(self, wanted: diffuse.UpperLimit, minimum: Minimum) -> Any:
        return limit(
            self.nll, minimum, wanted.parameter, wanted.cl,
            expected_toys=wanted.expected_toys, asimov=self.options.asimov, seed=self.seed, progress=self._progress(f"limits of {wanted.parameter}"),
            execute=self.execute,
        )  # fmt: skip

    def _segments(self, wanted: diffuse.Segments) -> Any:
        assert isinstance(self.inputs, Inputs)  # a joint fit has none
        return fit_segments(prepare_segments(self.inputs, self.name, self.options, wanted, self.nll.model.flux.names))

    def _flavour(self, wanted: diffuse.FlavourScan, minimum: Minimum) -> Any:
        assert isinstance(self.inputs, Inputs)  # a joint fit has none
        likelihoods = likelihoods_by_flavour(self.inputs, self.options, self.nll)
        toys = ToysOfSources(wanted.toys, self.seed, self._progress("toys of compositions")) if wanted.toys else None
        report = self._progress("flavours")
        return scan_flavours(likelihoods, minimum.values, wanted.step, wanted.mixing, report, toys=toys, execute=self.execute)

    def _feldman_cousins(self, wanted: diffuse.FeldmanCousins, minimum: Minimum) -> Any:
        return feldman_cousins(
            self.nll, minimum, wanted.parameter, wanted.grid,
            toys=wanted.toys, cl=wanted.cl, seed=self.seed, progress=self._progress("Feldman-Cousins"), execute=self.execute,
        )  # fmt: skip

    def _progress(self, what: str) -> Callable[[int, int], None] | None:
        report = self.progress
        return None if report is None else lambda done, total: report(f"{self.name}: {what}", done, total)

    def _scan(self, options: diffuse.Scan, minimum: Minimum) -> ScanResult:
        external, contour, unavailable = _published(options, self.inputs.config)
        found = scan(
            self.nll,
            minimum,
            options.x,
            options.y,
            options.x_grid,
            options.y_grid,
            external=external,
            contour=contour,
            progress=self._progress("scan"),
        )
        return replace(found, not_compared=[*found.not_compared, *unavailable])

    def _asimov(self, minimum: Minimum) -> Any:
        """Fit of the Asimov set (Cowan et al., arXiv:1007.1727): counts as expected at the best fit, centres of the priors at it too.

        Without a valid fit it stands at the start values.
        """
        truth = minimum.values if minimum.valid else {one.name: one.start for one in self.nll.parameters}
        counts = self.nll.model.expected([truth[name] for name in self.nll.names])
        expected = self.nll.with_counts(counts, prior_means={name: truth[name] for name in self.nll.priors})
        provenance = replace(self.prepared.provenance, engine="native", published={})
        return fit_result(expected, minimise(expected, minos=self.minos), self.prepared.whole, provenance)

    def _toys(self, options: diffuse.Toys, minimum: Minimum) -> dict[str, Any]:
        groups = self._projections() if options.gof else {}
        truth = {**minimum.values, **(options.truth or {})}
        study = ToyStudy(self.nll, truth, self.seed, options.aux, tuple(self.minos) if options.coverage else (), groups)
        fits = run_toys(study, options.n, progress=self._progress("toys"), execute=self.execute)
        found: dict[str, Any] = {"toys": summarise(study, fits)}
        valid = [fit.goodness for fit in fits if fit.valid]
        if options.gof and not valid:
            found["gof"] = FailedFit(False, f"no p-value: {found['toys'].reason}", "gof")
        elif options.gof:
            observed = goodness.saturated_by_projection(self.nll.counts, self.nll.model.expected(minimum.theta), groups)
            found["gof"] = goodness.goodness_of_fit(observed, valid, seed=self.seed, n_failed=len(fits) - len(valid))
        return found

    def _projections(self) -> dict[str, NDArray[np.int64]]:
        """Bins of the projections whose goodness of fit is wanted: each axis, or each sample of a joint fit."""
        if isinstance(self.nll, JointLikelihood):
            return joint_result.projections(self.nll.model)
        axes = self.options.axes
        kept = {"all": tuple(axes)} | {axis: (axis,) for axis in axes if len(axes) > 1}
        return {name: self.nll.model.response.groups(some)[0] for name, some in kept.items()}

    def _test(self, options: diffuse.HypothesisTest, minimum: Minimum) -> HypothesisTest:
        wider = self.options.model_copy(update={"model": self.options.model.model_copy(update={"astro": options.alternative}), "engine": "native"})
        alternative = self.inputs.prepare(self.name, wider)
        study = hypothesis.ComparisonStudy(self.nll, alternative.nll, minimum.values, Embedding(options.alternative), self.seed)
        data = hypothesis.compare(self.nll, alternative.nll, embed=study.embed, start=minimum.values)
        outcome = hypothesis.hypothesis_test(
            study,
            data,
            options.toys,
            boundary=options.alternative in AT_BOUNDARY,
            progress=self._progress(f"test of {options.alternative}"),
            execute=self.execute,
        )
        return HypothesisTest(
            null=self.options.model.astro,
            alternative=options.alternative,
            ts=outcome.ts,
            p_toys=outcome.p_toys,
            p_toys_error=outcome.p_toys_error,
            p_chi2=outcome.p_chi2,
            degrees_of_freedom=outcome.degrees_of_freedom,
            seed=self.seed,
            n_requested=options.toys,
            n_valid=len(outcome.ts_toys),
            n_failed=outcome.n_failed,
            ts_toys=outcome.ts_toys,
            alternative_fit=fit_result(
                alternative.nll, minimise(alternative.nll, starts=[data.alternative.values]), alternative.whole, alternative.provenance
            ),
        )
