"""The fits of the analysis ``stopping_muons``: histograms and account of a run -> results, with the files that they leave besides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import hist
import numpy as np

from configs.command_line import Progress
from configs.schema import StoppingMuonsConfig
from fits.stopping_muons.closure import closures
from fits.stopping_muons.effective_area import effective_area
from fits.stopping_muons.fluxes import fits_to_fluxes, fluxes
from fits.stopping_muons.inputs import Inputs
from fits.stopping_muons.measurement import measurement
from fits.stopping_muons.parts import area_part, spectrum_part
from fits.stopping_muons.studies import studies
from fits.stopping_muons.targets import TARGETS, Target
from fits.stopping_muons.unfold import Chain, unfold
from processors.trials import Execute, each
from records.arrays import load_arrays, save_arrays
from records.flux_table import write_flux
from records.stopping_muons import CHAINS, EffectiveArea
from records.unfolding import FluxSpectrum

Results = dict[str, Any]
Say = Callable[[str], None]


def fit_all(
    config: StoppingMuonsConfig, hists: Mapping[str, Mapping[str, hist.Hist]], account: Mapping[str, Any], progress: Progress | None = None,
    execute: Execute = map,
) -> Results:  # fmt: skip
    """Everything that the configuration asks for: result name -> result. Writes ``chains.h5`` and ``flux_<target>.csv``.

    ``execute``: an ordered map for pseudo-experiments.
    What cannot be done on these data (chains that do not converge, no strength of the prior that covers) leaves a ``FailedFit``, and what rests on it
    is left out; the others stand. Raises ``InputError`` for everything that cannot be fitted as asked.
    """
    inputs = Inputs(config, hists, account)
    done = _Steps(config, progress)
    results: Results = {}
    chains: dict[str, Chain] = {}
    for target, (found, chain) in zip(TARGETS, each([partial(_target, inputs, target, done, execute) for target in TARGETS]), strict=True):
        results |= found
        chains |= {} if chain is None else {target.name: chain}
    results |= fits_to_fluxes(inputs, results, done)
    results |= studies(inputs, done)
    _write(config, results, chains)
    return results


def _target(inputs: Inputs, target: Target, say: Say, execute: Execute) -> tuple[Results, Chain | None]:
    """Effective area, spectra and fluxes of one target, and its chain if there is one."""
    results, chain = _area(inputs, target, say), None
    if target.wanted(inputs.config):
        found, chain = _spectra(inputs, target, results.get(f"effective_area.{target.name}"), say, execute)
        results |= found
    return results | fluxes(inputs, target, results), chain


class _Steps:
    """Says what is being done."""

    def __init__(self, config: StoppingMuonsConfig, progress: Progress | None) -> None:
        self._progress = progress
        self._total = sum(8 if target.wanted(config) else 1 for target in TARGETS)
        self._done = 0

    def __call__(self, what: str) -> None:
        if self._progress is not None:
            self._progress(what, min(self._done, self._total), self._total)
        self._done += 1


def _area(inputs: Inputs, target: Target, say: Say) -> Results:
    """The effective area, computed or as stored; nothing where neither is asked for."""
    compute = target.switch(inputs.config, "effective_area", "calculate_effective_area_{}")
    load = target.switch(inputs.config, "effective_area", "load_effective_area_{}")
    if not (compute.on or load.on):
        return {}
    part = area_part(inputs, target)
    if part.usable(load, compute):
        return part.load()
    say(f"effective area in {target.name}")
    found = {f"effective_area.{target.name}": effective_area(inputs, target)}
    part.save(found)
    return found


def _spectra(inputs: Inputs, target: Target, area: EffectiveArea | None, say: Say, execute: Execute) -> tuple[Results, Chain | None]:
    """Unfolded spectra with closure tests, and the chain of the sampled one if there is one; computed or as stored."""
    compute = target.switch(inputs.config, "unfolding", "unfold_{}")
    load = target.switch(inputs.config, "unfolding", "load_unfolding_{}_results")
    part = spectrum_part(inputs, target, None if area is None else area_part(inputs, target).key)
    if part.usable(load, compute):
        results = part.load()
        return results, _stored_chain(inputs, target) if f"unfolded.{target.name}.mcmc" in results else None
    found = measurement(inputs, target, area_m2=None if area is None else np.array(area.area_m2))
    unfolded = unfold(inputs, found, say)
    results = dict(unfolded.results)
    if unfolded.problem is not None and target.option(inputs.config, "unfolding", "evaluate_unfolding_{}"):
        results |= closures(inputs, found, unfolded.problem, inputs.config.options.coverage_toys, say, execute=execute)
    part.save(results)
    return results, unfolded.chain


def _stored_chain(inputs: Inputs, target: Target) -> Chain:
    arrays = load_arrays(inputs.config.output / CHAINS, target.name)
    return Chain(np.asarray(arrays["chain"], dtype=float), tuple(map(str, arrays["names"])))


def _write(config: StoppingMuonsConfig, results: Results, chains: Mapping[str, Chain]) -> None:
    config.output.mkdir(parents=True, exist_ok=True)
    groups = {name: {"chain": one.samples, "names": np.array(one.names)} for name, one in chains.items()}
    save_arrays(config.output / CHAINS, groups)
    for target in TARGETS:
        path = config.output / f"flux_{target.name}.csv"
        found = results.get(f"flux.{target.name}")
        if isinstance(found, FluxSpectrum):
            write_flux(path, found)
        else:
            path.unlink(missing_ok=True)
