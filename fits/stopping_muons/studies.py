"""What the reconstructions are worth, from histograms and from the sample of the preparation, as far as the configuration asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fits.stopping_muons.correlation import correlation_summary
from fits.stopping_muons.data_mc import data_mc_agreement
from fits.stopping_muons.inputs import Inputs
from fits.stopping_muons.mutual_information import mutual_information
from fits.stopping_muons.reconstruction import multiplicity, score_performance
from fits.stopping_muons.seeds import seed_of
from fits.stopping_muons.targets import TARGETS
from processors.stopping_muons_preparation import load

CORRELATION, AGREEMENT = "corr_", "datamc_"


def studies(inputs: Inputs, say: Callable[[str], None]) -> dict[str, Any]:
    """``score``, ``multiplicity``, ``correlation.<quantity>``, ``data_mc.<observable>``, ``mutual_information``."""
    wanted, nominal = inputs.config.reconstructions, inputs.nominal
    found: dict[str, Any] = {}
    if wanted.evaluate_score_distribution:
        found["score"] = score_performance(inputs.hist(nominal, "score"))
    if wanted.plot_multiplicity:
        found["multiplicity"] = multiplicity(inputs.hist(nominal, "multiplicity"))
    if wanted.plot_correlations:
        quantities = [name for name in inputs.hists[nominal] if name.startswith(CORRELATION)]
        found |= {f"correlation.{name.removeprefix(CORRELATION)}": correlation_summary(inputs.hist(nominal, name)) for name in quantities}
    if wanted.plot_data_mc_agreement:
        found |= _agreement(inputs)
    if wanted.analyse_mi_scores:
        say("mutual information")
        sample = load(inputs.config.output).sample
        targets = {target.name: target.truth for target in TARGETS}
        seed = seed_of(inputs.config.seed, "mutual information")
        found["mutual_information"] = mutual_information(sample, wanted.observables, targets, seed=seed)
    return found


def _agreement(inputs: Inputs) -> dict[str, Any]:
    """Of data with the nominal simulation; none without data."""
    if not inputs.data:
        return {}
    found, livetime_s = {}, inputs.livetime_s
    for name in (name for name in inputs.hists[inputs.nominal] if name.startswith(AGREEMENT)):
        data = sum((inputs.hist(dataset, name) for dataset in inputs.data[1:]), start=inputs.hist(inputs.data[0], name))
        simulated = inputs.hist(inputs.nominal, name) * (1.0 / inputs.fraction(inputs.nominal))
        found[f"data_mc.{name.removeprefix(AGREEMENT)}"] = data_mc_agreement(data, simulated, livetime_s)
    return found
