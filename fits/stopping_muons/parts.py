"""What each stored part of the results depends on, in words that a message can name."""

from __future__ import annotations

from typing import Any

from configs.schema import as_json
from fits.stopping_muons.inputs import Inputs
from fits.stopping_muons.stored import Stored
from fits.stopping_muons.targets import Target
from records.hists import digest
from records.provenance import source_digest

CODE = ("configs", "fits/stopping_muons", "fits/unfolding", "processors", "readers")
AREA_HISTS = ("aeff_num_{}", "aeff_den_{}", "aeff_cross_{}", "aeff_tilted_num_{}", "aeff_tilted_den_{}", "impurity_{}")
SPECTRUM_HISTS = ("response_{}", "tilted_{}", "snowstorm_{}", "pseudo_{}", "counts_{}")
FIT_OPTIONS = (
    "space", "mc_stat", "solver", "sample", "prior_f", "max_extend", "compat", "nuisances", "scan_toys", "min_expected", "pseudo_livetime_s",
    "test_mc_stat", "coverage_toys",
)  # fmt: skip
FIT_KEYS = (
    "is_sim", "epsilon", "include_systematics", "n_used_steps", "n_burn_steps", "n_walkers", "reg_min", "reg_max", "n_steps", "test_size",
    "reg_{}", "optimize_unfolding_{}", "evaluate_unfolding_{}",
)  # fmt: skip


def area_part(inputs: Inputs, target: Target) -> Stored:
    """Of the effective area."""
    options = as_json(inputs.config)
    depends = _common(inputs, target, AREA_HISTS) | {
        "effective_area.include_effective_area_syst_unc": options["effective_area"]["include_effective_area_syst_unc"],
        "unfolding.include_systematics": options["unfolding"]["include_systematics"],
        "options.nuisances": options["options"]["nuisances"],
        "options.compat": options["options"]["compat"],
        "options.same_showers": options["options"]["same_showers"],
        "systematics": {key: options["systematics"][key] for key in _sector_keys(target)},
    }
    return Stored(inputs.config.output, f"effective_area.{target.name}", depends)


def spectrum_part(inputs: Inputs, target: Target, area: str | None) -> Stored:
    """Of the unfolding; ``area``: key of the effective area, for spaces of the flux."""
    options = as_json(inputs.config)
    keys = [key.format(target.name) for key in FIT_KEYS]
    depends = _common(inputs, target, SPECTRUM_HISTS) | {f"unfolding.{key}": options["unfolding"][key] for key in keys}
    depends |= {f"options.{key}": options["options"][key] for key in FIT_OPTIONS}
    if options["options"]["space"] != "log_ratio" or options["options"]["compat"]:
        depends["effective area"] = area
    return Stored(inputs.config.output, f"unfolding.{target.name}", depends)


def _sector_keys(target: Target) -> tuple[str, ...]:
    return ("sectors", f"data_based_systematics_{target.name}", f"calculate_effective_area_systematics_{target.name}")


def _common(inputs: Inputs, target: Target, patterns: tuple[str, ...]) -> dict[str, Any]:
    """Seed, model, bins, files and histograms: each data set's apart, so that a message can name it."""
    wanted = [pattern.format(target.name) for pattern in patterns]
    found: dict[str, Any] = {"seed": inputs.config.seed, "general.model": inputs.config.general.model, "code": source_digest(CODE)}
    for dataset, hists in inputs.hists.items():
        chosen = {name: hists[name] for name in wanted if name in hists}
        if chosen:
            account = inputs.account["datasets"][dataset]
            exposure = [account["fraction"], account.get("livetime_s")]
            found[f"histograms of {dataset}"] = [digest({dataset: chosen}), *exposure]
    return found
