"""All combinations of channel and mass of one fit, one after the other, with one count of progress; what is finished is not done again.

Every combination leaves a file of its own with its trials and its result, so that a run that was stopped goes on where it stood, and one that wants
more trials adds them. The outcome does not depend on where it stopped or on the number of workers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from configs.dark_matter import Campaign
from configs.schema import DarkMatterConfig
from data_info.dwarf_galaxies import select
from fits.dark_matter.bank import Bank, Group, Stored, with_groups
from fits.dark_matter.case import Case, Shared, prepare, trials_digest
from fits.dark_matter.combination import evaluate
from fits.dark_matter.inputs import Sample
from fits.dark_matter.p_values import global_p_values, local_p_values, scrambled_sky_ts
from fits.dark_matter.random_streams import stream_key
from fits.dark_matter.request import refuse_decay_of_annihilation_factors
from fits.dark_matter.sky import grid
from fits.dark_matter.source_arrays import directions
from fits.dark_matter.spectra import angles, spectra
from fits.dark_matter.trials import Map
from processors.trials import Execute
from records.dark_matter import CombinationResult
from records.provenance import source_digest, value_digest
from records.results import decode_result, encode_result
from records.trials import TrialGroup, group_name, load_trials, save_trials

Report = Callable[[int, int], None]  # done, all


def combinations(options: Campaign) -> list[tuple[str, float]]:
    """Channels and masses in the order of the configuration."""
    return [(channel, mass) for channel, masses in options.channels.items() for mass in masses]


def shared_by_all(config: DarkMatterConfig, name: str, sample: Sample) -> Shared:
    """Sources, sky and spectra of the fit ``name``. Raises ``InputError`` for a decay with J factors."""
    options = config.fits[name]
    refuse_decay_of_annihilation_factors(options)
    sources = select(options.sources.catalogue, options.sources.j_aperture, options.sources.exclude, config.source)
    cells = grid(*directions(sources), sample.psi_edges_rad, options.pdf.grid)
    seed = config.seed if options.trials.seed is None else options.trials.seed
    return Shared(options, seed, sample, sources, cells, spectra(options, config.source), angles(options.oscillation))


def new_bank(case: Case, shared: Shared, execute: Map | None = None) -> Bank:
    """An empty bank of trials for a combination."""
    options = shared.options.trials
    return Bank(case.bins, shared.seed, case.channel, case.mass_gev, options.inject, options.engine, execute)


@dataclass(frozen=True)
class Campaigner:
    """What running the combinations of a fit needs: the folder of their files, a map over the trials of one, and a map over whole combinations."""

    shared: Shared
    folder: Path
    execute: Map | None = None
    spread: Execute | None = None

    def cases(self) -> dict[str, Case]:
        """All combinations made ready, by ``<channel>_<mass>``. Raises ``InputError`` for what cannot be asked, before any trial."""
        ready = [prepare(self.shared, channel, mass_gev) for channel, mass_gev in combinations(self.shared.options)]
        return {case.name: case for case in ready}

    def run(self, cases: Mapping[str, Case], report: Report | None = None) -> dict[str, CombinationResult]:
        """Results of the combinations by name, with global p-values where scrambled skies are asked for."""
        if self.spread is not None:
            self._work_elsewhere(self.spread, cases)
        results = {}
        for done, (name, case) in enumerate(cases.items()):
            if report is not None:
                report(done, len(cases))
            results[name] = self.result(case)
        if report is not None:
            report(len(cases), len(cases))
        skies = self.shared.options.trials.scrambled_skies
        return self._with_global(cases, results, skies) if skies and not self.shared.sample.blind else results

    def result(self, case: Case) -> CombinationResult:
        """The result of a combination: from its file when it is finished, else computed, with the trials that are there."""
        finished, groups = self._file(case)
        return finished or self._saved(case, *work_out(self.shared, (case, groups), self.execute))

    def _work_elsewhere(self, spread: Execute, cases: Mapping[str, Case]) -> None:
        """Leave the files of all combinations that are not finished."""
        found = [(case, *self._file(case)) for case in cases.values()]
        waiting = [(case, groups) for case, finished, groups in found if finished is None]
        for (case, _), done in zip(waiting, spread(partial(work_out, self.shared), waiting), strict=True):
            self._saved(case, *done)

    def _file(self, case: Case) -> tuple[CombinationResult | None, dict[Group, Stored]]:
        """The result in a combination's file when it is that of the present configuration, and the trials in it that would be drawn again."""
        path = self.folder / f"{case.name}.h5"
        if not path.exists():
            return None, {}
        groups, text = load_trials(path)
        stored = json.loads(text) if text else {}
        finished = decode_result(stored["result"], str(path)) if stored.get("key") == self._key(case) else None
        return finished, _stored(groups, case, trials_digest(case, self.shared))

    def _saved(self, case: Case, found: CombinationResult, groups: Mapping[Group, Stored]) -> CombinationResult:
        bank = with_groups(new_bank(case, self.shared), groups)
        kept = trial_groups(bank, case, trials_digest(case, self.shared))
        save_trials(self.folder / f"{case.name}.h5", kept, result=json.dumps({"key": self._key(case), "result": encode_result(found)}))
        return found

    def _key(self, case: Case) -> str:
        digest = trials_digest(case, self.shared)
        return value_digest([digest, _options(self.shared), case.counts.tolist(), self.shared.sample.blind, source_digest(("fits",))])

    def _with_global(self, cases: Mapping[str, Case], results: Mapping[str, CombinationResult], skies: int) -> dict[str, CombinationResult]:
        """P-values of the smallest local p-value among all combinations, on skies scrambled in common."""
        key = stream_key(self.shared.seed, "skies")
        of_skies, local = [], []
        for name, case in cases.items():
            background = new_bank(case, self.shared, self.execute).background(self.shared.options.trials.background).ts
            ts = scrambled_sky_ts(key, skies, case.event, case.row, case.bins.rows, case.bins.ratio)
            of_skies.append(local_p_values(ts, background))
            observed = results[name].observation
            assert observed is not None  # the data may be looked at
            local.append(observed.p)
        p, error = global_p_values(np.array(local), np.array(of_skies).T)
        return {name: _with_p_global(results[name], float(p[place]), float(error[place])) for place, name in enumerate(cases)}


def work_out(shared: Shared, work: tuple[Case, Mapping[Group, Stored]], execute: Map | None = None) -> tuple[CombinationResult, dict[Group, Stored]]:
    """The result of a combination and all its trials, those that are there already included."""
    case, groups = work
    bank = with_groups(new_bank(case, shared, execute), groups)
    return evaluate(case, shared, bank), bank.groups


def trial_groups(bank: Bank, case: Case, digest: str) -> dict[str, TrialGroup]:
    """The kept trials of a bank as they are saved."""
    groups = {}
    for (kind, injected), kept in bank.groups.items():
        about = {"digest": digest, "stream": f"{bank.stream(kind, injected):016x}", "seed": bank.seed}
        about |= {"n_events": case.bins.n_events, "engine": bank.engine}
        trial = np.arange(len(kept), dtype=np.uint64)
        groups[group_name(kind, case.channel, case.mass_gev, injected)] = TrialGroup(trial, kept.n_hat, kept.ts, about)
    return groups


def _stored(groups: Mapping[str, TrialGroup], case: Case, digest: str) -> dict[tuple[str, float], Stored]:
    """Groups of an earlier run that the present configuration would draw again."""
    found = {}
    for name, group in groups.items():
        kind, *_, last = name.split("/")
        injected = 0.0 if kind == "bkg" else float(last)
        whole = len(group.trial) and np.array_equal(group.trial, np.arange(len(group.trial)))
        if group.about["digest"] == digest and whole and name == group_name(kind, case.channel, case.mass_gev, injected):
            found[kind, injected] = Stored(group.n_hat, group.ts)
    return found


def _options(shared: Shared) -> object:
    """What a result depends on besides its sky."""
    beside = {"channels", "compare", "workspaces", "pyhf_limits", "hepdata", "compat"}
    return [shared.options.model_dump(mode="json", exclude=beside), shared.sample.livetime_s]


def _with_p_global(result: CombinationResult, p: float, error: float) -> CombinationResult:
    assert result.observation is not None
    return replace(result, observation=replace(result.observation, p_global=p, p_global_error=error))
